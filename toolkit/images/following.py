"""Builds that a service makes: begun all at once, followed line by line, and ended with us.

Knows no service: begin, look and stop are its own (builders/).  Whatever ends us, Ctrl-C too, ends what is going on there,
because somebody pays for it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from toolkit.core.errors import AlError
from toolkit.core.retry import retrying

from .order import Note, Order

EVERY = 3.0  # seconds between two looks
LATEST = 75 * 60.0  # seconds: both services end a build themselves before that
ANSWERED = 90.0  # seconds after which a request that was sent has an answer, or never will
_SPOKEN = 25  # lines of a failed build that are worth reading
_MOST = 300  # characters of one of them
_TRAILING = 4  # looks after a failure: a log comes a little after what it tells of


class BuildState(StrEnum):
    GOING = "going"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a service says of a build now.  `cursor` is where its log was read to; `why` and `where` are for people."""

    state: BuildState
    lines: Sequence[str] = ()
    cursor: str = ""
    why: str = ""
    where: str = ""


class Service(Protocol):
    """Names are the service's own."""

    def begin(self, order: Order) -> str: ...
    def look(self, build: str, cursor: str) -> Look: ...
    def stop(self, build: str) -> None: ...


@dataclass
class _Followed:
    order: Order
    cursor: str = ""
    last: "deque[str]" = field(default_factory=lambda: deque(maxlen=_SPOKEN))

    def hear(self, seen: Look, note: Note) -> None:
        self.cursor = seen.cursor
        for line in filter(None, map(str.rstrip, seen.lines)):
            self.last.append(line[:_MOST])
            note(f"{self.order.name}: {line[:_MOST]}")


def made(
    service: Service,
    orders: Sequence[Order],
    note: Note,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """All of them.  Raises AlError with a build's last lines; then those that still go on are stopped."""
    going: dict[str, _Followed] = {}
    try:
        for order in orders:
            note(f"building {order.name}")
            _begin(service, order, going, note)
        _until_over(service, going, note, sleep=sleep, clock=clock)
    except BaseException:
        _stop(service, going, note)
        raise


def _begin(service: Service, order: Order, going: dict[str, _Followed], note: Note) -> None:
    """In a thread, which Ctrl-C does not reach: what has begun there is in `going`, whatever happens here meanwhile."""
    begun: Future[None] = Future()

    def begin() -> None:
        try:
            going[service.begin(order)] = _Followed(order)
            begun.set_result(None)
        except BaseException as error:  # raised where it is waited for
            begun.set_exception(error)

    threading.Thread(target=begin, daemon=True).start()
    try:
        begun.result()
    finally:
        if not begun.done():
            _hear(begun, order, note)


def _hear(begun: "Future[None]", order: Order, note: Note) -> None:
    """Whether it has begun, since it is to be stopped then; a second Ctrl-C ends the wait."""
    note(f"{order.name}: waiting to hear whether its build has begun, to stop it")
    try:
        wait([begun], timeout=ANSWERED)
    finally:
        if not begun.done():
            note(f"{order.name}: if its build has begun, it goes on, for an hour at most")


def _stop(service: Service, going: Mapping[str, _Followed], note: Note) -> None:
    """All that go on.  One that cannot be stopped is only told of: why we are stopping is worth more."""
    stopping = dict(going)  # what begins meanwhile was told of
    left = {build: followed.order.name for build, followed in stopping.items()}
    try:
        for build in stopping:
            with suppress(AlError):
                service.stop(build)
                del left[build]
    finally:
        if left:
            names = ", ".join(left.values())
            note(f"could not be stopped, and may go on for an hour at most: the build of {names}")


def _until_over(
    service: Service,
    going: dict[str, _Followed],
    note: Note,
    *,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> None:
    deadline = clock() + LATEST
    while going:
        for build, followed in dict(going).items():
            seen = _looked(service, build, followed, note)
            if seen.state is not BuildState.GOING:
                del going[build]
            if seen.state is BuildState.FAILED:
                _trail(service, build, followed, note, sleep)
                raise _failed(followed, seen)
        if going and clock() > deadline:
            raise _late(going)
        if going:
            sleep(EVERY)


def _looked(service: Service, build: str, followed: _Followed, note: Note) -> Look:
    seen = retrying(lambda: service.look(build, followed.cursor))
    followed.hear(seen, note)
    return seen


def _trail(
    service: Service, build: str, followed: _Followed, note: Note, sleep: Callable[[float], None]
) -> None:
    for _ in range(_TRAILING):
        sleep(EVERY)
        if not _looked(service, build, followed, note).lines and followed.last:
            return


def _failed(followed: _Followed, seen: Look) -> AlError:
    said = "\n".join(followed.last) or "it said nothing"
    why = f" ({seen.why})" if seen.why else ""
    where = f"; all of it: {seen.where}" if seen.where else ""
    return AlError(
        f"the image of {followed.order.name} could not be built{why}:\n{said}",
        hint=f"correct the Dockerfile, and push again{where}",
    )


def _late(going: Mapping[str, _Followed]) -> AlError:
    names = ", ".join(sorted(followed.order.name for followed in going.values()))
    return AlError(
        f"building {names} took longer than {LATEST / 60:.0f} minutes, and was stopped",
        hint="make the Dockerfile do less, or build the base yourself and name it as [images] base",
    )
