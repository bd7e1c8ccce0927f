"""Searching lines with a pattern that a client sent.

A literal text is looked for directly.  A regular expression can take exponential time in Python's `re`, which
nothing in the same process can end: it runs in a process of its own, which is killed when its time is over.
"""

import json
import re
import select
import subprocess
import sys
import time
from typing import IO, Self, cast

from toolkit.core.errors import UsageError

LONGEST_PATTERN = 256  # characters
LONGEST_LINE = 65_536  # characters of a line that are searched
SECONDS = 3.0  # for all lines of a page
_SPECIAL = set(".^$*+?{}[]()|\\")

_PROGRAM = """
import json, re, sys
pattern = re.compile(json.loads(sys.stdin.readline()))
for line in sys.stdin:
    found = pattern.search(json.loads(line)) is not None
    sys.stdout.write("1" if found else "0")
    sys.stdout.flush()
"""


def checked(pattern: str) -> str:
    """The pattern, when it is one.  Raises UsageError."""
    if len(pattern) > LONGEST_PATTERN:
        raise UsageError(
            "the grep pattern is too long", hint=f"use at most {LONGEST_PATTERN} characters"
        )
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{pattern!r} is not a regular expression: {error}", hint="see Python's `re`"
        ) from error
    return pattern


class Search:
    """`search(line)` says whether the pattern is in it.  A context manager: leaving it ends the process, if any."""

    def __init__(self, pattern: str, *, seconds: float = SECONDS) -> None:
        self._pattern = checked(pattern)
        self._literal = not set(pattern) & _SPECIAL
        self._left = seconds
        self._searcher: _Searcher | None = None

    def __call__(self, line: str) -> bool:
        """Raises UsageError when the pattern has used up its time."""
        line = line[:LONGEST_LINE]
        if self._literal:
            return self._pattern in line
        self._searcher = self._searcher or _Searcher(self._pattern)
        started = time.monotonic()
        found = self._searcher.ask(line, self._left)
        self._left -= time.monotonic() - started
        if found is None:
            raise UsageError(
                "the grep pattern takes too long on these lines",
                hint="use a plain text, or a pattern without nested repetitions",
            )
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._searcher is not None:
            self._searcher.end()


class _Searcher:
    """The process: a line in, one character out."""

    def __init__(self, pattern: str) -> None:
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        self._input.write(json.dumps(pattern).encode() + b"\n")

    def ask(self, line: str, seconds: float) -> bool | None:
        """None when there is no answer in time."""
        self._input.write(json.dumps(line).encode() + b"\n")
        self._input.flush()
        ready, _, _ = select.select([self._output], [], [], max(0.0, seconds))
        answer = self._output.read(1) if ready else b""
        return answer == b"1" if answer else None

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
