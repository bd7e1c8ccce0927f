"""What became of a run: the order in which witnesses are believed."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, Play, eventually
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso, now
from toolkit.core.errors import Unreachable
from toolkit.core.ports import Ledger
from toolkit.core.run import (
    Cause,
    Mailbox,
    Run,
    RunHandle,
    RunId,
    RunSpec,
    RunState,
    RunStatus,
    TriggerKind,
    status_of_exit,
)
from toolkit.core.secrets import SecretLease, SecretRef
from toolkit.scheduler.settle import OVERDUE, settle, verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = Run(
    id=RunId("dev-1a2b3c4d"), agent=AgentName("dev"), runtime="ecs_fargate", trigger=TriggerKind.MANUAL,
    created=iso(NOON), state=RunState.STARTING, deadline=iso(NOON + timedelta(hours=1)),
)  # fmt: skip
ENDED = RunStatus(state=RunState.FAILED, cause=Cause.OUT_OF_MEMORY, reason="killed")


def report(code: int, state: str | None = None) -> Mailbox:
    return Mailbox(claimed=iso(NOON), report={"exit_code": code, "state": state, "reason": ""})


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (0, RunState.SUCCEEDED),
        (42, RunState.SUCCEEDED),
        (124, RunState.TIMED_OUT),
        (1, RunState.FAILED),
        (137, RunState.FAILED),
    ],
)
def test_an_exit_code_means_one_state(code: int, state: RunState) -> None:
    """0 succeeds, 42 asks for a rerun and succeeds, 124 is the run's own timeout, anything else fails."""
    assert status_of_exit(code).state is state
    assert status_of_exit(code).exit_code == code


def test_a_run_that_was_stopped_is_not_failed() -> None:
    """A stop flag that was honoured is told apart from a failure by the report's own word."""
    assert verdict(RUN, report(143, "stopped"), None, NOON).state is RunState.STOPPED


def test_the_run_s_own_report_is_believed_before_the_platform() -> None:
    """A container that reported success has succeeded, whatever happened to its shell afterwards."""
    assert verdict(RUN, report(0), ENDED, NOON).state is RunState.SUCCEEDED


def test_a_platform_s_end_without_a_report_is_what_the_platform_says() -> None:
    """Killed from outside, it could not report."""
    assert verdict(RUN, Mailbox(claimed=iso(NOON)), ENDED, NOON) == ENDED


def test_a_claimed_run_is_running() -> None:
    """The claim is the first sign of life."""
    assert verdict(RUN, Mailbox(claimed=iso(NOON)), None, NOON).state is RunState.RUNNING


def test_an_unclaimed_run_is_what_its_platform_says() -> None:
    """Until the container speaks, the platform does."""
    starting = RunStatus(state=RunState.STARTING)
    assert verdict(RUN, Mailbox(), starting, NOON) == starting
    assert verdict(RUN, Mailbox(), None, NOON).state is RunState.STARTING


LATE = NOON + timedelta(hours=1, seconds=1)
CLAIMED = Mailbox(claimed=iso(NOON), read=iso(NOON))
LAUNCHED = replace(
    RUN, handle=RunHandle(runtime="ecs_fargate", run=RUN.id, agent=RUN.agent, ids={"task_arn": "t"})
)


@pytest.mark.parametrize("box", [CLAIMED, Mailbox()])
def test_silence_past_the_deadline_is_lost(box: Mailbox) -> None:
    """No report, and the platform, which was asked, knows nothing of it: nobody waits for ever."""
    assert verdict(LAUNCHED, box, None, LATE).state is RunState.LOST


def test_nothing_is_lost_that_nobody_asked_after() -> None:
    """Not having looked is no silence."""
    assert verdict(LAUNCHED, CLAIMED, None, LATE, asked=False).state is RunState.RUNNING
    assert verdict(LAUNCHED, Mailbox(), None, LATE, asked=False).state is RunState.STARTING


def test_a_run_that_its_platform_sees_alive_is_not_lost() -> None:
    """However late it is."""
    alive = RunStatus(state=RunState.RUNNING)
    assert verdict(LAUNCHED, CLAIMED, alive, LATE).state is RunState.RUNNING


STOPPED = RunStatus(state=RunState.STOPPED, exit_code=137)


