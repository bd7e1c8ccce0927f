"""An id that follows from its cause and is another run's already loses no work."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.contracts.ledger import a_run
from tests.fakes import MemoryLedger, Play
from tests.scheduler.stage import Stage, post, stage
from toolkit.core.agent import AgentName
from toolkit.core.errors import Unreachable
from toolkit.core.run import RERUN, Run, RunState, TriggerKind
from toolkit.core.work import Rooms
from toolkit.scheduler.clockwork import Clockwork
from toolkit.scheduler.cron import next_tick
from toolkit.scheduler.origin import named

HOURLY = "0 * * * *"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROOMS = Rooms(agents={"dev": 1})


def origin_of(made: Stage) -> str:
    """Of the next tick of `dev`."""
    at = next_tick(made.desk.roster().posts["dev"], made.clock())
    assert at is not None
    scope = made.desk.services.environment.scope
    return f"{scope.project}/{scope.environment}/dev@{at.isoformat()}"


def occupy(made: Stage, origin: str) -> Run:
    """Another run of the same agent has the id that follows."""
    other = a_run("dev", id=named(AgentName("dev"), origin), state=RunState.SUCCEEDED)
    made.ledger.add(other)
    return other


def scheduled(made: Stage) -> list[Run]:
    return [run for run in made.ledger.runs(limit=99) if run.trigger is TriggerKind.SCHEDULE]


def test_a_tick_whose_id_is_another_runs_is_one_run_all_the_same(tmp_path: Path) -> None:
    """Under the next id that follows; whoever looks again, or anew, finds it done."""
    made = stage(tmp_path, post("dev", schedule=HOURLY, scale=9), start=NOON)
    Clockwork(made.desk).turn(made.clock())
    origin = origin_of(made)
    other = occupy(made, origin)
    made.clock.sleep(3600)
    for _ in range(3):
        made.ledger.set_fact("tick/dev", {**made.ledger.fact("tick/dev"), "at": other.created})
        Clockwork(made.desk).turn(made.clock())
    (run,) = scheduled(made)
    assert (run.id, run.origin) == (named(AgentName("dev"), origin, 1), origin)
    assert made.get(other.id) == other


def test_a_rerun_whose_id_is_another_runs_is_one_run_all_the_same(tmp_path: Path) -> None:
    """The other run stays as it is."""
    made = stage(tmp_path, post("dev"), plays={"dev": Play(exit_code=RERUN)}, max_reruns=1)
    first = made.submit("dev")
    other = occupy(made, f"{first} again")
    made.step(times=4)
    (again,) = (run for run in made.ledger.runs(limit=9) if run.rerun)
    assert again.id == named(AgentName("dev"), f"{first} again", 1)
    assert again.state is RunState.SUCCEEDED
    assert made.get(other.id) == other


class Away(MemoryLedger):
    """Cannot be reached while it is `away`."""

    away = False

    def set_facts(self, values: Any, *, expected: Any) -> bool:
        if self.away:
            raise Unreachable("nobody answers", hint="try again")
        return super().set_facts(values, expected=expected)


def test_a_tick_that_could_not_be_queued_is_queued_at_the_next_look(tmp_path: Path) -> None:
    """Its ledger did not answer just then: the schedule is not taken for looked at."""
    ledger = Away()
    made = stage(tmp_path, post("dev", schedule=HOURLY), start=NOON, ledger=ledger)
    clockwork = Clockwork(made.desk)
    clockwork.turn(made.clock())
    made.clock.sleep(3600)
    ledger.away = True
    clockwork.turn(made.clock())
    ledger.away = False
    assert scheduled(made) == []
    clockwork.turn(made.clock())
    assert len(scheduled(made)) == 1


def test_one_run_for_many_ticks_says_so(tmp_path: Path, caplog: Any) -> None:
    """Whoever counts ticks finds each of them, as a run or in the log."""
    caplog.set_level("INFO", logger="al.scheduler")
    missed = post("dev", schedule="* * * * *")
    made = stage(tmp_path, missed, start=NOON)
    Clockwork(made.desk).turn(made.clock())
    made.clock.sleep(180)
    Clockwork(made.desk).turn(made.clock())
    assert len(scheduled(made)) == 1
    assert "12:03:00.000Z stands for all since 2026-11-20T12:01:00.000Z" in caplog.text


def test_ticks_of_many_agents_look_at_the_queue_once(tmp_path: Path) -> None:
    """However many fire at the same moment."""
    posts = [post(f"agent-{n}", schedule=HOURLY) for n in range(40)]
    made = stage(tmp_path, *posts, start=NOON)
    clockwork = Clockwork(made.desk)
    clockwork.turn(made.clock())
    made.clock.sleep(3600)
    queue, looks = made.ledger.queue, []
    look = queue.at_work
    queue.at_work = lambda: looks.append(1) or look()
    assert len(clockwork.turn(made.clock())) == 40
    assert len(looks) == 1
    assert len(scheduled(made)) == 40


def test_an_agent_that_is_at_work_is_skipped_and_others_are_not(tmp_path: Path) -> None:
    """The one look tells of each."""
    posts = [post("dev", schedule=HOURLY), post("ops", schedule=HOURLY)]
    made = stage(tmp_path, *posts, start=NOON)
    clockwork = Clockwork(made.desk)
    clockwork.turn(made.clock())
    made.submit("dev")
    made.ledger.queue.take("me", ROOMS, seconds=9, moment=made.clock())
    made.clock.sleep(3600)
    clockwork.turn(made.clock())
    assert [run.agent for run in scheduled(made)] == ["ops"]
