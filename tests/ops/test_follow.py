"""Following a run as `al run` does: to its end, through an interrupt, and through a network that goes away."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.clock import now
from toolkit.core.errors import AccessDenied, AlError, Unreachable
from toolkit.core.logs import LAST_LINE, LogEvent
from toolkit.core.run import Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.secrets import Receipt
from toolkit.ops import follow
from toolkit.ops import run as runs
from toolkit.scheduler.dispatch import Definition, dispatch, fact_key

DEV = Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL)
LAST = json.dumps({"_log": True, "level": "info", "msg": LAST_LINE})


class Stage(MemoryRuntime):
    """A stopped run prints its last line, as every container does."""

    def _end(self, running: Any, code: int, reason: str) -> None:
        super()._end(running, code, reason)
        running.events.append(LogEvent(time=self.clock.ms, id="z", message=LAST))


class Ledger(MemoryLedger):
    """Raises `error` while there is one."""

    error: AlError | None = None

    def get(self, run: RunId) -> Run | None:
        if self.error:
            raise self.error
        return super().get(run)


class Watch:
    """One terminal: what it shows, what is asked, and what happens at the first line."""

    def __init__(self, directory: Path, play: Play) -> None:
        self.clock = FakeClock(now())
        self.ledger, store = Ledger(), MemoryStore()
        runtime = Stage({"dev": play}, ledger=self.ledger, store=store, clock=self.clock)
        self.services = FakeServices(directory, ledger=self.ledger, store=store, runtime=runtime)
        definition = Definition(
            agent="dev", runtime="memory", ref="dev:1", image="i", hash="h", timeout=60
        )
        self.ledger.set_fact(fact_key("dev"), definition.to_fact())
        self.run = dispatch(self.services, DEV)
        self.shown: list[str] = []
        self.notes: list[str] = []
        self.at_first_line: Callable[[], None] = lambda: None

    def to_end(self, *answers: str) -> Run:
        asked = iter(answers)

        def ask(question: str, choices: Sequence[str]) -> str:
            return next(asked)

        return follow.to_end(
            self.services,
            self.run,
            show=self._show,
            note=self.notes.append,
            ask=ask,
            sleep=self.clock.sleep,
            clock=self.clock.monotonic,
        )

    def _show(self, line: str) -> None:
        self.shown.append(line)
        if len(self.shown) == 1:
            self.at_first_line()


def interrupt() -> None:
    raise KeyboardInterrupt


FOREVER = Play(lines=("working", "and working"), exit_code=None)


def test_a_run_is_followed_to_its_end(tmp_path: Path) -> None:
    """Every line once, then the run in its final state."""
    watch = Watch(tmp_path, Play(lines=("one", "two")))
    assert watch.to_end().state is RunState.SUCCEEDED
    assert [line.strip() for line in watch.shown[1:3]] == ["one", "two"]
    assert len(watch.shown) == 4


def test_whoever_interrupts_may_stop_the_run(tmp_path: Path) -> None:
    """It is told to stop, followed to its end, and `al run` ends with 130."""
    watch = Watch(tmp_path, FOREVER)
    watch.at_first_line = interrupt
    run = watch.to_end(follow.STOP)
    assert (run.state, runs.exit_code(run)) == (RunState.STOPPED, 130)
    assert watch.ledger.mailbox(run.id).stop
    assert watch.notes == [f"• stopping {run.id}: {run.id} ended by SIGTERM"]
    assert [line.strip() for line in watch.shown[1:3]] == ["working", "and working"]
    assert len(watch.shown) == 4  # the last line comes after the stop


def test_whoever_interrupts_may_leave_the_run(tmp_path: Path) -> None:
    """It goes on, and the way back is said."""
    watch = Watch(tmp_path, FOREVER)
    watch.at_first_line = interrupt
    run = watch.to_end(follow.LEAVE)
    assert (run.state.final, runs.exit_code(run)) == (False, 130)
    assert not watch.ledger.mailbox(run.id).stop
    assert watch.notes == [f"• {run.id} goes on; `al logs {run.id} -f` follows it"]


def test_a_network_that_stays_away_ends_the_watching_only(tmp_path: Path) -> None:
    """After a minute of trying: the run goes on, the way back is said, and nothing is raised."""
    watch = Watch(tmp_path, FOREVER)
    watch.at_first_line = lambda: setattr(
        watch.ledger, "error", Unreachable("the network is gone", hint="look")
    )
    run = watch.to_end()
    assert (run.id, run.state.final, runs.exit_code(run)) == (watch.run.id, False, 130)
    assert watch.notes == [
        f"• {run.id} goes on; `al logs {run.id} -f` follows it",
        "• it is out of sight: the network is gone",
    ]


def test_a_login_that_expires_is_an_error_that_names_the_run(tmp_path: Path) -> None:
    """Waiting does not help, and the run goes on all the same."""
    watch = Watch(tmp_path, FOREVER)
    watch.at_first_line = lambda: setattr(
        watch.ledger, "error", AccessDenied("the token has expired", hint="log in")
    )
    with pytest.raises(AccessDenied):
        watch.to_end()
    assert watch.run.id in watch.notes[0]


def test_leaving_without_a_network_needs_none(tmp_path: Path) -> None:
    """The run is returned as it was last seen."""

    def away() -> None:
        watch.ledger.error = Unreachable("the network is gone", hint="look")
        raise KeyboardInterrupt

    watch = Watch(tmp_path, FOREVER)
    watch.at_first_line = away
    assert watch.to_end(follow.LEAVE) == watch.run


def test_of_a_run_that_never_got_a_secret_none_is_told() -> None:
    """It failed before there was one; of every other it is said whether it is gone."""
    agent = AgentName("dev")
    run = Run(id=RunId.new(agent), agent=agent, runtime="local", trigger=TriggerKind.MANUAL,
              created="2026-11-20T12:00:00Z", state=RunState.FAILED, reason="was not pushed")  # fmt: skip
    assert "secret" not in follow.sentence(run)
    kept = replace(run, receipt=Receipt(created="2026-11-20T12:00:00Z"))
    assert follow.sentence(kept).endswith("; its secret has not been seen gone yet")
