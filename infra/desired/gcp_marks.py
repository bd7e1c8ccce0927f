"""Whose a service account or a custom role is: these have no labels, so their descriptions carry our tags.  Pure."""

from collections.abc import Mapping
from urllib.parse import quote, unquote

_OURS = "al:"


def mark(tags: Mapping[str, str]) -> str:
    """The tags as a description: `al:managed=true al:project=shop ...`."""
    return " ".join(f"{key}={quote(value)}" for key, value in sorted(tags.items()))


def marked(description: str) -> dict[str, str]:
    """The tags that `mark` made this description of; none, when somebody else wrote it."""
    pairs = (word.partition("=") for word in description.split())
    return {key: unquote(value) for key, _, value in pairs if key.startswith(_OURS)}
