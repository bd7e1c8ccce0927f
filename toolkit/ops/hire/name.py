"""What a hired agent may be called: one rule for its section, its account at the forge, its directory and its service."""

import re

from toolkit.config.values import ROLE
from toolkit.core.agent import AgentName
from toolkit.core.errors import UsageError

LONGEST = 40  # leaves room for what clouds put before it: Lambda takes 64 characters, Cloud Run 63
_RULE = "a name begins with a letter, then has lower-case letters, digits and single hyphens between them"
_EXAMPLES = (
    "such as dev, dev-qwen, dev-qwen2 or review-2; not dev--qwen, -dev, dev-, Dev, dev_q or 2dev"
)


def checked_name(text: str) -> AgentName:
    """Raises UsageError with the rule."""
    if not re.fullmatch(ROLE, text) or len(text) > LONGEST or text == "default":
        raise UsageError(
            f"{text!r} cannot be an agent's name: {_RULE}, {LONGEST} characters at most",
            hint=_EXAMPLES,
        )
    return AgentName.parse(text)


def checked_role(text: str) -> str:
    """Raises UsageError."""
    if not re.fullmatch(ROLE, text) or len(text) > LONGEST:
        raise UsageError(f"{text!r} is no role: {_RULE}", hint="such as dev or review")
    return text
