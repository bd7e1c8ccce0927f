"""Where any of many literal texts stands in another, at the speed of memory where none does.

A text of at least 15 bytes, wherever it stands, fills one whole block when everything is cut into blocks of 8; which of
its 8-byte words that is depends only on where it begins.  So the words of all literals go into one table, and a search
is one look-up for each block.  Shorter literals take blocks of 4; the shortest are looked for one by one.

Long ones are also found across the ends of lines, as a terminal or `fold` breaks them.
"""

import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Literal

Span = tuple[int, int]
_BREAKS = re.compile("[\r\n]")
_KNOWN = 8  # characters of a literal at a line's end, from which on its rest is waited for


class Literals:
    """`longest` is what the longest of them has, in characters."""

    def __init__(self, literals: Iterable[str]) -> None:
        self._long, self._middle = _Table(8, "Q"), _Table(4, "I")
        self._short: list[str] = []
        self._beginnings: dict[str, list[str]] = {}
        self.longest = 0
        for text in set(literals):
            self._add(text)

    def spans(self, text: str) -> Iterator[Span]:
        """Where they stand, in no order, and perhaps overlapping."""
        joined = text.replace("\r", "").replace("\n", "")
        data = joined.encode("utf-8", "surrogatepass")
        for literal in (*self._middle.candidates(data), *self._short):
            yield from _occurrences(literal, text)
        if long := self._long.candidates(data):
            places = _Places(text)
            for literal in long:
                for start, end in _occurrences(literal, joined):
                    yield places.of(start), places.of(end - 1) + 1

    def begun(self, text: str) -> int:
        """Where in `text` a long literal begins that its end cuts off; its length when there is none."""
        at = max(0, len(text) - 2 * self.longest)
        joined, places = _BREAKS.sub("", text[at:]), _Places(text[at:])
        for start in range(len(joined) - _KNOWN + 1):
            for literal in self._beginnings.get(joined[start : start + _KNOWN], ()):
                if literal.startswith(joined[start:]) and len(joined) - start < len(literal):
                    return at + places.of(start)
        return len(text)

    def _add(self, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.longest = max(self.longest, len(text))
        if len(data) >= self._long.least:
            self._long.add(text, data)
            self._beginnings.setdefault(text[:_KNOWN], []).append(text)
        elif len(data) >= self._middle.least:
            self._middle.add(text, data)
        elif text:
            self._short.append(text)


class _Table:
    """Words of `size` bytes -> the literals that they may belong to."""

    def __init__(self, size: int, code: Literal["I", "Q"]) -> None:
        self.least = 2 * size - 1
        self._size, self._code = size, code
        self._words: dict[int, list[str]] = {}

    def add(self, literal: str, data: bytes) -> None:
        for at in range(self._size):
            word = int.from_bytes(data[at : at + self._size], sys.byteorder)
            self._words.setdefault(word, []).append(literal)

    def candidates(self, data: bytes) -> set[str]:
        """The literals that may stand in `data`: mostly none."""
        if not self._words:
            return set()
        blocks = memoryview(data)[: len(data) // self._size * self._size].cast(self._code)
        if self._words.keys().isdisjoint(blocks):
            return set()
        return {
            literal for word in self._words.keys() & set(blocks) for literal in self._words[word]
        }


class _Places:
    """Positions in a text without its line breaks -> in the text."""

    def __init__(self, text: str) -> None:
        breaks = enumerate(match.start() for match in _BREAKS.finditer(text))
        self._before = [place - number for number, place in breaks]

    def of(self, position: int) -> int:
        return position + bisect_right(self._before, position)


def _occurrences(literal: str, text: str) -> Iterator[Span]:
    start = text.find(literal)
    while start >= 0:
        yield start, start + len(literal)
        start = text.find(literal, start + 1)
