"""Schedules that are kept: a tick is done once, whoever looks and however often; what is missed and busy is told."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.scheduler.stage import FOREVER, Stage, post, stage
from toolkit.core.clock import iso
from toolkit.core.run import RunState, TriggerKind
from toolkit.scheduler import switches
from toolkit.scheduler.clockwork import PREFIX, Clockwork
from toolkit.scheduler.housekeeping import prune

NOON = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
HOURLY = "0 * * * *"


def runs(made: Stage) -> list[str]:
    return [run.id for run in made.ledger.runs(limit=100)]


def turned(made: Stage, clockwork: Clockwork, *seconds: float) -> list[str]:
    """Looks after so many seconds each; the runs that there are then."""
    for pause in seconds:
        made.clock.sleep(pause)
        clockwork.turn(made.clock())
    return runs(made)


def test_an_agent_starts_when_its_schedule_fires_and_not_before(tmp_path: Path) -> None:
    """Nothing at the scheduler's own start; one run at each tick, of the kind schedule."""
    made = stage(tmp_path, post("dev", schedule=HOURLY), start=NOON)
    clockwork = Clockwork(made.desk)
    assert turned(made, clockwork, 0, 60, 60) == []
    assert len(turned(made, clockwork, 3600)) == 1
    (run,) = made.ledger.runs()
    assert (run.trigger, run.state) == (TriggerKind.SCHEDULE, RunState.QUEUED)


def test_different_schedules_are_independent_and_one_that_never_fires_does_not(
    tmp_path: Path,
) -> None:
    """Each agent by its own."""
    made = stage(
        tmp_path,
        post("often", schedule="* * * * *"),
        post("daily", schedule="0 9 * * *"),
        post("never", schedule="0 0 31 2 *"),
        start=NOON,
    )
    clockwork = Clockwork(made.desk)
    turned(made, clockwork, 0, 60)
    assert [run.agent for run in made.ledger.runs()] == ["often"]


def test_two_gateways_that_look_at_once_do_a_tick_once(tmp_path: Path) -> None:
    """Each is a process of its own, and none knows of the other."""
    made = stage(tmp_path, post("dev", schedule=HOURLY, scale=9), start=NOON)
    Clockwork(made.desk).turn(made.clock())
    made.clock.sleep(3600)
    gateways = [Clockwork(made.desk) for _ in range(5)]
    threads = [threading.Thread(target=g.turn, args=(made.clock(),)) for g in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(made)) == 1


def test_a_clock_that_is_set_back_starts_nothing_again(tmp_path: Path) -> None:
    """A tick that was done is done, and the next one comes when it should."""
    made = stage(tmp_path, post("dev", schedule=HOURLY, scale=9), start=NOON)
    clockwork = Clockwork(made.desk)
    assert len(turned(made, clockwork, 0, 3600, -300, 60, 60, 60, 60, 60, 60)) == 1
    made.ledger.queue.done(runs(made)[0])  # else the next one would join it
    assert len(turned(made, clockwork, -7200, 60, 3600, 3600)) == 2


def test_a_tick_while_the_agent_works_is_skipped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Runs do not pile up behind a slow one."""
    made = stage(tmp_path, post("dev", schedule=HOURLY), plays={"dev": FOREVER}, start=NOON)
    loop = made.loop()
    made.step(loop)
    for _ in range(4):
        made.clock.sleep(3600)
        made.step(loop)
    assert len(runs(made)) == 1
    assert "is skipped: 1 of 1 at work" in caplog.text


def test_ticks_while_all_is_paused_become_one_run(tmp_path: Path) -> None:
    """Of an agent's scheduled runs only one waits."""
    made = stage(tmp_path, post("dev", schedule=HOURLY), start=NOON)
    switches.pause(made.ledger)
    assert len(turned(made, Clockwork(made.desk), 0, 3600, 3600, 3600)) == 1


@pytest.mark.parametrize(("missed", "started"), [("skip", 0), ("once", 1)])
def test_after_an_absence_the_agent_says_what_becomes_of_missed_ticks(
    tmp_path: Path, missed: str, started: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A day without a scheduler: nothing, or one run that makes all of it good."""
    made = stage(tmp_path, post("dev", schedule=HOURLY, missed=missed), start=NOON)
    turned(made, Clockwork(made.desk), 0)
    assert len(turned(made, Clockwork(made.desk), 86_400 + 1200)) == started
    assert ("was missed" in caplog.text) is (started == 0)


def test_a_schedule_that_was_changed_begins_now(tmp_path: Path) -> None:
    """The ticks that the new one would have had are none that were missed."""
    made = stage(tmp_path, post("dev", schedule="0 9 * * *", missed="once"), start=NOON)
    clockwork = Clockwork(made.desk)
    turned(made, clockwork, 0)
    made.set_post("dev", schedule="* * * * *")
    assert turned(made, clockwork, 1) == []
    assert len(turned(made, clockwork, 60)) == 1


def test_a_run_with_jitter_waits_for_its_time(tmp_path: Path) -> None:
    """It is queued at its tick, and due a little later."""
    made = stage(tmp_path, post("dev", schedule=HOURLY, jitter=600), start=NOON)
    clockwork = Clockwork(made.desk)
    (run,) = turned(made, clockwork, 0, 3570)
    item = made.ledger.queue.get(run)
    assert "2026-11-20T13:00:00.000Z" <= item.not_before <= "2026-11-20T13:10:00.000Z"


def test_between_two_ticks_it_costs_no_call(tmp_path: Path) -> None:
    """A thousand agents that wait are not looked up every second."""
    made = stage(tmp_path, post("dev", schedule=HOURLY), start=NOON)
    clockwork = Clockwork(made.desk)
    turned(made, clockwork, 0)
    made.ledger.set_fact(f"{PREFIX}dev", None)
    turned(made, clockwork, 1, 1, 1)
    assert made.ledger.fact(f"{PREFIX}dev") is None


def test_the_step_of_a_deployed_gateway_starts_what_is_due(tmp_path: Path) -> None:
    """One rule, two clocks: a timer that calls `step` once a minute is enough."""
    made = stage(tmp_path, post("dev", schedule="* * * * *"), start=NOON)
    for _ in range(4):
        made.step()
        made.clock.sleep(60)
    assert len(made.launched) == 3


def test_the_schedule_of_an_agent_that_is_long_gone_is_forgotten(tmp_path: Path) -> None:
    """It would be kept for ever; one that went a short while ago may come back, and that of an agent that is there stays."""
    made = stage(tmp_path, post("dev", schedule="0 0 31 2 *"), post("plain"), start=NOON)
    for name, days in (("dev", 60), ("plain", 60), ("gone", 60), ("lately", 2)):
        fact = {"at": iso(NOON - timedelta(days=days)), "schedule": HOURLY, "timezone": "UTC"}
        made.ledger.set_fact(f"{PREFIX}{name}", fact)
    prune(made.desk, NOON)
    assert set(made.ledger.facts(PREFIX)) == {f"{PREFIX}dev", f"{PREFIX}lately"}
