"""Starts that fail: which are made again, how often, and only when nothing of the last one is left."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryRuntime, Play
from tests.scheduler.stage import FOREVER, post, stage
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    LaunchError,
    LimitExceeded,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.run import Cause, Mailbox, RunState, RunStatus
from toolkit.core.secrets import Secret
from toolkit.scheduler import starts

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = 61.0  # seconds: longer than the longest wait between two attempts


def refusal(cause: Cause) -> LaunchError:
    return LaunchError("not now", hint="wait", cause=cause.value)


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (refusal(Cause.CAPACITY), True),
        (refusal(Cause.IMAGE_PULL), True),
        (refusal(Cause.SECRET_MISSING), True),
        (refusal(Cause.NETWORK), True),
        (Unreachable("lost", hint="-"), True),
        (Throttled("slow down", hint="-"), True),
        (refusal(Cause.TOO_LARGE), False),
        (LimitExceeded("too large", hint="-"), False),
        (AccessDenied("no", hint="-"), False),
        (NotFound("not pushed", hint="-"), False),
    ],
)
def test_only_causes_that_pass_are_worth_another_attempt(error: AlError, passing: bool) -> None:
    """A run that is refused for what it is stays refused."""
    assert starts.again(error, 1, leased=True) is passing
    assert not starts.again(error, starts.MOST, leased=True)


def test_a_refused_start_is_made_again_under_the_same_id(tmp_path: Path) -> None:
    """At most three attempts, each after a wait; then the run has failed, and says why."""
    made = stage(tmp_path, post("dev"), plays={"dev": Play(refusal=refusal(Cause.CAPACITY))})
    run, loop = made.submit("dev"), made.loop()
    made.step(loop, times=2)
    assert (made.get(run).state, made.get(run).cause) == (RunState.QUEUED, Cause.CAPACITY)
    assert made.ledger.queue.get(run).attempts == 1
    for _ in range(3):
        made.clock.sleep(LATER)
        made.step(loop)
    assert (made.get(run).state, made.get(run).cause) == (RunState.FAILED, Cause.CAPACITY)
    assert made.ledger.queue.get(run) is None


def test_nothing_of_a_refused_start_stays(tmp_path: Path) -> None:
    """Its secret is gone before the next attempt makes another."""
    made = stage(tmp_path, post("dev"), plays={"dev": Play(refusal=refusal(Cause.CAPACITY))})
    made.submit("dev")
    made.step()
    services = made.desk.services
    assert list(services.run_secrets.list(f"{services.context.names.secrets}runs/")) == []


def test_the_second_attempt_succeeds_and_its_receipt_is_its_own(tmp_path: Path) -> None:
    """The first one's secret is in no way the run's."""
    made = stage(tmp_path, post("dev"), plays={"dev": Play(refusal=refusal(Cause.NETWORK))})
    run, loop = made.submit("dev"), made.loop()
    made.step(loop)
    made.runtime.script["dev"] = Play()
    made.clock.sleep(LATER)
    made.step(loop, times=2)
    ended = made.get(run)
    assert (ended.state, ended.cause, made.launched) == (RunState.SUCCEEDED, None, [run])
    assert ended.receipt.complete
    assert made.runtime.launched[0].again


def test_other_failures_fail_at_once(tmp_path: Path) -> None:
    """A context that is too large stays so."""
    made = stage(tmp_path, post("dev"), plays={"dev": Play(refusal=refusal(Cause.TOO_LARGE))})
    run = made.submit("dev")
    made.step()
    assert (made.get(run).state, made.get(run).cause) == (RunState.FAILED, Cause.TOO_LARGE)


class Late(MemoryRuntime):
    """Takes the launch, and cannot pull the image: nothing of the run ever begins; the next time it can."""

    failures = 1

    def launch(self, spec: Any) -> Any:
        handle = super().launch(spec)
        self._broken = getattr(self, "_broken", set())
        if self.failures:
            self.failures -= 1
            self._broken.add(spec.run)
        return handle

    def states(self, handles: Any) -> Any:
        pull = RunStatus(state=RunState.FAILED, cause=Cause.IMAGE_PULL, reason="no such image")
        return {**super().states(handles), **dict.fromkeys(self._broken, pull)}

    def mend(self) -> None:
        self._broken.clear()
        self._all.clear()


def test_a_run_that_its_platform_could_not_begin_is_launched_again(tmp_path: Path) -> None:
    """Its platform says that it ended, and it had claimed nothing: it is gone for certain."""
    made = stage(
        tmp_path, post("dev"), plays={"dev": Play(reports=False, exit_code=None)}, runtime=Late
    )
    run, loop = made.submit("dev"), made.loop()
    made.step(loop, times=2)
    assert (made.get(run).state, made.get(run).cause) == (RunState.QUEUED, Cause.IMAGE_PULL)
    made.runtime.mend()  # type: ignore[attr-defined]
    made.clock.sleep(LATER)
    made.step(loop, times=2)
    assert (made.get(run).state, made.launched) == (RunState.RUNNING, [run, run])


def test_a_run_that_had_begun_is_not_started_again() -> None:
    """What has claimed its run may have done work."""
    pull = RunStatus(state=RunState.FAILED, cause=Cause.IMAGE_PULL)
    claimed = Mailbox(claimed="2026-11-20T12:00:00.000Z")
    assert not starts.begun_again(claimed, pull, None)


class Lost(MemoryRuntime):
    """The run starts, and the first answer is lost."""

    lost = 1

    def launch(self, spec: Any) -> Any:
        handle = super().launch(spec)
        if self.lost:
            self.lost -= 1
            raise Unreachable("the answer was lost", hint="look")
        return handle


def test_a_launch_whose_answer_was_lost_is_not_made_twice(tmp_path: Path) -> None:
    """The run is looked for first, and found."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER}, runtime=Lost)
    run, loop = made.submit("dev"), made.loop()
    made.step(loop)
    made.clock.sleep(LATER)
    made.step(loop, times=3)
    assert (made.get(run).state, made.launched) == (RunState.RUNNING, [run])
    assert not made.ledger.mailbox(run).stop


