"""The two tokens of a run: the container's own, and the agent's, which is made from it and does not lead back to it."""

import base64
import hashlib


def for_agent(token: str) -> str:
    """What the agent of the run with this token presents: of the same form, `<run id>.<43 characters>`."""
    made = hashlib.sha256(b"agent\0" + token.encode("utf-8", "replace")).digest()
    return f"{token.partition('.')[0]}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"
