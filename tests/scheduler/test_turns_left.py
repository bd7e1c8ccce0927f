"""Who leaves a line at a backend, and when: whoever may not begin any more keeps nobody back, from that moment on.

One scheduler is kept for the whole of a test, since one that ends hushes what waits by itself."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryLedger
from tests.scheduler.stage import Stage
from tests.scheduler.turning import (
    GPU,
    by_hand,
    how,
    pass_time,
    recorded,
    shop,
    states,
    stop,
    submitted,
)
from toolkit.core.clock import now
from toolkit.core.errors import Unreachable
from toolkit.core.run import Cause, Run, RunId, RunState
from toolkit.scheduler import control, turns
from toolkit.scheduler.line import Asking, Place, holders, waiters
from toolkit.scheduler.stopping import UNSTARTED


def having(made: Stage) -> list[RunId]:
    return list(holders(turns.read(made.ledger)))


def waiting(made: Stage) -> dict[RunId, Place]:
    return waiters(turns.read(made.ledger))


def asks(made: Stage, run: Run) -> None:
    """As somebody does who has started it by hand, once."""
    asking = Asking(run=run.id, created=run.created, backends=(GPU,))
    turns.enter(made.ledger, asking, made.clock())


def unattended(made: Stage, agent: str) -> Run:
    """A run in the line that somebody started by hand, and nobody asks for any more."""
    run = recorded(made, agent)
    asks(made, run)
    found: Run = made.ledger.update(run.id, state=RunState.QUEUED)
    return found


def test_disabling_an_agent_lets_the_next_in_line_begin_at_once(tmp_path: Path) -> None:
    """Not only when somebody keeps house again."""
    made = shop(tmp_path)
    loop = made.loop()
    first, second, third = submitted(made, "dev", "ops", "dev")
    made.step(loop, times=2)
    stop(made, first)
    control.disable(made.desk, "ops")
    made.step(loop)
    assert states(made, [first, second, third]) == ["stopped", "queued", "running"]


def test_an_agent_that_is_enabled_again_comes_back_by_its_age(tmp_path: Path) -> None:
    """Before whoever came after it, though that one never left."""
    made = shop(tmp_path)
    loop = made.loop()
    first, second, third = submitted(made, "dev", "ops", "dev")
    made.step(loop, times=2)
    control.disable(made.desk, "ops")
    control.enable(made.desk, "ops")
    made.step(loop)
    stop(made, first)
    made.step(loop)
    assert states(made, [second, third]) == ["running", "queued"]


def test_a_scale_of_nothing_takes_an_agent_out_of_the_line(tmp_path: Path) -> None:
    """It can begin no more than one that is disabled."""
    made = shop(tmp_path)
    loop = made.loop()
    first, second, third = submitted(made, "dev", "ops", "dev")
    made.step(loop, times=2)
    control.scale(made.desk, "ops", 0)
    assert list(waiting(made)) == [third]
    control.scale_all(made.desk, 0)
    assert (having(made), waiting(made)) == ([first], {})
    assert states(made, [first, second, third]) == ["running", "queued", "queued"]


def test_a_pause_takes_what_is_queued_out_of_the_line_and_wakes_nobody(tmp_path: Path) -> None:
    """There is nothing to look for; who works goes on, and has its turn."""
    made, rings = shop(tmp_path), list[str]()
    loop = made.loop()
    first, *_ = submitted(made, "dev", "ops", "dev")
    made.step(loop, times=2)
    made.desk = replace(made.desk, wake=lambda: rings.append("ring"))
    control.pause(made.desk)
    assert (having(made), waiting(made), rings) == ([first], {}, [])
    control.resume(made.desk)
    assert rings == ["ring"]


def test_a_pause_leaves_whoever_was_started_by_hand_in_its_place(tmp_path: Path) -> None:
    """Somebody waits with it, and no scheduler's switch is meant."""
    made = shop(tmp_path)
    loop = made.loop()
    submitted(made, "dev")
    made.step(loop)
    run = unattended(made, "ops")
    control.pause(made.desk)
    assert list(waiting(made)) == [run.id]


