"""What users rely on and no single part keeps: tokens before launches, a pause over changes, adoption, an orderly end."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryRuntime, eventually
from tests.scheduler.stage import FOREVER, define, post, stage
from toolkit.core.clock import iso, now
from toolkit.core.errors import NotFound
from toolkit.core.run import RunState, TriggerKind
from toolkit.scheduler import switches
from toolkit.scheduler.loop import Loop, Pace
from toolkit.scheduler.settle import OVERDUE

QUICK = Pace(queue=0.02, reports=0.02, platforms=0.05, ending=20.0)


class Asking(MemoryRuntime):
    """A container so fast that it speaks to the gateway while its launch is on the way."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self.known: list[tuple[str, bool]] = []

    def launch(self, spec: Any) -> Any:
        assert self._ledger
        record = self._ledger.get(spec.run)
        assert record
        self.known.append((record.state.value, len(record.token) == 64))
        return super().launch(spec)


def test_a_run_may_speak_before_its_launch_has_answered(tmp_path: Path) -> None:
    """Its token is recorded before its platform hears of it."""
    made = stage(tmp_path, post("dev"), runtime=Asking)
    made.ledger.set_fact("gateway", {"url": "https://gateway.example"})
    made.submit("dev")
    made.step()
    assert made.runtime.known == [("starting", True)]  # type: ignore[attr-defined]


def test_a_pause_holds_for_what_is_added_and_changed_meanwhile(tmp_path: Path) -> None:
    """Neither a new schedule nor a changed one starts anything; what others have is as it was."""
    made = stage(tmp_path, post("dev", schedule="0 0 31 2 *"), post("ops"))
    define(made.ledger, "new")
    loop = made.loop()
    switches.pause(made.ledger)
    switches.disable(made.ledger, "ops")
    made.step(loop)
    made.set_post("dev", schedule="* * * * *")
    made.set(posts=made.roster["now"].posts | {"new": post("new", schedule="* * * * *")})
    for _ in range(3):
        made.step(loop)
        made.clock.sleep(60.0)
    assert made.launched == []
    assert switches.read(made.ledger).disabled == ("ops",)


def test_who_was_removed_is_unknown_and_who_was_added_is_not(tmp_path: Path) -> None:
    """Everybody who asks sees the roster as it is now."""
    made = stage(tmp_path, post("dev"), post("old"))
    define(made.ledger, "new")
    posts = made.roster["now"].posts
    made.set(posts={"dev": posts["dev"], "new": post("new")})
    with pytest.raises(NotFound, match="old"):
        made.submit("old")
    run = made.submit("new")
    made.step()
    assert made.get(run).state is RunState.SUCCEEDED


def test_adoption_gives_no_run_more_time(tmp_path: Path) -> None:
    """Its deadline is of its launch: however often a scheduler comes back, it ends then, with a record as any other."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER})
    run = made.submit("dev")
    made.step(times=2)
    deadline = made.get(run).deadline
    made.step(times=2)
    assert made.get(run).deadline == deadline
    made.ledger.update(run, deadline=iso(now() - timedelta(seconds=1)), handle=None)
    made.step(times=3)
    ended = made.get(run)
    assert (ended.state, ended.reason) == (RunState.TIMED_OUT, OVERDUE)
    assert ended.receipt.verified_absent


class Slow(MemoryRuntime):
    """A launch that takes until somebody lets it go on."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def launch(self, spec: Any) -> Any:
        self.begun.set()
        assert self.go_on.wait(20)
        return super().launch(spec)


def test_a_scheduler_that_is_ended_sees_its_launches_through(tmp_path: Path) -> None:
    """And takes nothing more: what is launched has its handle, what waits is there for the next one."""
    made = stage(tmp_path, post("dev", scale=1), plays={"dev": FOREVER}, runtime=Slow)
    runtime: Any = made.runtime
    first, second = (made.submit("dev", TriggerKind.WEBHOOK) for _ in range(2))
    loop, stop = Loop(replace(made.desk, clock=now), pace=QUICK), threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    assert runtime.begun.wait(20)
    stop.set()
    loop.wake()
    runtime.go_on.set()
    thread.join(20)
    assert made.get(first).handle is not None
    assert made.get(second).state is RunState.QUEUED
    eventually(lambda: not thread.is_alive())


def test_the_hands_of_one_scheduler_take_in_turn_from_a_cloud(tmp_path: Path) -> None:
    """At once they would only cross each other there, and each crossing is calls that somebody pays for."""
    made = stage(tmp_path, post("dev", scale=8))
    runs = [made.submit("dev") for _ in range(8)]
    plain, busy, most = made.ledger.queue.take, list[int](), list[int]()

    def take(*parts: Any, **named: Any) -> Any:
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.005)  # long enough to be met, were there anybody
        found = plain(*parts, **named)
        busy.pop()
        return found

    made.ledger.queue.take = take
    made.step(times=2)
    assert sorted(made.launched) == sorted(runs)
    assert set(most) == {1}
