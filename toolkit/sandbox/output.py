"""A process's output as it is written: read from a pipe in a thread of its own and handed on as lines."""

import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

_CHUNK = 65536

OnLines = Callable[[Sequence[str]], None]


class Output:
    """One pipe.  `on_lines` gets what comes out of it, from another thread, a few lines at a time."""

    def __init__(self, pipe: IO[bytes], on_lines: OnLines) -> None:
        self._pipe, self._on_lines = pipe, on_lines
        self._reading, self._drained = threading.Lock(), False
        self._thread = threading.Thread(target=self._read, daemon=True, name="container-output")
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the output; then every line was handed on."""
        self._thread.join()

    def drain(self, seconds: float) -> None:
        """Wait until what was printed so far was handed on, but no longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while self._waiting() and time.monotonic() < deadline:
            time.sleep(0.001)

    def _waiting(self) -> bool:
        """Whether the pipe holds output that nobody has read."""
        with self._reading:
            return not self._drained and bool(_poll(self._pipe).poll(0))

    def _read(self) -> None:
        rest, poll = b"", _poll(self._pipe)
        with self._pipe:
            while not self._drained:
                poll.poll()
                with self._reading:
                    rest = self._hand_on(rest)

    def _hand_on(self, rest: bytes) -> bytes:
        """Read once, hand on the whole lines, and return what has no end yet."""
        chunk = os.read(self._pipe.fileno(), _CHUNK)
        self._drained = not chunk
        *lines, rest = (rest + chunk).split(b"\n")
        if rest and (self._drained or len(rest) > _CHUNK):
            lines, rest = [*lines, rest], b""
        if lines:
            self._on_lines([line.decode(errors="replace") for line in lines])
        return rest


def _poll(file: IO[bytes]) -> "select.poll":
    """One for each thread: they cannot be shared."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return poll
