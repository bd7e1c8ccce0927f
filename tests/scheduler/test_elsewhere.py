"""One scheduler, and an agent whose runs are in another environment's cloud."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.scheduler.stage import FOREVER, Stage, define, post, stage
from tests.services import ENVIRONMENT, FakeServices
from toolkit.core.clock import iso
from toolkit.core.environment import Scope
from toolkit.core.errors import Unreachable
from toolkit.core.names import Names
from toolkit.core.run import RERUN, Mailbox, RunHandle, RunId, RunState, RunStatus
from toolkit.core.secrets import Secret
from toolkit.core.side_by_side import SideBySide
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.housekeeping import settle_unwatched, sweep_secrets
from toolkit.scheduler.reruns import follow
from toolkit.scheduler.watch import FAR

PRODUCTION = replace(
    ENVIRONMENT, name="production", scope=Scope(project="shop", environment="production")
)
QUICK = Play()


class Asked(MemoryRuntime):
    """Counts how often it is asked for states."""

    asked = 0

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        self.asked += 1
        return super().states(handles)


class Moody(MemoryLedger):
    """Does not answer while it is `away`."""

    away = False

    def mailbox(self, run: RunId) -> Mailbox:
        if self.away:
            raise Unreachable("production does not answer", hint="try again")
        return super().mailbox(run)


@dataclass
class Sides:
    """`here` has the scheduler; `there` is production, with a ledger, a store and a platform of its own."""

    here: Stage
    there: FakeServices
    platform: Asked
    ledger: Moody
    store: MemoryStore

    def secrets(self) -> list[str]:
        return [stored.name for stored in self.store.list("")]


Make = Callable[..., Sides]


@pytest.fixture
def sides(tmp_path: Path) -> Make:
    """`near` runs here and `far` in production; what their runs do is in the arguments."""

    def make(far: Play = QUICK, near: Play = QUICK) -> Sides:
        here = stage(
            tmp_path, post("near"), post("far", environment="production"), plays={"near": near}
        )
        ledger, store = Moody(), MemoryStore(here.clock)
        platform = Asked({"far": far}, ledger=ledger, store=store, clock=here.clock)
        there = FakeServices(tmp_path, ledger=ledger, store=store, runtime=platform)
        there.__dict__["context"] = replace(there.context, environment=PRODUCTION)
        define(ledger, "far")
        services: Any = here.desk.services
        services.__dict__["elsewhere"] = {"production": PRODUCTION}.__getitem__
        services._places["production"] = there
        services.__dict__["ledger"] = SideBySide(here.ledger, lambda _: ledger)
        here.ledger.set_fact("definition/far", None)  # it was never pushed here
        return Sides(here=here, there=there, platform=platform, ledger=ledger, store=store)

    return make


def test_a_run_is_launched_watched_and_ended_where_its_agent_says(sides: Make) -> None:
    """By that environment's platform, store and definition; the queue and the record are the scheduler's."""
    both = sides()
    run = both.here.submit("far")
    assert both.here.get(run).runtime == "memory@production"
    both.here.step(times=2)
    ended = both.here.get(run)
    assert (ended.state, ended.runtime) == (RunState.SUCCEEDED, "memory@production")
    assert (both.here.launched, [spec.run for spec in both.platform.launched]) == ([], [run])
    assert ended.lease is not None
    assert ended.lease.ref.name.startswith(Names(PRODUCTION.scope).run_secrets("far"))
    assert (ended.receipt.verified_absent is not None, both.secrets()) == (True, [])


def test_a_run_elsewhere_is_stopped_where_it_is(sides: Make) -> None:
    """And its record there says the same as the one here."""
    both = sides(far=FOREVER)
    run = both.here.submit("far")
    both.here.step()
    both.here.desk.services.ledger.request_stop(run)
    both.platform.stop(both.here.get(run).handle or pytest.fail("it was not launched"))
    both.here.step()
    assert both.here.get(run).state is RunState.STOPPED
    copy = both.ledger.get(run)
    assert copy is not None
    assert copy.state is RunState.STOPPED


def test_another_cloud_is_asked_every_ten_seconds_and_not_more_often(sides: Make) -> None:
    """The scheduler here looks several times a second, which a cloud would have to be paid for."""
    both = sides(far=FOREVER)
    both.here.submit("far")
    loop = both.here.loop()
    both.here.step(loop, times=2)
    asked = both.platform.asked
    both.here.step(loop, times=3)
    assert both.platform.asked == asked
    both.here.clock.sleep(FAR.total_seconds())
    both.here.step(loop)
    assert both.platform.asked > asked
    loop.close()


def test_an_environment_that_does_not_answer_keeps_no_other_run(
    sides: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """What runs here ends as ever; the other one is asked again later, and somebody hears of it."""
    both = sides(far=FOREVER)
    far = both.here.submit("far")
    both.here.step()
    both.ledger.away = True
    near = both.here.submit("near")
    both.here.step(times=2)
    assert both.here.get(near).state is RunState.SUCCEEDED
    assert not both.here.get(far).state.final
    assert "what became of runs on memory@production cannot be told" in caplog.text


def test_a_sweep_here_completes_the_receipts_of_runs_elsewhere(sides: Make) -> None:
    """With the store that has their secrets: this one's word that a secret is not there would be worth nothing."""
    both = sides(far=FOREVER)
    run = both.here.submit("far")
    both.here.step()
    lease = both.here.get(run).lease
    ended = {"state": RunState.LOST, "reason": "its scheduler died"}
    both.here.desk.services.ledger.update(run, **ended)
    assert lease is not None
    sweep_secrets(both.here.desk, both.here.clock())
    assert both.here.get(run).receipt.verified_absent is not None
    assert not both.store.exists(lease.ref.name)


def test_the_other_environments_own_scheduler_leaves_its_secrets_and_its_reruns_alone(
    sides: Make,
) -> None:
    """It finds the run among its own, so it sweeps nothing of it and settles it, and runs nothing again."""
    both = sides(far=FOREVER)
    run = both.here.submit("far")
    both.here.step()
    lease = both.here.get(run).lease
    assert lease is not None
    # one whose container is slow has not read it yet
    tags = both.there.context.names.tags(run=run, expires=iso(lease.expires))
    both.store.put(lease.ref.name, Secret("x"), tags=tags)
    desk = Desk(
        services=both.there,
        roster=lambda: both.here.roster["now"],
        clock=lambda: both.here.clock() + timedelta(minutes=20),
    )
    sweep_secrets(desk, desk.clock())
    assert both.store.exists(lease.ref.name)
    settle_unwatched(desk, desk.clock())
    copy = both.ledger.get(run)
    assert copy is not None
    follow(desk, replace(copy, state=RunState.SUCCEEDED, exit_code=RERUN))
    assert list(both.ledger.queue.at_work()) == []
    assert both.ledger.queue.lengths() == {}
