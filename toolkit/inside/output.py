"""What an agent's processes print, as it appears, turned into lines of the run's log.

Bytes come in as the pipe gives them; what comes out is valid UTF-8, redacted across the seams, one line at a time.
"""

import codecs
import os
from collections.abc import Iterator
from typing import IO, Any

from .lines import ROOM, Log, pieces, size
from .redact import Stream

_CHUNK = 65536


class Lines:
    """Bytes -> the `text`, `part` and `end` fields of log lines."""

    def __init__(self, log: Log) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._stream = Stream(lambda: log.redactor)
        self._pending = ""
        self._part = 0

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        return self._lines(self._stream.feed(self._decode(data)))

    def close(self) -> Iterator[dict[str, Any]]:
        yield from self._lines(self._stream.feed(self._decode(b"", True)) + self._stream.close())
        if self._pending:
            yield self._ended(self._pending)

    def _lines(self, text: str) -> Iterator[dict[str, Any]]:
        *whole, rest = text.split("\n")
        for line in whole:
            yield from self._long(self._pending + line)
            yield self._ended(self._pending.removesuffix("\r"))
        yield from self._long(self._pending + rest)

    def _long(self, text: str) -> Iterator[dict[str, Any]]:
        """The pieces of a line that is too long already; what is left becomes `pending`."""
        if len(text) * 6 + 2 <= ROOM or size(text) <= ROOM:  # a character is six bytes at most
            self._pending = text
            return
        *full, self._pending = pieces(text)
        for piece in full:
            self._part += 1
            yield {"text": piece, "part": self._part}

    def _ended(self, text: str) -> dict[str, Any]:
        self._pending = ""
        if not self._part:
            return {"text": text}
        part, self._part = self._part + 1, 0
        return {"text": text, "part": part, "end": True}


def pump(pipe: IO[bytes], name: str, log: Log) -> None:
    """Everything from the pipe to the log, until its last writer is gone."""
    lines = Lines(log)
    with pipe:
        while data := os.read(pipe.fileno(), _CHUNK):
            for fields in lines.feed(data):
                log.output({"stream": name, **fields})
    for fields in lines.close():
        log.output({"stream": name, **fields})
