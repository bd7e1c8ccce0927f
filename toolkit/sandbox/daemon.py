"""Starting, finding and stopping the sandbox of a home: a process in the background, one per home.

The process holds a lock on `<home>/sandbox/daemon.lock` as long as it lives, so what the state file says is
believed only while that lock is held: a process that died, or whose number was given to another, is not ours.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from toolkit.core.errors import AlError, Unreachable

from .state import Google, Place, Sandbox

__all__ = ["Sandbox", "start", "status", "stop"]

READY_SECONDS = 30.0
STOP_SECONDS = 20.0
REGION = "us-east-1"


def start(
    home: Path, *, keep: bool = False, region: str = REGION, seconds: float = READY_SECONDS
) -> Sandbox:
    """The home's sandbox, started when it is not running.

    `keep`: its contents survive its stop and are there again at the next start, until `stop(home, forget=True)`.

    Raises Unreachable when it is not ready in `seconds`, AlError when it ended; both tell of its log.
    """
    place = Place(home.resolve())
    with place.locked("start"):
        if running := status(home):
            return running
        place.state.unlink(missing_ok=True)
        pid = _spawn(place, region, keep)
        found = _until(lambda: status(home) or _ended(pid), seconds)
    if isinstance(found, Sandbox):
        return found
    hint = f"its log is {place.log}"
    if found:
        raise AlError(f"the sandbox ended at once: {_last_line(place.log)}", hint=hint)
    os.kill(pid, signal.SIGKILL)
    raise Unreachable(f"the sandbox was not ready after {seconds:.0f} s", hint=hint)


def status(home: Path) -> Sandbox | None:
    """The running sandbox of this home, or None; what a dead one left behind counts for nothing.

    Raises AlError when one runs, and the file that says where is damaged.
    """
    place = Place(home.resolve())
    if not place.root.exists() or not _alive(place):
        return None
    if place.damaged:
        raise AlError(
            f"the sandbox runs, but {place.state} is damaged",
            hint="run `al sandbox stop`, then `al sandbox start`",
        )
    found = place.read()
    if found is None:
        return None
    with suppress(
        OSError, ValueError, HTTPException
    ):  # busy, or just ending: what it wrote down is still right
        found |= _asked(found["aws"]["endpoint"])
    aws = found["aws"]
    return Sandbox(
        pid=found["pid"],
        endpoint=aws["endpoint"],
        region=aws["region"],
        account=aws["account"],
        registry=found["registry"],
        gateway=found.get("gateway"),
        google=Google(**found["gcp"]) if found.get("gcp") else None,
        keep=found.get("keep", False),
    )


def stop(home: Path, *, forget: bool = False, seconds: float = STOP_SECONDS) -> bool:
    """End the home's sandbox with everything that runs in it; whether there was one.  Returns when it is gone.

    `forget` removes the contents of a sandbox that keeps them, too.
    """
    place = Place(home.resolve())
    pid = _pid(place)
    if pid:
        _end(place, pid, seconds)
    if forget and place.root.exists():
        place.clear(keep=False)
    return pid is not None


def _pid(place: Place) -> int | None:
    """Of the running sandbox, also where its state is damaged."""
    if place.root.exists() and place.damaged:
        return place.holder() if _alive(place) else None
    running = status(place.home)
    return running.pid if running else None


def _end(place: Place, pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGTERM)
    if not _until(lambda: not _alive(place), seconds):
        os.kill(pid, signal.SIGKILL)
        _until(lambda: not _alive(place), seconds)
    _until(lambda: _ended(pid) or not Path(f"/proc/{pid}").exists(), 1.0)


def _alive(place: Place) -> bool:
    """Whether a process holds the home's lock."""
    with place.locked("daemon", wait=False, shared=True) as free:
        return not free


def _ended(pid: int) -> bool:
    """Whether our child has ended; collects it then.  False for somebody else's."""
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return False


def _asked(endpoint: str) -> dict[str, Any]:
    """What the process says of itself.  Not through urllib, which would ask the environment's proxy."""
    connection = HTTPConnection(endpoint.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/al-sandbox/status")
        return dict(json.load(connection.getresponse()))
    finally:
        connection.close()


def _spawn(place: Place, region: str, keep: bool) -> int:
    """Start the process in a session of its own; its id."""
    place.make()
    words = [sys.executable, "-m", "toolkit.sandbox", str(place.home), region]
    log_flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY
    return os.posix_spawn(
        sys.executable,
        [*words, *(["--keep"] if keep else [])],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(place.log), log_flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _until(look: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of `look`, or its last."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "without a word"
