"""What a command sends to the gateway, without the run's credentials: it is kept there, and shown to others.

The command is a process of the agent, so it knows the values by the agent's own files.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from toolkit.inside.redact import Redactor

FIELDS = (
    "AL_MASKED"  # `<type>/<instance>/<field>` of each secret below AL_CREDENTIALS_PATH, by colons
)


def masked(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """`text` with the values replaced; what looks like somebody else's token stays, for whoever reads it asked."""
    return Redactor((value for _, value in values(environ)), shapes=False).text(text)


def values(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What must not be shown: its name, and its value."""
    root = Path(environ.get("AL_CREDENTIALS_PATH", ""))
    for name in filter(None, environ.get(FIELDS, "").split(":")):
        try:
            yield name, (root / name).read_text("utf-8")
        except OSError:
            continue  # the agent has deleted it, and so cannot have it from there
    yield "the run's token", environ.get("SHUTDOWN_SECRET", "")
