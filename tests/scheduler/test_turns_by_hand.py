"""Runs that are started by hand wait in the same lines, and see to them where no scheduler does."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import Play
from tests.scheduler.turning import (
    GPU,
    PLAYS,
    by_hand,
    how,
    pass_time,
    recorded,
    shop,
    stop,
    submitted,
    trigger,
)
from toolkit.core.errors import BackendBusy
from toolkit.core.run import Cause, RunState
from toolkit.scheduler import turns
from toolkit.scheduler.line import UNSEEN, waiters
from toolkit.scheduler.starts import StoppedBefore
from toolkit.scheduler.waiting import wait_for_turn


def test_a_run_by_hand_waits_behind_the_schedulers_work(tmp_path: Path) -> None:
    """And its user reads where it stands; it begins when the other is over."""
    made = shop(tmp_path)
    (first,) = submitted(made, "dev")
    made.step(times=2)
    heard: list[str] = []
    run = by_hand(made, "ops", how(made, heard, then=lambda: stop(made, first) or made.step()))
    assert made.launched == [first, run.id]
    (line,) = heard
    assert line.startswith(f"• {run.id} waits for http://127.0.0.1:8081: number 1 in line")
    assert first in line


def test_a_run_by_hand_gives_up_in_the_end(tmp_path: Path) -> None:
    """With a code of its own, and its record says why; nothing was launched."""
    made = shop(tmp_path)
    submitted(made, "dev")
    made.step(times=2)
    with pytest.raises(BackendBusy, match="waited 10 min") as refused:
        by_hand(made, "ops", how(made, [], seconds=600))
    (ended,) = made.ledger.runs(agent="ops")
    assert refused.value.exit_code == 75
    assert (ended.state, ended.cause) == (RunState.FAILED, Cause.BACKEND_BUSY)
    assert (len(made.launched), waiters(turns.read(made.ledger))) == (1, {})


def test_a_run_by_hand_can_be_stopped_while_it_waits(tmp_path: Path) -> None:
    """`al kill` finds it like any other."""
    made = shop(tmp_path)
    submitted(made, "dev")
    made.step(times=2)
    kill = lambda: stop(made, made.ledger.runs(agent="ops")[0].id)  # noqa: E731
    with pytest.raises(StoppedBefore):
        by_hand(made, "ops", how(made, [], then=kill))
    assert made.ledger.runs(agent="ops")[0].state is RunState.STOPPED


def test_one_whose_waiting_process_died_keeps_nobody_back(tmp_path: Path) -> None:
    """Its run ends, because nobody will ever start it."""
    made = shop(tmp_path)
    (first,) = submitted(made, "dev")
    made.step(times=2)

    class Killed(BaseException):
        """The process is gone: nothing is undone."""

    run = made.get(first)
    dead = recorded(made, "ops")
    made.ledger.update(dead.id, state=RunState.QUEUED)
    die = how(made, [], then=lambda: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        wait_for_turn(made.desk.services, made.get(dead.id), trigger("ops"), (GPU,), die)
    assert set(waiters(turns.read(made.ledger))) == {dead.id}
    pass_time(made, UNSEEN + timedelta(minutes=1))
    ended = made.get(dead.id)
    assert (ended.state, ended.cause) == (RunState.FAILED, Cause.NEVER_STARTED)
    assert made.get(run.id).state is RunState.RUNNING


def test_where_no_scheduler_runs_who_waits_asks_after_the_others(tmp_path: Path) -> None:
    """The first was started by hand, too, and its process is gone: its end is found out, and the second begins."""
    made = shop(tmp_path, plays={**PLAYS, "ops": Play(exit_code=None, reports=False)})
    first = by_hand(made, "ops")
    made.runtime.kill(first.id)
    second = by_hand(made, "dev", how(made, [], seconds=900))
    assert made.launched == [first.id, second.id]
    assert made.get(first.id).state.final
