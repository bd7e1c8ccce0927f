"""The first process of a container: runs the command, passes signals on, and ends everything when it ends.

A script of its own (`python -I -S init.py <leash> <command...>`), so that starting it costs 15 ms.  `leash` is the
reading end of a pipe that the sandbox holds: when it is closed, by intent or because the sandbox died, every
process of the container dies.  On Linux it adopts orphans (prctl(2), PR_SET_CHILD_SUBREAPER), so nothing that the
command left behind survives it, as in a real container; elsewhere it ends the command's process group.

Ends as the command ended: with its code, or by the same signal.
"""

import ctypes
import os
import resource
import select
import signal
import sys
from pathlib import Path

_SUBREAPER = 36
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main(leash: int, command: list[str]) -> int:
    os.set_inheritable(leash, False)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *_PASSED_ON):
        signal.signal(number, lambda *_: None)
    child = os.fork()
    if child == 0:
        _become(command)
    code = _watch(child, leash, awake)
    _end_all(child)
    return code if code >= 0 else _end_by(-code)


def _end_by(number: int) -> int:
    """Die of that signal, without a core file; the code of one that does not kill."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:  # which has no other manner
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def _become(command: list[str]) -> None:
    """Never returns."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, *_PASSED_ON):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.execvp(command[0], command)  # noqa: S606 - this is the container's command
    except OSError as error:
        os.write(2, f"exec {command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _watch(child: int, leash: int, awake: int) -> int:
    """Until the command has ended, or the leash is gone."""
    while True:
        ready, _, _ = select.select([leash, awake], [], [])
        if leash in ready:
            return -signal.SIGKILL
        for number in os.read(awake, 512):
            if number in _PASSED_ON:
                os.kill(child, number)
        code = _reap(child)
        if code is not None:
            return code


def _reap(child: int) -> int | None:
    """Collect whoever has ended; the command's code, or minus its signal, when it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            return None


def _end_all(child: int) -> None:
    while True:
        for pid in _children():
            _kill(pid)
        if sys.platform != "linux":
            _kill(-child)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Our own children; theirs become ours as soon as those are dead."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = entry.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # it ended meanwhile
        if int(parent) == os.getpid():
            found.append(int(entry.parent.name))
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
