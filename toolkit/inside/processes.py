"""Every process that a run starts, so that none outlives it.

A run's processes get sessions of their own, so a whole group can be signalled; and this process adopts their orphans
(prctl(2), PR_SET_CHILD_SUBREAPER), so that a daemon which left its group is still found.  On Lambda this is what
keeps one run's background work out of the next (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
"""

import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from .lines import Log
from .output import pump
from .process_table import Row, below

_SUBREAPER, _DUMPABLE = 36, 4  # linux/prctl.h
_LAST = 5.0  # seconds after which a process that survives SIGKILL is left to the platform
_TAIL = 1.0  # seconds that we wait for the rest of the output of a process that has ended
_LAST_WORDS = 5.0  # the same when the run has ended: who takes the log may be slow


class Ended(Exception):
    """The run has been ended from outside; nothing may be started any more."""


class Family:
    """The processes of one run."""

    def __init__(self, log: Log, *, grace: float = 5.0) -> None:
        self._log = log
        self._grace = grace  # seconds from SIGTERM to SIGKILL
        self._lock = threading.Lock()
        self._ended = False
        self._children: list[subprocess.Popen[bytes]] = []
        self._pumps: list[tuple[subprocess.Popen[bytes], threading.Thread]] = []

    def start(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        feed: bytes | None = None,
        keep: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Its output goes to the log, `feed` to its stdin; `keep` are descriptors that it inherits.

        Raises Ended, and OSError when there is no such program.
        """
        with self._lock:
            if self._ended:
                raise Ended
            child = self._popen(command, cwd, env, feed is not None, keep)
            self._children.append(child)
            self._listen(child)
        if child.stdin is not None:
            _give(child.stdin, feed or b"")
        return child

    def _listen(self, child: "subprocess.Popen[bytes]") -> None:
        """A thread for each of its streams.  Raises OSError where there can be no more: a thread counts as a process."""
        try:
            for pipe, name in ((child.stdout, "stdout"), (child.stderr, "stderr")):
                self._pumps.append((child, _pumping(pipe, name, self._log)))
        except RuntimeError as error:
            _signal_group(child, signal.SIGKILL)
            self._log.error("a program could not be started", error=str(error))
            raise BlockingIOError(errno.EAGAIN, str(error)) from error

    def _popen(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        fed: bool,
        keep: Sequence[int],
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=keep,
            )
        except OSError as error:
            self._log.error("a program could not be started", error=str(error))
            raise

    def finish(self, child: subprocess.Popen[bytes], *, timeout: float | None = None) -> int:
        """Its exit code, 128 + n when signal n ended it.  Raises TimeoutExpired when it was ended for being late."""
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            _signal_group(child, signal.SIGKILL)
            child.wait()
            raise
        finally:
            self._drain(_TAIL, child)
        return code if code >= 0 else 128 - code

    def end(self) -> None:
        """End everything: SIGTERM, `grace` seconds, SIGKILL.  Nothing can be started afterwards."""
        with self._lock:
            self._ended = True
        for number, seconds in ((signal.SIGTERM, self._grace), (signal.SIGKILL, _LAST)):
            if self._gone(number, seconds):
                break
        else:
            self._log.warn(
                "processes of the run could not be ended", pids=[row.pid for row in below()]
            )
        self._drain(_TAIL)

    def settle(self) -> None:
        """After `end`: everything that was printed is in the log when this returns, or the log says that it is not."""
        if not self._drain(_LAST_WORDS):
            self._log.warn(
                "the end of the run's output is missing: it could not be written in time"
            )

    def _gone(self, number: int, seconds: float) -> bool:
        """Whether nothing is left within `seconds` of the signal, which late-comers get too."""
        deadline, told = time.monotonic() + seconds, set[int]()
        for child in self._children:
            _signal_group(child, number)
        while self._alive():
            if time.monotonic() > deadline:
                return False
            late = [row for row in below() if row.pid not in told]
            if number == signal.SIGKILL:
                _kill_groups(late)
            for row in late:
                _signal(os.kill, row.pid, number)
            told |= {row.pid for row in late}
            # what is another process every moment is met by being quick
            time.sleep(0.01 if number == signal.SIGTERM or not late else 0)
        return True

    def _alive(self) -> bool:
        """Whether there is anything below us.  The kernel knows: a look into /proc misses who forks meanwhile."""
        if sys.platform != "linux":
            return any(child.poll() is None for child in self._children)
        own = {child.pid: child for child in self._children}
        try:
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid not in own:
                    os.waitpid(ended.si_pid, os.WNOHANG)
                elif own[ended.si_pid].poll() is None:
                    return True  # another thread is about to collect it
        except ChildProcessError:
            return False
        return True

    def _drain(self, seconds: float, of: subprocess.Popen[bytes] | None = None) -> bool:
        """Wait for the output of a child, or of all: whether it is all there.  A daemon may keep the pipe."""
        deadline = time.monotonic() + seconds
        for child, thread in self._pumps:
            if of in (None, child):
                thread.join(max(0.0, deadline - time.monotonic()))
        self._pumps = [pump for pump in self._pumps if pump[1].is_alive()]
        return not self._pumps


def keep_to_ourselves() -> None:
    """Adopt orphans, and hide this process's memory and environment from the agent, which has the same user id."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_DUMPABLE, 0, 0, 0, 0)


def _give(pipe: IO[bytes], data: bytes) -> None:
    with suppress(BrokenPipeError), pipe:  # it has ended already: its exit code tells why
        pipe.write(data)


def _pumping(pipe: IO[bytes] | None, name: str, log: Log) -> threading.Thread:
    thread = threading.Thread(target=pump, args=(pipe, name, log), daemon=True)
    thread.start()
    return thread


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    """The child and its group.  Of a child that has ended the orphans are ours now, where the system has it."""
    if child.poll() is not None and sys.platform == "linux":
        return
    _signal(os.killpg, child.pid, number)


def _kill_groups(rows: Iterable[Row]) -> None:
    """All of a group at one moment, in which none of it can start another: so a fork bomb ends.

    A process below us cannot be in a group of anybody else's: groups do not cross sessions, and each of ours is new.
    """
    for group in {row.group for row in rows} - {os.getpgrp()}:
        _signal(os.killpg, group, signal.SIGKILL)


def _signal(send: Callable[[int, int], None], target: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        send(target, number)
