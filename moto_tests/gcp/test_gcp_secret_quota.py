"""How many runs a minute Secret Manager's documented quotas let through, by simulation: its clock goes on only when a
launcher waits (https://cloud.google.com/secret-manager/quotas)."""

import time
from collections.abc import Callable

import pytest

from moto_tests.gcp.shelf import RUN, Shelf
from toolkit.clouds.rates import Rate
from toolkit.core.clock import iso, now
from toolkit.core.run import Mailbox
from toolkit.core.secrets import Receipt
from toolkit.core.waits import LOG, listen
from toolkit.credentials.lease import close_lease, open_lease
from toolkit.inside.platforms.gcp import Gcp
from toolkit.sandbox.gcp.rpc import OPERATOR

RUNS = 400


class Simulated:
    """The embedded cloud's time: it stands still, but for waits."""

    def __init__(self, change: Callable[..., None]) -> None:
        self._change = change
        self._began = time.monotonic()
        self.passed = 0.0

    def __call__(self) -> float:
        # however long this machine takes, no quota trickles back meanwhile
        self._change(clock_ahead=self.passed - (time.monotonic() - self._began))
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@pytest.fixture
def clock(manners: Callable[..., None]) -> Simulated:
    return Simulated(manners)


@pytest.fixture
def paced(shelf: Shelf, clock: Simulated) -> Shelf:
    """A launcher that waits in simulated time."""
    shelf.store._clients.secret_writes = Rate(600, clock=clock, sleep=clock.sleep)
    return shelf


def one_run(shelf: Shelf) -> None:
    """A run as its secret sees it: made by the launcher, claimed and burned by the container, looked for at the end."""
    lease = open_lease(shelf.store, shelf.names, run=RUN, payload={}, timeout=300)
    environ = {
        "AL_RUN_ID": RUN,
        "AL_SECRET": lease.ref.name,
        "AL_GCP_PROJECT": shelf.google.project,
        **shelf.google.surroundings(shelf.google.tickets.issue("runs@al-sandbox")),
    }
    assert Gcp(environ, write=lambda _: None, patience=0).claim({})
    burned = Mailbox(burned=iso(now()))
    assert close_lease(shelf.store, lease, Receipt(), mailbox=burned).verified_absent


def test_two_hundred_runs_a_minute_pass_the_write_quota(
    paced: Shelf, clock: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """600 writes a minute and three for a run: none is refused, and 400 runs wait once, for one minute."""
    monkeypatch.setattr(paced.google.access, "caller", lambda _: OPERATOR)
    heard: list[str] = []
    listen(heard.append)
    try:
        for _ in range(RUNS):
            one_run(paced)
    finally:
        LOG.handlers.clear()
    assert clock.passed == pytest.approx(60)  # and then the next 200 would begin
    assert heard == ["waiting 60 s: Secret Manager takes 600 writes a minute in a project"]
    calls = paced.calls()
    assert calls == {
        "CreateSecret": RUNS,
        "AddSecretVersion": RUNS,
        "AccessSecretVersion": RUNS,
        "DeleteSecret": RUNS,
        "GetSecret": 2 * RUNS,
    }
