"""What the container prints: one JSON object per line, which carries the run's id.

`{"_log": true, "level", "msg", ...fields, "run", "ts"}` with `ts` in epoch milliseconds, never going back.  Every
line is redacted here, at the one door, and none is longer than 16 KiB, where the awslogs driver cuts
(https://docs.docker.com/engine/logging/drivers/awslogs/); a longer text comes in several lines that are numbered by
`part`, the last of them marked by `end`.

From the run's claim to its last line they are counted, from 1, in `line`: so a line is the same whichever way it comes.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from toolkit.core.logs import NUMBER

from .redact import Redactor

OUTPUT = "output"  # the message of what an agent's processes print
ROOM = 12 * 1024  # bytes of one text in its line, as JSON
_STDOUT = threading.Lock()  # a platform may have a log of its own


class Copy(Protocol):
    """Where a run's lines go beside stdout: nothing of it may wait or raise."""

    def line(self, number: int, line: bytes) -> None:
        """A counted line, as it was printed, without its end."""

    def tell(self, **fields: Any) -> None:
        """What is no line: a field of the run's mailbox, or its usage so far.  Redacted already."""


class Log:
    """Prints lines of one run; every thread may call it."""

    def __init__(
        self,
        run: str,
        *,
        write: Callable[[bytes], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.redactor = Redactor()  # the run replaces it when it knows its secrets
        self._run = run
        self._write = write or to_stdout
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0
        self._count: int | None = None
        self._copy: Copy | None = None
        self._over = False

    def begin(self, copy: Copy) -> None:
        """The run is ours: from now on its lines are counted, and `copy` has each of them too."""
        with self._lock:
            self._count, self._copy = 0, copy

    def tell(self, **fields: Any) -> None:
        """For whoever watches the run.  Redacted here."""
        if self._copy is not None:
            self._copy.tell(**self.redactor.value(fields))

    def debug(self, msg: str, **fields: Any) -> None:
        self.record("debug", msg, fields)

    def info(self, msg: str, **fields: Any) -> None:
        self.record("info", msg, fields)

    def warn(self, msg: str, **fields: Any) -> None:
        self.record("warn", msg, fields)

    def error(self, msg: str, **fields: Any) -> None:
        self.record("error", msg, fields)

    def record(self, level: str, msg: str, fields: Mapping[str, Any]) -> None:
        body = {"_log": True, "level": level, "msg": self.redactor.text(msg)}
        body |= self.redactor.value(dict(fields))
        self._print(*_fitted(body))

    def last(self, msg: str, **fields: Any) -> None:
        """The run's last line.  What its processes still print is dropped; our own lines come without the run's id."""
        self._print({"_log": True, "level": "info", "msg": msg, **fields}, last=True)

    def output(self, fields: Mapping[str, Any]) -> None:
        """A line that an agent's process printed: redacted and cut already, by `output.Lines`."""
        self._print({"_log": True, "level": "info", "msg": OUTPUT, **fields})

    def _print(self, *bodies: Mapping[str, Any], last: bool = False) -> None:
        """Parts of one line stay together."""
        with self._lock:
            for body in bodies:
                if not (self._over and body["msg"] == OUTPUT):
                    self._line(body)
            self._over = self._over or last

    def _line(self, body: Mapping[str, Any]) -> None:
        self._last = max(self._last, int(self._clock() * 1000))
        run = "" if self._over else self._run
        line = {**body, "run": run, "ts": self._last}
        if self._count is None or self._over:
            self._write(_encoded(line) + b"\n")
            return
        self._count += 1
        data = _encoded({**line, NUMBER: self._count})
        self._write(data + b"\n")
        if self._copy is not None:
            self._copy.line(self._count, data)


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")


def to_stdout(data: bytes) -> None:
    """The whole of `data`, at once where the pipe lets it."""
    view = memoryview(data)
    try:
        with _STDOUT:
            while view:
                view = view[os.write(1, view) :]
    except BrokenPipeError:
        return  # nobody reads any more: the run still has work to finish and a report to write


def size(text: str) -> int:
    """Bytes of `text` as a JSON string."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))


def pieces(text: str, room: int = ROOM) -> Iterator[str]:
    """`text` in pieces of at most `room` bytes as JSON each; one empty piece when it is empty."""
    start = 0
    while start == 0 or start < len(text):
        piece = text[start : start + room]
        while (length := size(piece)) > room:
            piece = piece[: max(1, min(len(piece) - 1, len(piece) * room // length))]
        yield piece
        start += max(1, len(piece))


def _fitted(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    texts = {key: value for key, value in body.items() if isinstance(value, str)}
    longest = max(texts, key=lambda key: len(texts[key]))
    if size(texts[longest]) <= ROOM:
        yield body
        return
    *rest, last = pieces(texts[longest])
    for part, piece in enumerate(rest, 1):
        yield body | {longest: piece, "part": part}
    yield body | {longest: last, "part": len(rest) + 1, "end": True}
