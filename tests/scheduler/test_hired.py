"""Agents that work in loops: when they start, and what keeps them from it."""

import logging
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from tests.scheduler.stage import FOREVER, Stage, post, stage
from toolkit.core.errors import Conflict
from toolkit.core.run import RunState, TriggerKind
from toolkit.scheduler import switches
from toolkit.scheduler.clockwork import Clockwork
from toolkit.scheduler.cron import next_tick
from toolkit.scheduler.roster import Post, Roster
from toolkit.scheduler.status import look, standing
from toolkit.scheduler.switches import Switches

NOON = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
DEV = post("dev", roles=("dev",), every=60)


def made(tmp_path: Path, *posts: Post) -> tuple[Stage, Clockwork]:
    found = stage(tmp_path, *(posts or (DEV,)), start=NOON)
    clockwork = Clockwork(found.desk)
    clockwork.turn(found.clock())
    return found, clockwork


def passed(found: Stage, clockwork: Clockwork, seconds: float) -> int:
    """How many runs there are when a minute's look comes so much later."""
    found.clock.sleep(seconds)
    clockwork.turn(found.clock())
    return len(found.ledger.runs(limit=100))


def begin(found: Stage, *agents: str) -> None:
    switches.set_roles(found.ledger, ["dev"], on=True)
    switches.begin(found.ledger, agents)


@pytest.mark.parametrize("every", [1, 45, 60, 90, 86_400])
def test_a_loop_s_starts_are_its_interval_apart(every: int) -> None:
    """Of any length, and the same ones whoever asks: multiples of it since 1970."""
    loop, at, starts = post("dev", roles=("dev",), every=every), NOON, []
    for _ in range(3):
        at = next_tick(loop, at) or at
        starts.append(at)
    gaps = [
        later - earlier for earlier, later in zip(starts, islice(starts, 1, None), strict=False)
    ]
    assert gaps == [timedelta(seconds=every)] * 2
    assert starts[0].timestamp() % every == 0


def test_a_hired_agent_starts_only_while_it_is_up(tmp_path: Path) -> None:
    """It is defined and rests; then one run at each tick; then it rests again."""
    found, clockwork = made(tmp_path)
    assert passed(found, clockwork, 60) == 0
    begin(found, "dev")
    assert passed(found, clockwork, 60) == 1
    switches.end(found.ledger, ["dev"])
    assert passed(found, clockwork, 60) == 1


def test_another_agent_that_is_up_starts_nobody_else(tmp_path: Path) -> None:
    """Each is begun by its own name."""
    found, clockwork = made(tmp_path, DEV, post("two", roles=("dev",), every=60))
    begin(found, "two")
    passed(found, clockwork, 60)
    assert [run.agent for run in found.ledger.runs()] == ["two"]


def test_the_work_of_a_role_that_is_off_is_skipped_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it is turned on; a new role is off."""
    caplog.set_level(logging.INFO)
    found, clockwork = made(tmp_path)
    switches.begin(found.ledger, ["dev"])
    assert passed(found, clockwork, 60) == 0
    assert "has only roles that are disabled: dev" in caplog.text
    switches.set_roles(found.ledger, ["dev"], on=True)
    assert passed(found, clockwork, 60) == 1


def test_an_agent_of_several_roles_works_while_one_of_them_is_on() -> None:
    """Which of them it works in, it is told."""
    both = post("dev", roles=("dev", "review"))
    turned = Switches(up=("dev",), roles={"dev": False, "review": True})
    assert turned.idle(both) == ""
    assert "disabled: dev, review" in Switches(up=("dev",), roles={"dev": False}).idle(both)


def test_a_loop_whose_agent_is_still_at_work_waits_for_the_next_tick(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One agent never overlaps itself."""
    caplog.set_level(logging.INFO)
    found, clockwork = made(tmp_path)
    found.runtime.script["dev"] = FOREVER
    begin(found, "dev")
    passed(found, clockwork, 60)
    found.step()
    assert passed(found, clockwork, 60) == 1
    assert "1 of 1 at work" in caplog.text


@pytest.mark.parametrize("kind", [TriggerKind.WEBHOOK, TriggerKind.CALL, TriggerKind.SCHEDULE])
def test_nothing_but_a_person_starts_an_agent_that_is_not_up(
    tmp_path: Path, kind: TriggerKind
) -> None:
    """Whoever asks learns how it is begun."""
    found, _ = made(tmp_path)
    with pytest.raises(Conflict, match="is not up") as refused:
        found.submit("dev", kind)
    assert "al up dev" in refused.value.hint
    assert found.submit("dev", TriggerKind.MANUAL)


@pytest.mark.parametrize("kind", [TriggerKind.WEBHOOK, TriggerKind.SCHEDULE, TriggerKind.MANUAL])
def test_what_waits_when_a_role_is_turned_off_does_not_begin(
    tmp_path: Path, kind: TriggerKind
) -> None:
    """Unless a person asked for it."""
    found, _ = made(tmp_path)
    begin(found, "dev")
    run = found.submit("dev", kind)
    switches.set_roles(found.ledger, ["dev"], on=False)
    found.step()
    record = found.ledger.get(run)
    assert record is not None
    by_hand = kind is TriggerKind.MANUAL
    assert (record.state is RunState.STOPPED, "disabled: dev" in record.reason) == (
        not by_hand,
        not by_hand,
    )


def test_agents_that_were_not_hired_know_nothing_of_it(tmp_path: Path) -> None:
    """Their schedules and webhooks are as ever."""
    found, clockwork = made(tmp_path, post("plain", schedule="* * * * *"))
    assert passed(found, clockwork, 60) == 1


def test_its_next_start_is_told_while_it_is_up(tmp_path: Path) -> None:
    """And none while it rests; its loop is what it says of its schedule."""
    found, _ = made(tmp_path)
    roster = found.desk.roster()
    rests = standing(look(found.ledger, roster, NOON), "dev", next_tick)
    begin(found, "dev")
    works = standing(look(found.ledger, roster, NOON), "dev", next_tick)
    assert (rests.next_run, works.next_run) == (None, NOON.replace(minute=1, second=0))
    assert works.post.timing == "every 60 s"


def test_switches_and_roster_survive_the_ledger() -> None:
    """What is written is read again; what an older version wrote has nobody hired."""
    roster = Roster(posts={"dev": DEV})
    assert Roster.from_fact(roster.to_fact()) == roster
    old = {"posts": {"dev": {"agent": "dev", "schedule": None}}}
    assert Roster.from_fact(old).post("dev").roles == ()


def test_turning_one_thing_leaves_the_others(tmp_path: Path) -> None:
    """A pause keeps who is up, and a role keeps the pause."""
    found, _ = made(tmp_path)
    begin(found, "dev")
    switches.pause(found.ledger)
    after = switches.set_roles(found.ledger, ["review"], on=False)
    assert (after.paused, after.up, after.roles) == (True, ("dev",), {"dev": True, "review": False})
