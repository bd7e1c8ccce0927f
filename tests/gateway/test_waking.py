"""A deployed gateway schedules: what it does when it is woken, and that it sees to it that somebody is."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.waking import HOLDER, LOST, Waking
from tests.fakes import Play
from tests.scheduler.stage import FOREVER, Stage, post, stage
from toolkit.core.agent import AgentName
from toolkit.core.errors import Unreachable
from toolkit.core.run import RunId, RunState, Trigger, TriggerKind
from toolkit.core.work import Rooms
from toolkit.scheduler.submit import submit
from toolkit.scheduler.worker import HOLD

LONG = 30.0  # seconds


@dataclass
class Woken:
    """A gateway's process, and how often it has asked for another one."""

    stage: Stage
    waking: Waking
    calls: list[str] = field(default_factory=list)

    def submit(self, agent: str) -> RunId:
        """As a route of the gateway does."""
        return submit(
            self.waking.desk, Trigger(agent=AgentName(agent), kind=TriggerKind.MANUAL)
        ).run


def woken(made: Stage) -> Woken:
    calls: list[str] = []
    return Woken(made, Waking(made.desk, lambda: calls.append("called")), calls)


def test_what_was_queued_is_passed_on_once(tmp_path: Path) -> None:
    """One call for a request, whatever it has queued, and none for a request that has queued nothing."""
    made = woken(stage(tmp_path, post("dev")))
    made.waking.pass_on()
    made.submit("dev")
    made.submit("dev")
    made.waking.pass_on()
    made.waking.pass_on()
    assert (made.calls, made.stage.launched) == (["called"], [])


def test_of_many_processes_one_calls(tmp_path: Path) -> None:
    """A burst of webhooks meets as many processes, and whoever is woken takes the work of all."""
    base = stage(tmp_path, post("dev", scale=9))
    processes = [woken(base) for _ in range(3)]
    runs = [made.submit("dev") for made in processes]
    for made in processes:
        made.waking.pass_on()
    assert [made.calls for made in processes] == [["called"], [], []]
    processes[2].waking.work(LONG)
    assert sorted(base.launched) == sorted(runs)


def test_what_comes_after_the_look_is_called_for_again(tmp_path: Path) -> None:
    """Who was woken has begun to look, and may have looked already."""
    made = woken(stage(tmp_path, post("dev", scale=9)))
    for _ in range(2):
        made.submit("dev")
        made.waking.pass_on()
        made.waking.work(LONG)
    assert made.calls == ["called", "called"]


def test_who_was_woken_and_never_came_is_not_waited_for(tmp_path: Path) -> None:
    """A platform may lose an event; the next one wakes somebody else."""
    base = stage(tmp_path, post("dev", scale=9))
    made = woken(base)
    made.submit("dev")
    made.waking.pass_on()
    base.clock.sleep(LOST.total_seconds())
    made.submit("dev")
    made.waking.pass_on()
    assert made.calls == ["called", "called"]


def test_after_a_call_that_failed_the_next_one_calls(tmp_path: Path) -> None:
    """Nobody is on his way, so nobody is waited for."""
    base, calls = stage(tmp_path, post("dev", scale=9)), []

    def refuse_once() -> None:
        calls.append("called")
        if len(calls) == 1:
            raise Unreachable("nobody answers", hint="wait")

    waking = Waking(base.desk, refuse_once)
    for _ in range(2):
        submit(waking.desk, Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL))
        waking.pass_on()
    assert calls == ["called", "called"]


def test_a_call_that_fails_loses_nothing(tmp_path: Path) -> None:
    """The work is in the ledger, and the timer finds it; the sender has its answer."""

    def refuse() -> None:
        raise Unreachable("nobody answers", hint="wait")

    base = stage(tmp_path, post("dev"))
    waking = Waking(base.desk, refuse)
    run = submit(waking.desk, Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL)).run
    waking.pass_on()
    waking.timer(LONG)
    assert base.launched == [run]


