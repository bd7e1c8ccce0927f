"""The real `al` in a process of its own, with a terminal or without one."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 60.0  # for one `al`, on a busy machine


def variables(home: Path, **more: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "AL_HOME": str(home), "TERM": "dumb", **more}


def al(
    *words: str, cwd: Path, given: str | bytes = b"", **more: str
) -> subprocess.CompletedProcess[str]:
    """`al` without a terminal; `given` is its stdin.  Its home is `<cwd>/home` unless AL_HOME says otherwise."""
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.cli", *words],
        cwd=cwd,
        env=variables(cwd / "home") | more,
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


class Terminal:
    """`al` with a terminal of its own for stdin, stdout and stderr; `shown` is all that it has shown."""

    def __init__(self, *words: str, cwd: Path, **more: str) -> None:
        self.shown = ""
        self._ours, theirs = pty.openpty()
        # the shell opens the terminal as the first of its session, and so controls it: `al` asks on /dev/tty
        opened = 'exec 0<>"$1" 1>&0 2>&0; shift; exec "$@"'
        command = ["/bin/sh", "-c", opened, "sh", os.ttyname(theirs)]
        self._process = subprocess.Popen(
            [*command, sys.executable, "-m", "toolkit.cli", *words],
            cwd=cwd,
            env=variables(cwd / "home") | more,
            start_new_session=True,
        )
        self._theirs = theirs

    def answer(self, prompt: str, text: str) -> None:
        """Type `text` and Enter when `prompt` has come."""
        self._read_until(prompt)
        os.write(self._ours, f"{text}\n".encode())

    def end(self) -> int:
        """Its exit code."""
        deadline = time.monotonic() + SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        self._read(0)
        code = self._process.wait(timeout=1)
        os.close(self._ours)
        os.close(self._theirs)
        return code

    def _read_until(self, prompt: str) -> None:
        begun, deadline = len(self.shown), time.monotonic() + SECONDS
        while prompt not in self.shown[begun:]:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"no {prompt!r} came, but {self.shown[begun:]!r}")
            self._read(0.05)

    def _read(self, seconds: float) -> None:
        while select.select([self._ours], [], [], seconds)[0]:
            self.shown += os.read(self._ours, 65536).decode(errors="replace")
