"""The forms in which a secret's value turns up in text: as it is, and as tools write it by accident.

Each of its lines, URL-quoted, JSON- and XML-escaped; base64, also in the middle of something longer, as in a Basic
authorization header; and of a value that is JSON, as a service account's key is, what stands under a telling name.
No form has a newline.  A long one comes in pieces, so that a part of a key is found as well.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

SHORTEST = 4  # characters: less would blot out half of a log
SHORTEST_BASE64 = 6
PIECE = 32  # characters of a piece; the last one of a value has up to twice as many less one
LONGEST = 2 * PIECE - 1
_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
# as Go writes JSON (https://pkg.go.dev/encoding/json#HTMLEscape)
_GO = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})
_URL_SAFE = str.maketrans("+/", "-_")
_TELLING = re.compile("key|secret|token|passw|credential", re.IGNORECASE)


def forms(value: str) -> Iterator[str]:
    """Every form of `value`, some of them more than once."""
    for text in (value, *_inner(value)):
        for form in _whole(text):
            yield from _pieces(form)


def _whole(value: str) -> Iterator[str]:
    for line in (line.strip() for line in value.splitlines()):
        if len(line) >= SHORTEST:
            yield from _written(line)
    if len(value.strip()) >= SHORTEST:
        yield from _base64(value.strip().encode("utf-8", "surrogatepass"))


def _written(line: str) -> Iterator[str]:
    escaped = json.dumps(line, ensure_ascii=False)[1:-1]
    yield from (line, json.dumps(line)[1:-1], escaped, escaped.translate(_GO))
    yield line.translate(_XML)
    if line.isascii() and line.isalnum():
        return
    data = line.encode("utf-8", "replace")
    # the last is what JavaScript's encodeURIComponent leaves alone
    yield from (quote(data, safe=""), quote(data), quote_plus(data), quote(data, safe="!~*'()"))


def _base64(data: bytes) -> Iterator[str]:
    """What is constant in the base64 of anything that contains `data`, at each of the three alignments."""
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + data).decode()
        first, last = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        if last - first >= SHORTEST_BASE64:
            yield text[first:last]
            yield text[first:last].translate(_URL_SAFE)
    alone = base64.b64encode(data).decode().rstrip("=")
    if len(alone) >= SHORTEST_BASE64:
        yield from (alone, alone.translate(_URL_SAFE))


def _pieces(form: str) -> Iterator[str]:
    starts = range(0, max(1, len(form) - PIECE + 1), PIECE)
    for start in starts[:-1]:
        yield form[start : start + PIECE]
    yield form[starts[-1] :]


def _inner(value: str) -> Iterator[str]:
    """Of a JSON object, the texts whose names tell that they are secrets."""
    if not value.lstrip().startswith("{"):
        return
    try:
        data = json.loads(value)
    except ValueError:
        return
    yield from _telling(data)


def _telling(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        named = ((name, item) for name, item in data.items() if isinstance(item, str))
        yield from (item for name, item in named if _TELLING.search(name))
    for inner in data.values() if isinstance(data, dict) else data:
        if isinstance(inner, dict | list):
            yield from _telling(inner)
