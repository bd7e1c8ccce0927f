"""Reading a body that may hold anything anywhere: what is not of the expected kind is not there.

Texts are cut, and come out as what UTF-8, JSON and an environment variable can carry.
"""

from typing import Any

from toolkit.core.webhook import MOST_TEXT

MOST_LABELS = 100
_LARGEST = (
    2**53
)  # what JSON's numbers hold exactly (https://www.rfc-editor.org/rfc/rfc8259#section-6)


def at(payload: Any, *path: str) -> Any:
    """What is there, or None where a step leads into something that is no object."""
    for name in path:
        if not isinstance(payload, dict):  # as JSON is read; asking for a Mapping costs much more
            return None
        payload = payload.get(name)
    return payload


def text(payload: Any, *path: str) -> str | None:
    """A text that is not empty, or a whole number as text: senders are not of one mind about ids."""
    value = at(payload, *path)
    if isinstance(value, str):
        return clean(value) if value else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return str(value)
    return None


def clean(value: str) -> str:
    """Cut, and without NUL and halves of surrogate pairs, which JSON can say and UTF-8 cannot."""
    if len(value) > MOST_TEXT:
        value = value[:MOST_TEXT] + "..."
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode("utf-8")
    return value.replace("\0", "") if "\0" in value else value  # to look first is much quicker


def number(payload: Any, *path: str) -> int | None:
    value = at(payload, *path)
    good = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST
    return value if good else None


def items(payload: Any, *path: str) -> list[Any]:
    value = at(payload, *path)
    return value if isinstance(value, list) else []


def names(payload: Any, *path: str, key: str = "name") -> tuple[str, ...]:
    """Of a list of objects, such as labels; of a list of texts, these."""
    found = (
        text(item, key) if isinstance(item, dict) else text({"": item}, "")
        for item in items(payload, *path)[:MOST_LABELS]
    )
    return tuple(name for name in found if name)


def first(*found: str | None) -> str | None:
    return next((value for value in found if value), None)
