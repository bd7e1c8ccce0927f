"""Long lines made whole again.  Pure: entries in, entries out.

A container cuts a long line into entries with a number, `part`, and marks the last of them with `end`
(toolkit/inside/lines.py).  Parts of several runs and streams may come mixed; one whose end never comes is let go when
its stream says something else, when its run ends, or when too much is being held.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from toolkit.core.logs import LAST_LINE, Entry

MOST = 1_000_000  # characters of one line: what is longer comes in several
OPEN = 32  # lines that are held at once
_Stream = tuple[str, str]  # a run, and a stream of it; our own lines have none


@dataclass(slots=True)
class _Held:
    """The parts of a line so far."""

    parts: list[Entry] = field(default_factory=list)
    length: int = 0

    def add(self, entry: Entry) -> None:
        self.parts.append(entry)
        self.length += len(str(entry.get(self._cut, "")))

    def follows(self, entry: Entry) -> bool:
        return bool(entry["part"] == self.parts[-1]["part"] + 1)

    def whole(self) -> Entry:
        """The first part with the text of all."""
        text = "".join(str(part.get(self._cut, "")) for part in self.parts)
        kept = {k: v for k, v in self.parts[0].items() if k not in ("part", "end")}
        return {**kept, self._cut: text}

    @property
    def _cut(self) -> str:
        """The field that was too long: a full part has nothing longer."""
        texts = {k: v for k, v in self.parts[0].items() if isinstance(v, str) and k != "id"}
        return max(texts, key=lambda name: len(texts[name]))


class Parts:
    """Joins the parts of long lines, and lets everything else through."""

    def __init__(self) -> None:
        self._held: dict[_Stream, _Held] = {}

    def of(self, entry: Entry) -> tuple[Entry, ...]:
        """What can be shown now that `entry` has come: nothing while a line goes on."""
        return tuple(self._taken(entry))

    def rest(self) -> tuple[Entry, ...]:
        """What has no end, when there are no more entries."""
        return tuple(self._let_go(list(self._held)))

    def _taken(self, entry: Entry) -> Iterator[Entry]:
        stream = (str(entry["run"]), str(entry.get("stream", "")))
        if not ("_log" in entry and isinstance(entry.get("part"), int)):
            over = entry.get("msg") == LAST_LINE
            yield from self._let_go(
                [s for s in self._held if s == stream or (over and s[0] == stream[0])]
            )
            yield entry
            return
        if (held := self._held.get(stream)) and not held.follows(entry):
            yield from self._let_go([stream])
        held = self._held.setdefault(stream, _Held())
        held.add(entry)
        if entry.get("end") or held.length > MOST:
            yield from self._let_go([stream])
        yield from self._let_go(list(self._held)[:-OPEN])

    def _let_go(self, streams: list[_Stream]) -> Iterator[Entry]:
        for stream in streams:
            yield self._held.pop(stream).whole()
