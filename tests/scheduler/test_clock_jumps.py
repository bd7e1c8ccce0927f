"""The clock of a scheduler's machine jumps, forwards and backwards: no run starts twice, none is forgotten."""

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryRuntime
from tests.scheduler.stage import FOREVER, Stage, post, stage
from toolkit.core.clock import iso
from toolkit.core.run import RunId, RunState, TriggerKind
from toolkit.core.work import Delivery, LockAnswer
from toolkit.scheduler.cron import Tick

JUMPS = (-86_400.0, -3_600.0, -61.0, -1.0, 0.5, 30.0, 121.0, 3_600.0, 86_400.0)


class Counting(MemoryRuntime):
    """Counts what it was asked, also what it has launched already."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self.asked: Counter[RunId] = Counter()

    def launch(self, spec: Any) -> Any:
        self.asked[spec.run] += 1
        return super().launch(spec)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_clock_does_each_run_starts_once(tmp_path: Path, seed: int) -> None:
    """Also those of a schedule, of which each tick is one run; and all of them end."""
    dice = random.Random(seed)
    made = stage(
        tmp_path, post("dev", scale=3), post("tick", schedule="*/5 * * * *"), runtime=Counting
    )
    loop, runs, moments = made.loop(), list[RunId](), list[datetime]()
    for _ in range(25):
        runs.append(made.submit("dev", TriggerKind.WEBHOOK))
        made.step(loop)
        moments.append(made.clock())
        made.clock.sleep(dice.choice(JUMPS))
    for _ in range(3):
        made.step(loop)
        moments.append(made.clock())
        made.clock.sleep(1.0)
    loop.close()
    assert set(made.runtime.asked.values()) == {1}  # type: ignore[attr-defined]
    assert {made.get(run).state for run in runs} == {RunState.SUCCEEDED}
    assert _scheduled(made) <= _ticks(made, min(moments), max(moments))
    assert made.ledger.queue.at_work() == ()


def _scheduled(made: Stage) -> set[RunId]:
    runs = made.ledger.runs(agent="tick", limit=1_000)
    return {run.id for run in runs if run.trigger is TriggerKind.SCHEDULE}


def _ticks(made: Stage, first: datetime, last: datetime) -> set[RunId]:
    """The runs of all ticks in between."""
    agent = made.roster["now"].posts["tick"].agent
    start = first.replace(minute=0, second=0, microsecond=0)
    count = int((last - start) / timedelta(minutes=5)) + 1
    moments = [start + n * timedelta(minutes=5) for n in range(count)]
    scope = made.desk.services.environment.scope
    return {Tick(agent=agent, at=at, begin=at).run(scope) for at in moments}


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_run_that_works_goes_on_over_a_jump(tmp_path: Path, jump: float) -> None:
    """It is neither started again nor given up, and what it locked is nobody else's before its time."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER}, runtime=Counting)
    run, loop = made.submit("dev"), made.loop()
    made.step(loop, times=2)
    made.clock.sleep(jump)
    made.step(loop, times=3)
    assert made.get(run).state is RunState.RUNNING
    assert made.runtime.asked == {run: 1}  # type: ignore[attr-defined]


def test_housekeeping_goes_on_after_the_clock_was_set_back(tmp_path: Path) -> None:
    """What was due at a moment that is now to come is done now."""
    made = stage(tmp_path, post("dev"), post("old"))
    loop = made.loop()
    made.step(loop)
    made.clock.sleep(-86_400.0)
    run = made.submit("old", TriggerKind.WEBHOOK)
    made.ledger.set_fact("switches", {"paused": True})
    made.set(posts={"dev": made.roster["now"].posts["dev"]})
    made.ledger.set_fact("definition/old", None)
    made.step(loop)
    assert made.get(run).state.final


@pytest.mark.parametrize("jump", [-86_400.0, 1_799.0])
def test_a_lock_outlives_a_jump_and_not_its_run(tmp_path: Path, jump: float) -> None:
    """Nobody else gets it while its holder works; when that has ended, it is free whatever the clock shows."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER})
    run, other, loop = made.submit("dev"), RunId("ops-0000000c"), made.loop()
    made.step(loop, times=2)
    locks = made.ledger.locks
    locks.acquire("file:///x", run, seconds=1_800, moment=made.clock())
    made.clock.sleep(jump)
    taken = locks.acquire("file:///x", other, seconds=1_800, moment=made.clock())
    assert taken.answer is LockAnswer.TAKEN
    made.ledger.request_stop(run)
    made.runtime.stop(made.get(run).handle)
    made.step(loop, times=2)
    assert made.get(run).state.final
    freed = locks.acquire("file:///x", other, seconds=1_800, moment=made.clock())
    assert freed.answer is LockAnswer.HELD


def test_a_lock_ends_with_its_time_when_the_clock_has_leapt_over_it(tmp_path: Path) -> None:
    """Its holder hears so from its next heartbeat."""
    made = stage(tmp_path, post("dev"))
    run, locks = RunId("dev-0000000a"), made.ledger.locks
    locks.acquire("file:///x", run, seconds=1_800, moment=made.clock())
    made.clock.sleep(86_400.0)
    beat = locks.heartbeat("file:///x", run, seconds=1_800, moment=made.clock())
    assert beat.answer is LockAnswer.UNKNOWN


@pytest.mark.parametrize("jump", [-86_400.0, 3_600.0, 6 * 86_400.0])
def test_a_delivery_that_comes_again_after_a_jump_is_known(tmp_path: Path, jump: float) -> None:
    """It is done once, also when housekeeping was there in between: senders repeat theirs for days."""
    made = stage(tmp_path, post("dev"))
    first = Delivery(id="one", source="hub", received=iso(made.clock()), delivery="7")
    made.ledger.deliveries.accept(first, [])
    made.clock.sleep(jump)
    made.step()
    again = Delivery(id="two", source="hub", received=iso(made.clock()), delivery="7")
    assert made.ledger.deliveries.accept(again, []).duplicate_of == "one"
