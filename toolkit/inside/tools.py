"""The four tools of a model session: bash, read, write, edit.  Plain functions, which know no model.

A failure is a ToolError whose text is for the model to read.  Nothing that a tool answers is longer than MOST, or has a
value of the run's credentials in it: what a model has read it may repeat to anybody.
"""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import setenv

MOST = 30_000  # characters of one answer
LINES = 2000
SECONDS = 600  # for a command, when the model names no other time
_LONGEST = 86_400  # seconds; no run is longer than a few of these
_LARGEST = 50_000_000  # bytes of a file that is read as a whole
_TAIL = 1.0  # seconds that we wait for output after a command has ended


class ToolError(Exception):
    """What went wrong, for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Where and with which variables they work, and until when on the clock of time.monotonic.

    `hide` takes out of a text what no model may read.
    """

    cwd: Path
    env: Mapping[str, str]
    until: float | None = None
    hide: Callable[[str], str] = str

    def bash(self, command: str, timeout: float = SECONDS) -> str:
        """Standard output and error of the command, together.  Raises ToolError when it fails or is late.

        What it leaves in the background goes on, without its output.
        """
        return self.output(command, timeout) or "[no output]"

    def output(self, command: str, timeout: float) -> str:
        """The same, and nothing where there is none."""
        seconds = self._allowed(timeout)
        child = subprocess.Popen(
            (
                "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
                "-c",
                setenv.with_variables(command, self.env),
            ),
            cwd=self.cwd,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        collected = Ends(child.stdout)
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            text = collected.text(self.hide)
            raise ToolError(f"{text}\n[ended after {seconds:g} seconds]".lstrip()) from None
        text = collected.text(self.hide)
        if code:
            raise ToolError(f"{text}\n[exit code {code if code > 0 else 128 - code}]".lstrip())
        return text

    def read(self, path: str, offset: int = 1, limit: int = LINES) -> str:
        """`limit` lines from line `offset` on.  Raises ToolError."""
        text = self._bytes(path).decode("utf-8", "replace")
        lines = re.findall(
            "[^\n]*\n|[^\n]+", text
        )  # as an editor counts: splitlines knows other ends
        part = "".join(lines[max(offset, 1) - 1 :][: max(limit, 1)])
        left = len(lines) - max(offset, 1) + 1 - max(limit, 1)
        note = f"\n[{left} more lines: read from line {max(offset, 1) + limit}]" if left > 0 else ""
        return shortened(self.hide(part)) + note or "[empty]"

    def write(self, path: str, content: str) -> str:
        """Replace or create the file, and the directories above it.  Raises ToolError."""
        try:
            data = content.encode()
        except UnicodeEncodeError as error:
            raise ToolError(f"{path}: the content is no text: {error.reason}") from error
        file = self._place(path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        except OSError as error:
            raise ToolError(f"{path}: {error.strerror}") from error
        return f"wrote {len(content)} characters to {path}"

    def edit(self, path: str, old: str, new: str) -> str:
        """Replace the one place where `old` stands, and touch nothing else: every other byte stays.

        In a file whose lines all end in CRLF, those of `old` and `new` do too.  Raises ToolError when `old` is not
        there, or more than once, and when the file is not UTF-8.
        """
        try:
            text = self._bytes(path).decode()
        except UnicodeDecodeError as error:
            raise ToolError(f"{path}: not UTF-8 text, so edit it with bash") from error
        if text.count("\n") == text.count("\r\n") > 0:
            old, new = (re.sub("\r?\n", "\r\n", part) for part in (old, new))
        if (count := text.count(old) if old else 0) != 1:
            raise ToolError(f"{path}: the text to replace stands there {count} times, not once")
        self.write(path, text.replace(old, new))
        return f"edited {path}"

    def _allowed(self, timeout: float) -> float:
        """Seconds: what the model asks for, within reason and within its run's time."""
        left = _LONGEST if self.until is None else round(self.until - time.monotonic(), 1)
        return max(0.0, min(timeout, left, _LONGEST))

    def _place(self, path: str) -> Path:
        return self.cwd / Path(
            path.replace("~", self.env.get("HOME", "~"), 1) if path.startswith("~/") else path
        )

    def _bytes(self, path: str) -> bytes:
        place = self._place(path)
        try:
            if place.exists() and not (place.is_file() or place.is_dir()):
                raise ToolError(f"{path}: no regular file: it may never end")
            if place.is_file() and (size := place.stat().st_size) > _LARGEST:
                raise ToolError(f"{path}: {size} bytes are too many: read a part of it with bash")
            return place.read_bytes()
        except OSError as error:
            raise ToolError(f"{path}: {error.strerror}") from error


class Ends:
    """The beginning and the end of what a pipe gives; what is between them is counted and dropped."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._head, self._tail, self._total = b"", b"", 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def text(self, hide: Callable[[str], str]) -> str:
        """What came until the command ended, and shortly after it."""
        self._thread.join(_TAIL)
        with self._lock:
            dropped = self._total - len(self._head) - len(self._tail)
            if dropped <= 0:
                return shortened(hide((self._head + self._tail).decode("utf-8", "replace")))
            head, tail = (part.decode("utf-8", "replace") for part in (self._head, self._tail))
            return shortened(hide(head), hide(tail), dropped)

    def _read(self, pipe: IO[bytes]) -> None:
        half = MOST * 2  # bytes; a character may be four
        with pipe:
            while data := os.read(pipe.fileno(), 65536):
                with self._lock:
                    self._total += len(data)
                    room = half - len(self._head)
                    self._head += data[:room]
                    self._tail = (self._tail + data[max(room, 0) :])[-half:]


def shortened(text: str, end: str = "", dropped: int = 0) -> str:
    """At most MOST characters: the first and the last, and a note of what is missing."""
    if len(text) + len(end) <= MOST and not dropped:
        return text + end
    whole = text + end
    missing = f"\n[... {len(whole) - MOST + dropped} characters left out ...]\n"
    return f"{text[: MOST // 2]}{missing}{whole[-MOST // 2 :]}"
