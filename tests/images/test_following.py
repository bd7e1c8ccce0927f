"""What becomes of builds elsewhere when whoever waits for them goes away."""

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.fakes import FakeClock
from toolkit.core.errors import AlError, Unreachable
from toolkit.images.following import BuildState, Look, made
from toolkit.images.order import Order

DEV, OPS = (
    Order(name=name, repository="base", tag=name, dockerfile="FROM x\n") for name in ("dev", "ops")
)


@dataclass
class Service:
    """images.following.Service: Ctrl-C comes while it begins `interrupted`; it cannot stop `refused`, and with
    `lasting` not begin it either."""

    interrupted: str = ""
    refused: str = ""
    lasting: bool = False
    stopped: list[str] = field(default_factory=list)

    def begin(self, order: Order) -> str:
        if order.name == self.refused and self.lasting:
            raise AlError("no more builds today", hint="tomorrow")
        if order.name == self.interrupted:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return order.name

    def look(self, build: str, cursor: str) -> Look:
        return Look(state=BuildState.GOING)

    def stop(self, build: str) -> None:
        if build == self.refused:
            raise Unreachable("no answer", hint="again")
        self.stopped.append(build)


@pytest.fixture
def keyboard() -> Iterator[None]:
    """Ctrl-C as at a terminal: whoever runs in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_while_a_build_begins_stops_it(keyboard: None) -> None:
    """It has begun there, though its id had not come yet; the one before it is stopped as well."""
    service, said = Service(interrupted="ops"), list[str]()
    with pytest.raises(KeyboardInterrupt):
        made(service, [DEV, OPS], said.append)
    assert service.stopped == ["dev", "ops"]


def test_what_could_not_be_stopped_is_told(keyboard: None) -> None:
    """Somebody pays for it; the others are stopped all the same."""
    service, said = Service(interrupted="ops", refused="dev"), list[str]()
    with pytest.raises(KeyboardInterrupt):
        made(service, [DEV, OPS], said.append)
    assert service.stopped == ["ops"]
    assert "hour at most: the build of dev" in said[-1]


def test_a_build_that_cannot_begin_stops_those_before_it() -> None:
    """And its own error is what is raised."""
    service = Service(refused="ops", lasting=True)
    with pytest.raises(AlError, match="no more builds today"):
        made(service, [DEV, OPS], lambda _: None, clock=FakeClock().monotonic)
    assert service.stopped == ["dev"]
