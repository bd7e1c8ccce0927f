"""The scheduler as a whole: what is queued starts when there is room, keeps its id, and is followed to its end."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import MemoryRuntime, eventually
from tests.scheduler.stage import FOREVER, Stage, post, stage
from toolkit.core.agent import AgentName
from toolkit.core.clock import now
from toolkit.core.errors import Conflict, NotFound
from toolkit.core.run import Cause, RunId, RunState, Trigger, TriggerKind
from toolkit.scheduler import attempt, switches
from toolkit.scheduler.dispatch import dispatch
from toolkit.scheduler.housekeeping import MOST_ACTIVE
from toolkit.scheduler.loop import Loop, Pace
from toolkit.scheduler.prepare import prepared
from toolkit.scheduler.stopping import stop_run


def states(made: Stage, runs: list[RunId]) -> list[str]:
    return [made.get(run).state.value for run in runs]


def test_a_run_keeps_the_id_that_it_was_queued_with(tmp_path: Path) -> None:
    """Whoever started it can follow it from the first moment; its item is gone when it is over."""
    made = stage(tmp_path, post("dev"))
    run = made.submit("dev", prompt="look")
    assert (made.get(run).state, made.get(run).prompt) == (RunState.QUEUED, "look")
    made.step()
    assert (made.launched, made.get(run).state) == ([run], RunState.SUCCEEDED)
    assert made.ledger.queue.get(run) is None


def test_scale_two_runs_two_at_once_and_the_rest_in_order(tmp_path: Path) -> None:
    """More than its scale never runs; what waits starts oldest first."""
    made = stage(tmp_path, post("dev", scale=2), plays={"dev": FOREVER})
    runs = []
    for _ in range(4):
        runs.append(made.submit("dev"))
        made.clock.sleep(1)
    loop = made.loop()
    made.step(loop, times=2)
    assert states(made, runs) == ["running", "running", "queued", "queued"]
    stop_run(made.desk, made.get(runs[0]))
    made.step(loop, times=2)
    assert states(made, runs) == ["stopped", "running", "running", "queued"]


def test_the_projects_cap_is_a_true_limit(tmp_path: Path) -> None:
    """However many agents have room, no more than the total run."""
    posts = [post(f"agent-{n}", scale=3) for n in range(4)]
    made = stage(tmp_path, *posts, plays={p.agent: FOREVER for p in posts}, total=2)
    for one in posts:
        made.submit(one.agent)
    made.step(times=2)
    assert len(made.launched) == 2


def test_a_scale_that_is_changed_takes_effect(tmp_path: Path) -> None:
    """Without a restart, up and down."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER})
    runs = [made.submit("dev") for _ in range(3)]
    loop = made.loop()
    made.step(loop, times=2)
    assert len(made.launched) == 1
    switches.set_scale(made.ledger, "dev", 3)
    made.step(loop, times=2)
    assert sorted(made.launched) == sorted(runs)


def test_while_paused_nothing_starts_and_what_waited_starts_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    """Webhooks are held, what somebody waits for is refused, and what runs goes on."""
    made = stage(tmp_path, post("dev", scale=3), plays={"dev": FOREVER})
    going = made.submit("dev")
    loop = made.loop()
    made.step(loop)
    switches.pause(made.ledger)
    held = made.submit("dev", TriggerKind.WEBHOOK)
    with pytest.raises(Conflict):
        made.submit("dev", TriggerKind.CALL)
    made.step(loop, times=2)
    assert states(made, [going, held]) == ["running", "queued"]
    switches.resume(made.ledger)
    made.step(loop)
    assert made.get(held).state is RunState.RUNNING


def test_work_of_a_disabled_agent_stays_until_it_is_enabled(tmp_path: Path) -> None:
    """It is queued, not refused and not lost."""
    made = stage(tmp_path, post("dev"))
    switches.disable(made.ledger, "dev")
    run = made.submit("dev", TriggerKind.WEBHOOK)
    loop = made.loop()
    made.step(loop, times=2)
    assert made.get(run).state is RunState.QUEUED
    switches.enable(made.ledger, "dev")
    made.step(loop)
    assert made.get(run).state is RunState.SUCCEEDED


