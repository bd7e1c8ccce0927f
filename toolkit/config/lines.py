"""On which line of a TOML file a key stands, for messages.

Reads the text once more, as people read it: headers in brackets, then `key = value`.  What it does not find (a key inside
an inline table, one that is missing) is told by the nearest thing above it.
"""

import re
import tomllib
from collections.abc import Iterator

from pydantic.alias_generators import to_snake

_HEADER = re.compile(r"\s*\[\[?(?P<path>[^\]]+)\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""\s*(?P<path>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_INDEX = re.compile(r"\[\d+\]")
Names = tuple[str, ...]


def line_of(text: str, key: str) -> int | None:
    """The line of a dotted key, in either spelling, counted from 1; None where nothing of it is written."""
    wanted = names(key)
    found: tuple[int, int] | None = None  # how much of the key, and where
    for number, path in _written(text):
        depth = len(path)
        if path == wanted[:depth] and (found is None or depth > found[0]):
            found = depth, number
    return found[1] if found else None


def names(key: str) -> Names:
    """The parts of a dotted key in snake_case, as both spellings of it come to, without numbers; quotes are TOML's."""
    try:
        table = tomllib.loads(f"{_INDEX.sub('', key)} = 0")
    except tomllib.TOMLDecodeError:
        return (key,)
    parts: list[str] = []
    inner: object = table
    while isinstance(inner, dict):
        (name, inner), *_ = inner.items()
        parts.append(to_snake(name))
    return tuple(parts)


def _written(text: str) -> Iterator[tuple[int, Names]]:
    table: Names = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = names(header["path"].strip())
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, *names(key["path"]))
