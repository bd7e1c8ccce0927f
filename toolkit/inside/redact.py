"""Secrets, kept out of everything that the container prints, reports or tells a model.

The run's own, by their literal values in many forms (secret_forms.py), and what looks like somebody's token
(token_shapes.py).  A value shorter than four characters is left alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from . import token_shapes
from .literals import Literals, Span
from .secret_forms import LONGEST, forms

MASK = "***"
HELD = 16 * 1024  # characters of a line, or a private key, that are waited for


class Redactor:
    """Replaces secret values in text; with `shapes`, also what looks like a token."""

    def __init__(self, values: Iterable[str] = (), *, shapes: bool = True) -> None:
        self._literals = Literals(form for value in values for form in forms(value))
        self._shapes = shapes

    def text(self, text: str) -> str:
        return masked(text, self.spans(text))

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
        return Stream(lambda: self)

    def spans(self, text: str) -> list[Span]:
        """Where secrets are: sorted, and one where they overlap or touch."""
        spans: list[Span] = []
        for start, end in sorted(self._found(text)):
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def begun(self, text: str) -> int:
        """Where a secret begins that goes on behind `text`'s last line; its length when there is none."""
        key = token_shapes.open_key(text) if self._shapes else len(text)
        return min(self._literals.begun(text), key)

    def _found(self, text: str) -> Iterator[Span]:
        yield from self._literals.spans(text)
        if self._shapes:
            yield from token_shapes.spans(text)


class Stream:
    """A redactor for text that arrives in pieces: gives out whole lines, and holds back what may be half a secret.

    A line is not held for the next one unless its end is the beginning of a secret, or it begins a private key.
    """

    def __init__(self, redactor: Callable[[], Redactor]) -> None:
        """`redactor` is asked each time: a process may be older than what its run knows of secrets."""
        self._redactor = redactor
        self._held = ""
        self._before = ""  # the end of what was given out, as it came
        self._masking = False  # whether that is part of a secret

    def feed(self, text: str) -> str:
        """What can be printed by now."""
        self._held += text
        return self._released(self._ready())

    def close(self) -> str:
        """The rest."""
        return self._released(len(self._held))

    def _ready(self) -> int:
        """How many of the held characters may be given out: whole lines, else what is too long to wait for."""
        end = self._held.rfind("\n") + 1
        if end:
            begun = self._redactor().begun(self._held[:end])
            end = begun if end - begun < HELD else end
        return end if len(self._held) - end < HELD else len(self._held) - LONGEST

    def _released(self, end: int) -> str:
        if not end:
            return ""
        text, base = self._before + self._held, len(self._before)
        spans = self._redactor().spans(text)
        end = self._uncut(base + end, spans) - base
        spans = [
            (max(a, base), min(b, base + end)) for a, b in spans if a < base + end and b > base
        ]
        given = masked(text[: base + end], spans)[base:]
        if self._masking and spans and spans[0][0] == base:
            given = given.removeprefix(MASK)
        self._masking = bool(spans) and spans[-1][1] == base + end
        self._before, self._held = text[: base + end][-LONGEST:], self._held[end:]
        return given

    def _uncut(self, end: int, spans: Sequence[Span]) -> int:
        """`end`, or before the secret that it would cut, unless that is too long to wait for."""
        inside = [
            a for a, b in spans if a < end < b and len(self._before) + len(self._held) - a < HELD
        ]
        return max(inside[0], len(self._before)) if inside else end


def masked(text: str, spans: Iterable[Span]) -> str:
    """`text` with each of `spans` replaced, whose line ends stay."""
    parts, done = list[str](), 0
    for start, end in spans:
        parts += [text[done:start], "\n".join([MASK] * (1 + text.count("\n", start, end)))]
        done = end
    return "".join([*parts, text[done:]])
