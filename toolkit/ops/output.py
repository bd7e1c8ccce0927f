"""The file that a scheduler in the background prints to: bounded, however long it lives.

It is begun anew when it is full, and the one before it is kept beside it as `<name>.1`.
"""

import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from toolkit.core.units import KIB, MIB
from toolkit.wiring import Services

LOG = logging.getLogger("al.start")
FULL = 8 * MIB
LOOK_SECONDS = 60.0
STDOUT, STDERR = 1, 2
END = 8 * KIB  # of the file, in which its last lines are looked for
FLAGS = os.O_CREAT | os.O_APPEND | os.O_WRONLY


def place(services: Services) -> Path:
    """Where it is, whether or not a scheduler prints to it."""
    return services.context.project / ".al" / f"up-{services.environment.name}.log"


def opened(log: Path) -> int:
    """A descriptor that appends to it; nobody else may read what agents' errors say."""
    return os.open(log, FLAGS, 0o600)


def watch(services: Services, stop: threading.Event) -> None:
    """Begin it anew whenever it is full, until the event is set."""
    while not stop.wait(LOOK_SECONDS):
        try:
            turned(place(services))
        except OSError as error:  # a full disk, say: it goes on in the old file
            LOG.warning("the log of this scheduler cannot be begun anew: %s", error)


def turned(log: Path, *, full: int = FULL, printing: Iterable[int] = (STDOUT, STDERR)) -> bool:
    """Whether it was full, in bytes, and has been begun anew, without losing a line.

    Only those of our descriptors that print to it do so to the new one; with none of them it is not ours to turn.
    Raises OSError, with everything as it was.
    """
    if not log.exists() or log.stat().st_size < full:
        return False
    ours = [number for number in printing if _leads_to(number, log)]
    if ours:
        _turn(log, ours)
    return bool(ours)


def last_lines(log: Path, count: int) -> list[str]:
    """Its last lines, at most so many, without reading the rest.  Raises OSError."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - END, 0))
        lines = file.read(END).decode(errors="replace").splitlines()
    return lines[-count:]


def _leads_to(number: int, log: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), log.stat())
    except OSError:  # closed, or moved away just now
        return False


def _turn(log: Path, ours: Iterable[int]) -> None:
    fresh = log.with_name(f"{log.name}.new")
    descriptor = opened(fresh)
    try:
        log.replace(log.with_name(f"{log.name}.1"))
        fresh.replace(log)
        for number in ours:
            os.dup2(descriptor, number)
    finally:
        os.close(descriptor)