def test_who_is_woken_for_work_starts_it_and_looks_at_nothing_else(tmp_path: Path) -> None:
    """No schedule is looked at: that is the timer's."""
    made = woken(stage(tmp_path, post("dev"), post("timed", schedule="* * * * * *")))
    run = made.submit("dev")
    made.waking.work(LONG)
    assert made.stage.launched == [run]
    assert made.stage.ledger.facts("tick/") == {}


def test_a_run_that_has_reported_its_end_makes_room_for_the_next(tmp_path: Path) -> None:
    """Lambda tells nobody that an invocation has ended; its run's own report does."""
    made = woken(stage(tmp_path, post("dev")))
    runs = [made.submit("dev"), made.submit("dev")]
    made.waking.work(LONG)
    made.waking.work(LONG)
    assert made.stage.launched == runs


def test_without_time_nothing_is_begun(tmp_path: Path) -> None:
    """An invocation that is about to be cut leaves the work to the next one."""
    made = woken(stage(tmp_path, post("dev")))
    run = made.submit("dev")
    made.waking.timer(0.0)
    assert (made.stage.launched, made.stage.get(run).state) == ([], RunState.QUEUED)
    made.waking.timer(LONG)
    assert made.stage.launched == [run]


def test_a_timer_queues_and_starts_what_is_due(tmp_path: Path) -> None:
    """And another timer of the same moment does nothing: the tick's run has one id."""
    base = stage(tmp_path, post("timed", schedule="* * * * *", scale=5))
    first, second = woken(base), woken(base)
    first.waking.timer(LONG)
    base.clock.sleep(60)
    first.waking.timer(LONG)
    second.waking.timer(LONG)
    assert len(base.launched) == 1


@pytest.fixture
def going_on(tmp_path: Path) -> Woken:
    return woken(stage(tmp_path, post("dev"), plays={"dev": FOREVER}))


def test_an_end_is_settled_and_its_room_used(tmp_path: Path) -> None:
    """Nobody else looks: the event is enough."""
    made = woken(stage(tmp_path, post("dev"), plays={"dev": Play(reports=False)}))
    first, second = made.submit("dev"), made.submit("dev")
    made.waking.work(LONG)
    assert made.stage.launched == [first]
    made.waking.ended(first, LONG)
    assert made.stage.get(first).state is RunState.SUCCEEDED
    assert made.stage.launched == [first, second]


def test_the_same_end_again_changes_nothing(tmp_path: Path) -> None:
    """EventBridge delivers at least once (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html)."""
    made = woken(stage(tmp_path, post("dev"), plays={"dev": Play(reports=False)}))
    run = made.submit("dev")
    made.waking.work(LONG)
    made.waking.ended(run, LONG)
    once = made.stage.get(run)
    made.stage.clock.sleep(5)
    made.waking.ended(run, LONG)
    assert made.stage.get(run) == once


def test_an_end_that_is_nobody_s_is_nothing(going_on: Woken) -> None:
    """A cluster may have tasks of other projects."""
    going_on.waking.ended(RunId("other-12345678"), LONG)
    assert going_on.stage.launched == []


def test_a_run_that_goes_on_after_all_stays_as_it_is(going_on: Woken) -> None:
    """Whoever sends events decides nothing: the platform is asked."""
    run = going_on.submit("dev")
    going_on.waking.work(LONG)
    going_on.waking.ended(run, LONG)
    assert going_on.stage.get(run).state is not RunState.SUCCEEDED
    assert going_on.stage.get(run).state.final is False


def test_gateways_that_die_leave_their_work_to_the_next(tmp_path: Path) -> None:
    """What one has taken is held for two minutes, and then anybody's."""
    base = stage(tmp_path, post("dev"))
    run = woken(base).submit("dev")
    rooms = Rooms(agents={"dev": 1})
    base.ledger.queue.take(HOLDER, rooms, seconds=HOLD, moment=base.clock())
    base.clock.sleep(HOLD + 1)
    woken(base).waking.timer(LONG)
    assert base.launched == [run]
