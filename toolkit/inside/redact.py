"""Literal values of a run's secrets, kept out of everything that the container prints.

Looks for each value, each of its lines, and the forms that tools print by accident: base64 (also in the middle of
something longer, as in a Basic authorization header), URL-quoted and JSON-escaped.  A value shorter than four
characters is left alone: it would blot out half of the log.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

MASK = "***"
SHORTEST = 4
SHORTEST_BASE64 = 6
_WRAPPED = 76  # coreutils' base64 breaks its lines here


class Redactor:
    """Replaces secret values in text."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        found = {form for value in values for form in _forms(value)}
        self._forms = tuple(sorted(found, key=len, reverse=True))

    def text(self, text: str) -> str:
        return _masked(text, self._spans(text))

    def value(self, value: Any) -> Any:
        """The same for every string in a JSON value, keys left alone."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def stream(self) -> "Stream":
        return Stream(self)

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets are: sorted, and merged where they overlap."""
        spans: list[tuple[int, int]] = []
        for start, end in sorted(s for form in self._forms for s in _occurrences(form, text)):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def _unfinished(self, text: str) -> int:
        """Where the longest end of `text` begins that may be the beginning of a secret.  No form has a newline."""
        floor = text.rfind("\n") + 1
        return min((_beginning(form, text, floor) for form in self._forms), default=len(text))


class Stream:
    """A redactor for text that arrives in pieces: holds back what may turn out to be half a secret."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be printed by now."""
        text = self._held + text
        spans = self._redactor._spans(text)  # noqa: SLF001 - two halves of one thing
        cut = self._redactor._unfinished(text)  # noqa: SLF001
        # a secret that is whole but overlaps the possible beginning of another waits with it
        cut = next((start for start, end in spans if start < cut < end), cut)
        self._held = text[cut:]
        return _masked(text[:cut], [span for span in spans if span[1] <= cut])

    def close(self) -> str:
        """The rest."""
        rest, self._held = self._held, ""
        return self._redactor.text(rest)


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], MASK]
        done = end
    return "".join([*parts, text[done:]])


def _occurrences(form: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _beginning(form: str, text: str, floor: int) -> int:
    start = text.find(form[0], max(floor, len(text) - len(form) + 1))
    while start >= 0:
        if form.startswith(text[start:]):
            return start
        start = text.find(form[0], start + 1)
    return len(text)


def _forms(value: str) -> Iterator[str]:
    for line in (line.strip() for line in value.splitlines()):
        if len(line) >= SHORTEST:
            yield from (line, quote(line, safe=""), json.dumps(line)[1:-1])
    if len(value.strip()) >= SHORTEST:
        yield from _base64_forms(value.strip().encode())


def _base64_forms(data: bytes) -> Iterator[str]:
    """What is constant in the base64 of anything that contains `data`, at each of the three alignments."""
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + data).decode()
        first, last = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        if last - first >= SHORTEST_BASE64:
            yield text[first:last]
            yield text[first:last].translate(str.maketrans("+/", "-_"))
    alone = base64.b64encode(data).decode().rstrip("=")
    for start in range(0, len(alone), _WRAPPED):
        if len(line := alone[start : start + _WRAPPED]) >= SHORTEST_BASE64:
            yield line
