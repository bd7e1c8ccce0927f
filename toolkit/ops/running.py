"""Which scheduler of a project and environment runs on this machine: a file that says it, locked while that is true.

`.al/scheduler-<environment>.json` holds the process id, the start time and the gateway's address.  The lock goes with the
process, however it ends, so what a dead one has left behind is seen through, and another process of its id is not taken
for it (https://man7.org/linux/man-pages/man2/flock.2.html).
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from toolkit.core.clock import iso, now
from toolkit.core.errors import Conflict
from toolkit.wiring import Services

PATIENCE = 1.0  # seconds: who only looks holds the lock for a moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A scheduler; `url` is its gateway's as this machine reaches it."""

    pid: int
    since: str
    url: str


def found(services: Services) -> Running | None:
    """The one that runs now.  None also while one is just starting."""
    try:
        with _place(services).open("r", encoding="utf-8") as file:
            if _locked(file, fcntl.LOCK_SH):
                return None
            return _read(file)
    except FileNotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class Claim:
    """That this process is the scheduler, for as long as the file is in its place."""

    place: Path
    file: IO[str]

    def tell(self, url: str) -> None:
        """Where its gateway is."""
        _write(self.file, _told(url))

    def check(self) -> None:
        """Raises Conflict when the file was removed: everything beside it is gone as well, and another one may run."""
        if not self._in_place():
            raise Conflict(
                f"{self.place.parent} was removed while it was in use: its runs, queue and history are gone",
                hint="run `al start` again, which makes it anew; what still runs is not known any more",
            )

    def _in_place(self) -> bool:
        try:
            return os.path.samestat(self.place.stat(), os.fstat(self.file.fileno()))
        except FileNotFoundError:
            return False


@contextmanager
def only_one(services: Services, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Claim]:
    """Be the scheduler until the end of this block.

    Raises Conflict, naming the one that runs."""
    place = _place(services)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with place.open("a+", encoding="utf-8") as file:
        _claim(file, services, sleep)
        _write(file, "")
        try:
            yield Claim(place, file)
        finally:
            _write(file, "")  # the file stays: a lock on one that was replaced would hold nobody up


def _place(services: Services) -> Path:
    return services.context.project / ".al" / f"scheduler-{services.environment.name}.json"


def _claim(file: IO[str], services: Services, sleep: Callable[[float], None]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _locked(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise _runs_already(services, _read(file))
        sleep(0.05)


def _runs_already(services: Services, other: Running | None) -> Conflict:
    scope = services.environment.scope
    who = f"process {other.pid} since {other.since}, at {other.url}" if other else "another process"
    return Conflict(
        f"a scheduler of {scope.project} runs for {scope.environment} already: {who}",
        hint="`al stat` shows what it does, `al stop` ends it",
    )


def _locked(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[str]) -> Running | None:
    file.seek(0)
    try:
        return Running(**json.loads(file.read()))
    except (ValueError, TypeError):  # it is just being written, or by another version
        return None


def _told(url: str) -> str:
    return json.dumps(asdict(Running(pid=os.getpid(), since=iso(now()), url=url)))


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
