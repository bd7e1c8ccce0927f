"""A terminal in which a person would use `al`: a real pseudo-terminal, its keyboard and what it shows."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .conftest import Stage

Keyboard = Callable[[bytes], object]
Screen = Callable[[], str]


@contextmanager
def terminal(
    stage: Stage, *words: str
) -> Iterator[tuple["subprocess.Popen[bytes]", Keyboard, Screen]]:
    """`al WORDS` in a terminal of its own, which Ctrl-C (0x03) interrupts as it does a shell's command."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        # it makes the terminal its own before it becomes `al`
        [sys.executable, "-c", _LOGIN, *words],
        cwd=stage.project,
        env=stage.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = bytearray()
    reader = threading.Thread(target=_read, args=(ours, shown), daemon=True)
    reader.start()
    try:
        yield process, lambda keys: os.write(ours, keys), lambda: shown.decode(errors="replace")
        reader.join(10)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


_LOGIN = """
import os, sys
os.login_tty(os.dup(0))
os.execv(sys.executable, [sys.executable, "-m", "toolkit.cli", *sys.argv[1:]])
"""


def _read(terminal: int, shown: bytearray) -> None:
    """Until the last program that has the terminal open is gone, which Linux reports as an error."""
    try:
        while some := os.read(terminal, 65_536):
            shown += some
    except OSError:
        return
