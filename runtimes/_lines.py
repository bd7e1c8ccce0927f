"""Reads a run's log file from either end: whole lines only, each with a time and an id that never change.

The id is the line's offset.  The time is the `ts` that our own lines carry; any other line has the time of the
line of ours before it, and the first ones that of the run's start.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from toolkit.core.logs import LogEvent

BLOCK = 65_536
DISORDER_MS = (
    5_000  # by how much a line of ours may be earlier than one before it, and still be found
)

Line = tuple[int, bytes]  # offset, text without the line's end


def forward(path: Path, run: str, *, since: int, started: int, over: bool) -> Iterator[LogEvent]:
    """From `since` (epoch ms) on, in the file's order.  `over`: nothing more comes, so an unended line counts."""
    with path.open("rb") as file:
        last = started
        for offset, text in _lines(file, _beginning(file, since), over=over):
            last = _time(text) or last
            if last >= since:
                yield _event(run, offset, text, last)


def backward(
    path: Path, run: str, *, before: int | None, started: int, over: bool
) -> Iterator[LogEvent]:
    """The same, newest first; only those earlier than `before`.  Reads no more of the file than is asked for."""
    with path.open("rb") as file:
        for offset, text, time in _timed_backward(file, started, over=over):
            if before is None or time < before:
                yield _event(run, offset, text, time)


def _event(run: str, offset: int, text: bytes, time: int) -> LogEvent:
    return LogEvent(time=time, id=f"{offset:012d}", message=text.decode(errors="replace"), run=run)


def _time(text: bytes) -> int | None:
    """The `ts` of a line that our own code printed; what others print could say anything."""
    if not text.startswith(b"{") or b'"_log"' not in text:
        return None
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    time = line.get("ts")
    return time if line.get("_log") is True and type(time) is int and time > 0 else None


def _beginning(file: BinaryIO, since: int) -> int:
    """An offset before which every line is certainly earlier than `since`."""
    if since > 0:
        for offset, text in reversed_lines(file):
            if (time := _time(text)) is not None and time < since - DISORDER_MS:
                return offset
    return 0


def _lines(file: BinaryIO, start: int, *, over: bool) -> Iterator[Line]:
    file.seek(start)
    offset = start
    for text in file:
        if text.endswith(b"\n") or over:
            yield offset, text.removesuffix(b"\n")
        offset += len(text)


def _timed_backward(
    file: BinaryIO, started: int, *, over: bool
) -> Iterator[tuple[int, bytes, int]]:
    waiting: list[Line] = []  # lines whose time stands further up
    for offset, text in reversed_lines(file, over=over):
        waiting.append((offset, text))
        if (time := _time(text)) is not None:
            yield from ((*line, time) for line in waiting)
            waiting.clear()
    yield from ((*line, started) for line in waiting)


def reversed_lines(file: BinaryIO, *, over: bool = False) -> Iterator[Line]:
    """Whole lines, the last one first, reading block by block from the end."""
    position = file.seek(0, 2)
    rest, unended = b"", True  # what was read of the line that reaches into the block before
    while position > 0:
        size = min(BLOCK, position)
        position -= size
        file.seek(position)
        first, *others = (file.read(size) + rest).split(b"\n")
        offset = position + len(first) + sum(len(o) + 1 for o in others) + 1
        for text in reversed(others):
            offset -= len(text) + 1
            if not unended or (over and text):
                yield offset, text
            unended = False
        rest = first
    if not unended or (over and rest):
        yield 0, rest