def test_work_that_is_dropped_for_newer_leaves_the_line(tmp_path: Path) -> None:
    """At once: whoever stands behind it may be next."""
    made = shop(tmp_path)
    made.set_post("ops", max_queue=1)
    loop = made.loop()
    first, old = submitted(made, "dev", "ops")
    made.step(loop, times=2)
    (new,) = submitted(made, "ops")
    assert (made.get(old).cause, having(made), waiting(made)) == (Cause.DROPPED, [first], {})
    stop(made, first)
    made.step(loop)
    assert made.get(new).state is RunState.RUNNING


def test_a_scheduler_that_ends_lets_others_go_before_what_it_leaves(tmp_path: Path) -> None:
    """Nobody would take it for a while; its place and its time are kept for whoever schedules next."""
    made = shop(tmp_path, start=now() - timedelta(hours=1))  # a run by hand begins now
    loop = made.loop()
    first, second = submitted(made, "dev", "dev")
    made.step(loop, times=2)
    since = waiting(made)[second].since
    loop.close()
    turns.leave(made.ledger, first)
    heard: list[str] = []
    run = by_hand(made, "ops", how(made, heard))
    assert (having(made), heard) == ([run.id], [])
    assert waiting(made)[second].since == since


def test_a_scheduler_that_ends_takes_no_turn_from_whoever_works(tmp_path: Path) -> None:
    """Its runs go on, and so does the wait of those that come."""
    made = shop(tmp_path)
    loop = made.loop()
    first, _ = submitted(made, "dev", "dev")
    made.step(loop, times=2)
    loop.close()
    run = unattended(made, "ops")
    assert (having(made), waiting(made).keys() >= {run.id}) == ([first], True)


@pytest.mark.parametrize(("told", "state"), [(True, "stopped"), (False, "failed")])
def test_a_waiting_run_that_is_nobodys_ends_as_what_became_of_it(
    tmp_path: Path, told: bool, state: str
) -> None:
    """Its process is gone: one that somebody stopped was stopped, and any other has failed."""
    made = shop(tmp_path)
    submitted(made, "dev")
    made.step()
    run = unattended(made, "ops")
    _ = told and stop(made, run.id)
    pass_time(made, timedelta(minutes=6))
    ended = made.get(run.id)
    assert (ended.state.value, ended.reason == UNSTARTED) == (state, told)
    assert waiting(made) == {}


def test_a_stopped_run_that_somebody_waits_with_lets_the_next_begin(tmp_path: Path) -> None:
    """At once: whoever waits with it looks only every few seconds, and then hears of the stop."""
    made = shop(tmp_path)
    loop = made.loop()
    (first,) = submitted(made, "dev")
    made.step(loop)
    run = unattended(made, "ops")
    (next_one,) = submitted(made, "dev")
    made.step(loop)
    stop(made, run.id)
    stop(made, first)
    made.step(loop)
    assert (having(made), made.get(run.id).state) == ([next_one], RunState.QUEUED)


class Closed(MemoryLedger):
    """Its lines cannot be written to from some moment on, as in a cloud that is throttled."""

    shut = False

    def set_fact(self, key: str, value: Any, **more: Any) -> bool:
        if self.shut and key == turns.FACT:
            raise Unreachable("the ledger does not answer", hint="try again")
        return super().set_fact(key, value, **more)


@pytest.fixture
def shut(tmp_path: Path) -> Stage:
    """One works, one of another agent waits, and the lines are as they are."""
    ledger = Closed()
    made = shop(tmp_path, ledger=ledger)
    made.set_post("ops", max_queue=1)
    submitted(made, "dev", "ops")
    made.step(made.loop(), times=2)
    ledger.shut = True
    return made


def test_a_pause_is_a_pause_though_the_lines_cannot_be_written_to(
    shut: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """What was asked for is done; who keeps house takes them out of the lines, and the log says so."""
    caplog.set_level(logging.WARNING, "al.scheduler")
    assert control.pause(shut.desk).paused
    assert "the ledger does not answer" in caplog.text


def test_work_is_queued_though_what_it_displaced_cannot_leave_the_line(shut: Stage) -> None:
    """Else a webhook would be told that it was not taken, and come again."""
    rings: list[str] = []
    shut.desk = replace(shut.desk, wake=lambda: rings.append("ring"))
    (new,) = submitted(shut, "ops")
    assert (shut.get(new).state, rings) == (RunState.QUEUED, ["ring"])
