"""A detached, supervised process: started once, recognised by anyone, ended with all its children.

The supervisor is a few lines of shell that outlive whoever started them.  It records who it is before the
program begins, and how the program ended; so no answer depends on the starting process being alive.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

from toolkit.core.errors import LaunchError

# $1 is the directory of the run.  `ln` fails when the name exists: of two launches one goes on, also when the
# starting process died between its steps.  The program runs in the foreground, so the trap delays the shell's own
# end until the program has answered the signal; a program that is killed still gets its exit code recorded.  At
# last the whole group goes, as everything in a container does when its first process ends.
SUPERVISOR = """
cd "$1" || exit 1
shift
(umask 077; { echo "$$"; cat "/proc/$$/stat" 2>/dev/null || ps -o lstart= -p "$$"; } > "identity.$$")
ln "identity.$$" identity 2>/dev/null || { rm -f "identity.$$"; exit 0; }
rm -f "identity.$$"
mkdir -p -m 700 work credentials
trap : TERM INT HUP
(cd work && exec "$@")
code=$?
rm -rf work credentials
echo "$code" > exit.new && mv exit.new exit
kill -KILL 0
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process id, and when that process started: the id alone may be somebody else's by now."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        started, ended = _parsed(_stat(self.pid))
        if not started or started != self.started:
            return False
        if ended:
            _reap(self.pid)
        return not ended


def start(
    program: Sequence[str],
    *,
    directory: Path,
    log: Path,
    env: Mapping[str, str],
    feed: bytes = b"",
) -> Identity:
    """Start `program` under a supervisor in `directory`, or find the one that was started there before.

    `feed` is what it reads on stdin, stdout and stderr are appended to `log`.  Raises LaunchError.
    """
    if identity := read_identity(directory):
        return identity
    source, sink = os.pipe()
    with open(sink, "wb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor
        try:
            pid = _spawned(program, directory, log, env, source)
        finally:
            os.close(source)
        with suppress(BrokenPipeError):  # it has ended, and says why; or it was the second
            _fed(pipe, feed)
    return _recorded(directory, pid)


def _fed(pipe: RawIOBase, feed: bytes) -> None:
    rest = memoryview(feed)
    while rest:
        rest = rest[pipe.write(rest) or 0 :]


def _spawned(
    program: Sequence[str], directory: Path, log: Path, env: Mapping[str, str], source: int
) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        return os.posix_spawn(
            "/bin/sh",
            ["/bin/sh", "-c", SUPERVISOR, "al-run", str(directory), *program],
            dict(env),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, source, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            # Python ignores these, and what is ignored is inherited
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
    except OSError as error:
        raise LaunchError(
            f"no process could be started: {error.strerror}",
            hint=f"check {directory} and this machine's limits on processes",
        ) from error


def read_identity(directory: Path) -> Identity | None:
    """Who runs, or ran, in this directory; None when nothing was started there."""
    try:
        pid, _, started = (directory / "identity").read_text().partition("\n")
    except FileNotFoundError:
        return None
    return Identity(int(pid), _parsed(started)[0])


def read_exit(directory: Path) -> int | None:
    """The program's exit code (128 + n for signal n), or None when none was recorded."""
    try:
        return int((directory / "exit").read_text())
    except FileNotFoundError:
        return None


def end(
    identity: Identity,
    *,
    grace: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> signal.Signals | None:
    """Ask the whole group to end, insist after `grace` seconds; the signal that it took, None when it was over."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        if not identity.alive:
            return None
        with suppress(ProcessLookupError):
            os.killpg(identity.pid, number)
        if _waited(identity, clock() + patience, sleep, clock):
            return number
    raise LaunchError(
        f"process {identity.pid} does not end, not even when killed",
        hint="it probably waits for a disk or network mount; look at it with ps",
    )


def end_strays(directory: Path) -> None:
    """Kill what a killed program left in sessions of its own: whatever still has `directory` in its environment.

    Only where there is a /proc; elsewhere such a process lives on.
    """
    mark = f"={directory}/".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        # it may be another user's, or end while we look
        with suppress(OSError):
            if mark in environ.read_bytes():
                os.kill(int(environ.parent.name), signal.SIGKILL)


def _waited(
    identity: Identity,
    deadline: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> bool:
    while identity.alive:
        if clock() > deadline:
            return False
        sleep(0.02)
    return True


def _recorded(directory: Path, pid: int, patience: float = 10.0) -> Identity:
    deadline = time.monotonic() + patience
    while (identity := read_identity(directory)) is None:
        if time.monotonic() > deadline:
            raise LaunchError(
                f"the process in {directory} did not begin within {patience:.0f} seconds",
                hint="this machine is overloaded, or the directory is not writable; the run's log may say more",
            )
        time.sleep(0.002)
    if identity.pid != pid:
        _reap(pid, wait=True)  # ours was the second, and has nothing to do
    return identity


def _reap(pid: int, *, wait: bool = False) -> None:
    """Let the kernel forget a child of ours that has ended; a process that is not our child is not touched."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0 if wait else os.WNOHANG)


def _stat(pid: int) -> str:
    """What this system says of process `pid`, as `identity` holds it; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return ""
    command = ["ps", "-o", "lstart=,state=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _parsed(text: str) -> tuple[str, bool]:
    """When the process started, and whether it is a zombie by now.

    From field 22 of /proc/<pid>/stat, clock ticks since boot, and field 3 (proc_pid_stat(5)), or from what `ps`
    prints where there is no /proc: five words of date and the state.
    """
    if ")" in text:
        fields = text.rpartition(")")[2].split()
        return fields[19], fields[0] in "ZX"
    words = text.split()
    return " ".join(words[:5]), bool(words[5:]) and words[5].startswith("Z")