def test_a_run_that_may_have_begun_keeps_its_place(tmp_path: Path) -> None:
    """Nobody knows yet, so that other work waits: the scale is a true limit."""
    made = stage(tmp_path, post("dev", scale=1), plays={"dev": FOREVER}, runtime=Lost)
    first, second = made.submit("dev"), made.submit("dev")
    loop = made.loop()
    made.step(loop)
    made.clock.sleep(LATER)
    made.step(loop, times=3)
    assert made.launched == [first]
    assert made.get(second).state is RunState.QUEUED


def test_a_missing_credential_is_looked_for_again(tmp_path: Path) -> None:
    """It may be on its way; after the last attempt the run has failed for it."""
    made = stage(tmp_path, post("dev"))
    fact = made.ledger.fact("definition/dev")
    made.ledger.set_fact("definition/dev", {**fact, "credentials": ["github_token/default/token"]})
    run, loop = made.submit("dev"), made.loop()
    made.step(loop)
    assert (made.get(run).state, made.get(run).cause) == (RunState.QUEUED, Cause.SECRET_MISSING)
    names = made.desk.services.context.names
    made.desk.services.store.put(f"{names.secrets}github_token/default/token", Secret("x"), tags={})
    made.clock.sleep(LATER)
    made.step(loop, times=2)
    assert made.get(run).state is RunState.SUCCEEDED


def test_the_waits_grow() -> None:
    """A platform without room gets time."""
    waits = [starts.not_before(attempts, NOON) - NOON for attempts in (1, 2)]
    assert waits == [timedelta(seconds=15), timedelta(seconds=60)]