@pytest.mark.parametrize(
    ("box", "platform"),
    [(CLAIMED, STOPPED), (CLAIMED, ENDED), (CLAIMED, None), (report(143, "stopped"), None)],
)
def test_a_run_that_was_stopped_for_its_deadline_timed_out(
    box: Mailbox, platform: RunStatus | None
) -> None:
    """Whoever tells of its end, and whether it was told at all."""
    end = verdict(replace(LAUNCHED, reason=OVERDUE), box, platform, LATE)
    assert (end.state, end.reason) == (RunState.TIMED_OUT, OVERDUE)


def test_a_success_past_the_deadline_is_a_success() -> None:
    """It was quicker than we."""
    assert verdict(replace(LAUNCHED, reason=OVERDUE), report(0), None, LATE).state is (
        RunState.SUCCEEDED
    )


@pytest.mark.parametrize(("stop", "state"), [(True, RunState.STOPPED), (False, RunState.FAILED)])
def test_a_run_that_was_never_launched_ends_after_ten_minutes(stop: bool, state: RunState) -> None:
    """No handle, no claim, and its platform lists no such run: its launcher died before it could launch."""
    box, early, late = Mailbox(stop=stop), timedelta(minutes=9), timedelta(minutes=11)
    assert verdict(RUN, box, None, NOON + early).state is RunState.STARTING
    end = verdict(RUN, box, None, NOON + late)
    assert (end.state, end.cause) == (state, Cause.NEVER_STARTED)


def test_a_run_that_was_stopped_before_it_began_is_not_failed() -> None:
    """Its container came late, and found no secret."""
    box = replace(report(14, "failed"), stop=True)
    assert verdict(RUN, box, None, NOON).state is RunState.STOPPED


@pytest.mark.parametrize(
    ("stop", "code", "cause", "state"),
    [
        (True, 137, Cause.EXIT_CODE, RunState.STOPPED),
        (True, 143, Cause.EXIT_CODE, RunState.STOPPED),
        (True, 1, Cause.EXIT_CODE, RunState.FAILED),
        (True, 137, Cause.OUT_OF_MEMORY, RunState.FAILED),
        (False, 137, Cause.EXIT_CODE, RunState.FAILED),
    ],
)
def test_a_run_that_was_asked_to_stop_and_killed_is_stopped(
    stop: bool, code: int, cause: Cause, state: RunState
) -> None:
    """Also where its platform knows only the signal: it had no time left to say why.  What failed by itself has failed."""
    box = Mailbox(claimed=iso(NOON), read=iso(NOON), stop=stop)
    platform = RunStatus(state=RunState.FAILED, exit_code=code, cause=cause)
    end = verdict(RUN, box, platform, NOON)
    assert (end.state, end.exit_code) == (state, code)


# with records and a platform


class Watched(MemoryRuntime):
    """Counts what it was told to stop."""

    def __init__(self, script: Mapping[str, Play], *, ledger: MemoryLedger, **parts: Any) -> None:
        super().__init__(script, ledger=ledger, **parts)
        self.ledger = ledger
        self.stopped: list[RunId] = []

    def stop(self, handle: RunHandle) -> str:
        self.stopped.append(handle.run)
        return super().stop(handle)


class Refusing(Watched):
    """Its platform does not answer."""

    def stop(self, handle: RunHandle) -> str:
        self.stopped.append(handle.run)
        raise Unreachable("nobody answers", hint="try again")


def launched(
    tmp_path: Path,
    play: Play,
    *,
    ledger: MemoryLedger | None = None,
    kind: type[Watched] = Watched,
    **fields: Any,
) -> tuple[FakeServices, Watched, Run]:
    """A run that its platform has, as `fields` have it in its record."""
    kept = ledger or MemoryLedger()
    runtime = kind({"dev": play}, ledger=kept, clock=FakeClock())
    made = FakeServices(tmp_path, ledger=kept, runtime=runtime)
    ref = SecretRef(store="memory", name="x")
    lease = SecretLease(ref=ref, agent="dev", run=RUN.id, created=NOON, expires=NOON)
    spec = RunSpec(run=RUN.id, agent=RUN.agent, definition="d", timeout=60, lease=lease)
    handle = runtime.launch(spec)
    record = replace(RUN, runtime="memory", created=iso(now()), **{"handle": handle, **fields})
    kept.add(record)
    return made, runtime, record


HANGS = Play(exit_code=None, reports=False)
PAST = iso(NOON - timedelta(days=400))


@pytest.mark.parametrize("play", [HANGS, Play(exit_code=None)])
def test_a_run_that_lives_past_its_deadline_is_stopped(tmp_path: Path, play: Play) -> None:
    """A task that hangs must not be paid for for ever; it has timed out once it is gone."""
    made, runtime, run = launched(tmp_path, play, deadline=PAST)
    (seen,) = settle(made, [run])
    assert (seen.state, runtime.stopped) == (RunState.RUNNING, [run.id])
    (gone,) = settle(made, [seen])
    assert (gone.state, gone.reason) == (RunState.TIMED_OUT, OVERDUE)