def test_unknown_unpushed_and_off_agents_are_refused(tmp_path: Path) -> None:
    """The door says why; nothing is queued."""
    made = stage(tmp_path, post("dev"), post("off", scale=0))
    made.set(posts={**made.roster["now"].posts, "new": post("new")})
    with pytest.raises(NotFound):
        made.submit("nobody")
    with pytest.raises(NotFound, match="has not been pushed"):
        made.submit("new")
    with pytest.raises(Conflict, match="scale 0"):
        made.submit("off", TriggerKind.WEBHOOK)
    assert made.ledger.queue.lengths() == {}


def test_what_is_prepared_is_queued_by_nobody_yet(tmp_path: Path) -> None:
    """An intake gets the run, its work and the queue's size, and writes them with the delivery."""
    made = stage(tmp_path, post("dev", max_queue=7))
    trigger = Trigger(
        agent=AgentName("dev"), kind=TriggerKind.WEBHOOK, source="hub", delivery="d-1"
    )
    run, item, most = prepared(made.desk, trigger)
    assert (run.id, run.delivery, run.source, most) == (item.run, "d-1", "hub", 7)
    assert made.ledger.get(run.id) is None


def test_the_oldest_work_makes_room_and_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full queue drops the oldest: its run ends as dropped, and somebody hears of it."""
    made = stage(tmp_path, post("dev", max_queue=2))
    switches.pause(made.ledger)
    runs = []
    for _ in range(3):
        runs.append(made.submit("dev", TriggerKind.WEBHOOK))
        made.clock.sleep(1)
    assert (made.get(runs[0]).state, made.get(runs[0]).cause) == (RunState.FAILED, Cause.DROPPED)
    assert runs[0] in caplog.text


def test_work_of_an_agent_that_is_gone_is_ended_with_a_reason(tmp_path: Path) -> None:
    """Neither in the roster nor pushed: it will never start, and its record says why."""
    made = stage(tmp_path, post("dev"), post("old"))
    switches.pause(made.ledger)
    run = made.submit("old", TriggerKind.WEBHOOK)
    made.set(posts={"dev": made.roster["now"].posts["dev"]})
    made.ledger.set_fact("definition/old", None)
    made.step()
    assert (made.get(run).cause, made.get(run).reason) == (
        Cause.DROPPED,
        "old is no longer in the project",
    )
    assert made.ledger.queue.get(run) is None


def test_work_of_an_agent_that_somebody_else_serves_is_left_to_them(tmp_path: Path) -> None:
    """`al up dev` knows of the project's other agents, which wait for `al start` or for an `al up` of their own."""
    made = stage(tmp_path, post("dev"), post("ops"))
    switches.pause(made.ledger)
    run = made.submit("ops", TriggerKind.WEBHOOK)
    made.set(posts={"dev": made.roster["now"].posts["dev"]}, others=(AgentName("ops"),))
    made.ledger.set_fact("definition/ops", None)
    made.step()
    assert made.get(run).state is RunState.QUEUED


# several schedulers, and those that die


def test_two_schedulers_start_one_run_once(tmp_path: Path) -> None:
    """However many look at the queue."""
    made = stage(tmp_path, post("dev", scale=20))
    runs = [made.submit("dev") for _ in range(20)]
    loops = [made.loop() for _ in range(3)]
    threads = [threading.Thread(target=loop.step, args=(made.clock(),)) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made.launched) == sorted(runs)


class Deadly(MemoryRuntime):
    """The launcher dies when the run has started and before it hears of it; the next one lives."""

    deaths = 1

    def launch(self, spec: object) -> object:
        handle = super().launch(spec)  # type: ignore[arg-type]
        if self.deaths:
            self.deaths -= 1
            raise SystemExit("killed")
        return handle


class Killed(MemoryRuntime):
    """The launcher dies before the platform hears of the launch."""

    deaths = 1

    def launch(self, spec: object) -> object:
        if self.deaths:
            self.deaths -= 1
            raise SystemExit("killed")
        return super().launch(spec)  # type: ignore[arg-type]


def die(made: Stage, loop: Loop) -> None:
    """The process ends in the middle of a launch: nothing after that is done, not even the undoing."""
    undo = attempt.Attempt.undo
    attempt.Attempt.undo = lambda self, error: None  # type: ignore[method-assign]
    try:
        loop.step(made.clock())
    finally:
        attempt.Attempt.undo = undo  # type: ignore[method-assign]