class Slow(Watched):
    """Its runs take their time to end; `let_go` ends it."""

    let_go = threading.Event()

    def stop(self, handle: RunHandle) -> str:
        self.stopped.append(handle.run)
        self.let_go.wait(30)
        return super().stop(handle)


def test_a_run_that_takes_its_time_to_end_is_not_waited_for(tmp_path: Path) -> None:
    """A process has half a minute for that, in which all other runs would wait; it is told once."""
    made, runtime, run = launched(tmp_path, HANGS, kind=Slow, deadline=PAST)
    (seen,) = settle(made, [run])
    (again,) = settle(made, [seen])
    assert (again.state, runtime.stopped) == (RunState.RUNNING, [run.id])
    Slow.let_go.set()
    eventually(lambda: settle(made, [again])[0].state is RunState.TIMED_OUT)


def test_a_stop_that_fails_is_tried_again(tmp_path: Path, caplog: Any) -> None:
    """Somebody hears of it, and the others are looked after."""
    made, runtime, run = launched(tmp_path, HANGS, kind=Refusing, deadline=PAST)
    (seen,) = settle(made, [run])
    assert (seen.state, seen.reason) == (RunState.RUNNING, OVERDUE)
    eventually(lambda: "could not be stopped" in caplog.text)
    settle(made, [seen])
    eventually(lambda: len(runtime.stopped) == 2)


def test_nothing_is_stopped_without_asking(tmp_path: Path) -> None:
    """Between two looks at the platform only the mailbox is read."""
    made, runtime, run = launched(tmp_path, HANGS, deadline=PAST)
    (seen,) = settle(made, [run], ask_platform=False)
    assert (seen.state.final, runtime.stopped) == (False, [])


def test_a_run_before_its_deadline_is_let_be(tmp_path: Path) -> None:
    """It has time."""
    made, runtime, run = launched(tmp_path, HANGS, deadline=iso(now() + timedelta(hours=1)))
    assert settle(made, [run])[0].state is RunState.RUNNING
    assert runtime.stopped == []


def test_a_live_run_without_a_handle_is_adopted(tmp_path: Path) -> None:
    """Its launcher died between launching it and writing down where it is: its platform lists it (D14)."""
    made, _, run = launched(tmp_path, HANGS, handle=None)
    (seen,) = settle(made, [run])
    assert (seen.state, seen.handle is not None) == (RunState.RUNNING, True)
    assert recorded(made.ledger, run).handle == seen.handle


def test_a_run_that_says_where_it_is_is_adopted(tmp_path: Path) -> None:
    """Lambda lists nothing; the claim names the log's stream."""
    where = {"log_group": "/g", "log_stream": "s", "request_id": "r"}
    made, runtime, run = launched(tmp_path, Play(exit_code=None), handle=None)
    runtime.running = lambda: ()  # type: ignore[method-assign]
    runtime.ledger.note(run.id, where=where)
    settle(made, [run])
    handle = recorded(made.ledger, run).handle
    assert handle is not None
    assert handle.ids.items() >= where.items()


def recorded(ledger: Ledger, run: Run) -> Run:
    found = ledger.get(run.id)
    assert found is not None
    return found


def test_an_answer_from_before_the_claim_ends_no_run(tmp_path: Path) -> None:
    """The platform was asked of a run that had not begun, and it began meanwhile: what was said of it is out of
    date."""
    made, runtime, run = launched(tmp_path, HANGS)
    dropped = RunStatus(state=RunState.FAILED, cause=Cause.CAPACITY, reason="dropped")

    def states(handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        runtime.ledger.note(run.id, claimed=iso(now()))
        return {run.id: dropped}

    runtime.states = states  # type: ignore[method-assign]
    assert settle(made, [run])[0].state is RunState.RUNNING
    assert settle(made, [run])[0].state is RunState.FAILED


def test_what_was_told_before_the_end_is_kept(tmp_path: Path) -> None:
    """A report without a return value and without usage takes neither away."""
    made, _, run = launched(tmp_path, Play(), return_value="42", usage={"cost": 0.5})
    (seen,) = settle(made, [run])
    assert (seen.state, seen.return_value, seen.usage) == (RunState.SUCCEEDED, "42", {"cost": 0.5})