@pytest.mark.parametrize("runtime", [Deadly, Killed])
def test_a_run_whose_launcher_died_is_found_or_started_and_never_twice(
    tmp_path: Path, runtime: type[MemoryRuntime]
) -> None:
    """The next scheduler first looks whether the run is there already."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER}, runtime=runtime)
    run = made.submit("dev")
    die(made, made.loop())
    made.clock.sleep(121)  # its hold runs out
    made.step(times=3)
    assert (made.launched, made.get(run).state) == ([run], RunState.RUNNING)
    assert made.get(run).handle is not None


def test_what_ran_is_found_again_after_a_restart_and_ends(tmp_path: Path) -> None:
    """Nothing that matters is kept in a process: its locks, its item and its receipt are settled by the next."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER})
    run = made.submit("dev")
    made.step(times=2)
    made.ledger.locks.acquire("github://a/b/1", run, seconds=1800, moment=made.clock())
    made.runtime.stop(made.get(run).handle)
    made.step()
    ended = made.get(run)
    assert (ended.state, bool(ended.receipt.verified_absent)) == (RunState.STOPPED, True)
    assert made.ledger.locks.held(moment=made.clock()) == ()
    assert made.ledger.queue.get(run) is None


def test_a_run_that_was_started_by_hand_is_settled_too(tmp_path: Path) -> None:
    """Its starter has gone; the scheduler's housekeeping finds its end."""
    made = stage(tmp_path, post("dev"))
    trigger = Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL)
    run = dispatch(made.desk.services, trigger)
    made.step()
    assert made.get(run.id).state is RunState.SUCCEEDED


def test_waiting_work_hides_no_run_whose_starter_has_gone(tmp_path: Path) -> None:
    """Newer runs that wait, as many as are looked at in one go, stand before it in the ledger."""
    made = stage(tmp_path, post("dev"), post("ops", max_queue=MOST_ACTIVE))
    switches.disable(made.ledger, "ops")
    run = dispatch(made.desk.services, Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL))
    made.clock.sleep(60)
    waiting = [made.submit("ops") for _ in range(MOST_ACTIVE)]
    made.step()
    assert made.get(run.id).state is RunState.SUCCEEDED
    assert len(made.ledger.queue.waiting("ops", limit=MOST_ACTIVE + 1)) == len(waiting)


# the running loop


def test_the_loop_wakes_when_there_is_work_and_ends_when_it_is_told(tmp_path: Path) -> None:
    """Work that is queued while it sleeps starts at once; its end is seen without a further ring."""
    made = stage(tmp_path, post("dev"))
    desk = replace(made.desk, clock=now)
    loop, stop = Loop(desk, pace=Pace(reports=0.05, queue=0.05)), threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), daemon=True)
    thread.start()
    run = made.submit("dev")
    loop.wake()
    eventually(lambda: made.get(run).state.final)
    stop.set()
    loop.wake()
    thread.join(timeout=20)
    assert not thread.is_alive()


def test_a_loop_that_has_ended_takes_nothing_more(tmp_path: Path) -> None:
    """Its work is there for the next one."""
    made = stage(tmp_path, post("dev"))
    loop = made.loop()
    loop.close()
    run = made.submit("dev")
    loop.step(made.clock())
    assert made.get(run).state is RunState.QUEUED
    made.step()
    assert made.get(run).state is RunState.SUCCEEDED


def test_old_history_is_forgotten_while_it_runs(tmp_path: Path) -> None:
    """Not at the start only: a scheduler that runs for weeks keeps no more than it should."""
    made = stage(tmp_path, post("dev"), retention_days=14)
    run = made.submit("dev")
    loop = made.loop()
    made.step(loop)
    made.clock.sleep(timedelta(days=15).total_seconds())
    made.step(loop)
    assert made.ledger.get(run) is None


def test_a_week_is_kept_whatever_the_project_says(tmp_path: Path) -> None:
    """Senders repeat a delivery for days, and its number must be known for so long."""
    made = stage(tmp_path, post("dev"), retention_days=1)
    run = made.submit("dev")
    loop = made.loop()
    made.step(loop)
    made.clock.sleep(timedelta(days=6).total_seconds())
    made.step(loop)
    assert made.ledger.get(run) is not None
