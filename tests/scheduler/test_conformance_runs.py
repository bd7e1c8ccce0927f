"""`al start` with real agents: what starts, how it ends, how many at once, and how it is steered."""

from collections.abc import Iterator

import pytest

from tests.fakes import eventually
from tests.scheduler.served import Served, made
from toolkit.core.errors import Conflict
from toolkit.core.run import Cause, RunState, TriggerKind
from toolkit.ops import launch
from toolkit.scheduler.history import Result, result

NEVER = 'schedule = "0 0 31 2 *"\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One started instance for all of these; each test has an agent of its own."""
    with made(tmp_path_factory.mktemp("conformance"), "maxReruns = 2") as served:
        served.agent("good", "echo fine; al-return --value done || true", NEVER)
        served.agent("bad", "exit 3", NEVER)
        served.agent("often", "true", 'schedule = "*/2 * * * * *"\n')
        served.agent(
            "again", f"[ -e {served.marks}/second ] && exit 0; touch {served.marks}/second; exit 42"
        )
        served.agent("endless", "exit 42")
        served.agent("long", "sleep 60", "timeout = 1\n")
        served.agent("short", "sleep 0.2", "timeout = 30\n")
        served.agent("pair", served.waits("pair"), "scale = 2\n")
        served.agent("full", served.waits("full"), "maxWorkQueueSize = 1\n")
        served.agent("killed", served.waits("never-1"), "scale = 2\n")
        served.agent("idle", "true", "scale = 0\n")
        served.agent("held", served.waits("held"))
        served.agent("asked", f'printf %s "$PROMPT" > {served.marks}/prompt')
        served.agent(
            "locks",
            "rlock github://acme/shop && runlock github://acme/shop; rlock nonsense; [ $? -eq 4 ]",
        )
        served.start()
        yield served


def test_it_answers_at_once(served: Served) -> None:
    """The gateway of a started project is healthy, and knows every agent."""
    assert served.get("/health") == {"status": "ok"}
    assert "good" in [agent["name"] for agent in served.get("/control/status")["agents"]]


def test_the_answer_to_a_trigger_names_the_run(served: Served) -> None:
    """The id in the answer is the run's, for its whole life."""
    run = served.ended(served.trigger("good"))
    assert (run.agent, run.trigger, run.state) == ("good", TriggerKind.MANUAL, RunState.SUCCEEDED)
    assert run.exit_code == 0
    assert run.receipt.verified_absent


def test_an_exit_code_is_recorded(served: Served) -> None:
    """A script that fails is a failed run, with its number."""
    run = served.ended(served.trigger("bad"))
    assert (run.state, run.exit_code, run.cause) == (RunState.FAILED, 3, Cause.EXIT_CODE)


def test_a_frequent_schedule_fires_again_and_again(served: Served) -> None:
    """Each tick is a run of its own; one that never fires starts nothing."""
    runs = served.over("often", 2)
    assert {run.trigger for run in runs} == {TriggerKind.SCHEDULE}
    assert [run for run in served.runs("bad") if run.trigger is TriggerKind.SCHEDULE] == []


def test_a_run_that_asks_for_it_runs_again(served: Served) -> None:
    """42 is followed by another run, which may be the last."""
    served.trigger("again")
    assert [result(run) for run in served.over("again", 2)] == [Result.RERUN, Result.COMPLETED]


def test_reruns_have_an_end(served: Served) -> None:
    """After `maxReruns` in a row nothing follows."""
    served.trigger("endless")
    served.over("endless", 3)
    served.ended(served.trigger("good"))
    assert [run.rerun for run in served.runs("endless")] == [0, 1, 2]


def test_an_agent_is_ended_at_its_own_timeout(served: Served) -> None:
    """Two agents, two limits."""
    late, early = served.trigger("long"), served.trigger("short")
    assert served.ended(late).state is RunState.TIMED_OUT
    assert served.ended(early).state is RunState.SUCCEEDED


def test_a_scale_of_two_is_two_at_once(served: Served) -> None:
    """The third waits for a place, and comes to its turn."""
    first, second, third = (served.trigger("pair") for _ in range(3))
    served.at_work(first), served.at_work(second)
    assert served.run(third).state is RunState.QUEUED
    served.mark("pair")
    assert {served.ended(run).state for run in (first, second, third)} == {RunState.SUCCEEDED}


def test_a_full_queue_drops_its_oldest(served: Served) -> None:
    """The newest is kept, and the record of the one that was dropped says so."""
    served.at_work(served.trigger("full"))
    old, new = served.trigger("full"), served.trigger("full")
    dropped = served.ended(old)
    assert (dropped.state, dropped.cause) == (RunState.FAILED, Cause.DROPPED)
    served.mark("full")
    assert served.ended(new).state is RunState.SUCCEEDED


def test_one_run_and_all_runs_can_be_ended(served: Served) -> None:
    """`kill` takes a run, or an agent with all that it runs."""
    first, second = served.trigger("killed"), served.trigger("killed")
    served.at_work(first), served.at_work(second)
    assert served.post(f"/control/kill/{first}")[0] == 200
    assert served.ended(first).state is RunState.STOPPED
    assert served.post("/control/agents/killed/kill")[1]["killed"] == 1
    assert served.ended(second).state is RunState.STOPPED


def test_what_is_unknown_or_off_is_refused(served: Served) -> None:
    """404 for a name that nobody has, 409 for an agent without places."""
    assert served.post("/control/trigger/nobody")[0] == 404
    assert served.post("/control/kill/nobody-00000000")[0] == 404
    assert served.post("/control/trigger/idle")[0] == 409


def test_a_pause_lets_runs_end_and_none_begin(served: Served) -> None:
    """Triggers are refused while it lasts; afterwards they are not."""
    run = served.trigger("held")
    served.at_work(run)
    assert served.post("/control/pause")[0] == 200
    assert served.post("/control/trigger/good")[0] == 409
    served.mark("held")
    assert served.ended(run).state is RunState.SUCCEEDED
    assert served.post("/control/resume")[0] == 200
    assert served.ended(served.trigger("good")).state is RunState.SUCCEEDED


def test_al_run_goes_through_it(served: Served) -> None:
    """Its run is the scheduler's to start: it waits for a place, and is refused while all is paused."""
    served.post("/control/agents/long/disable")
    run = launch.start(served.services, "long", None, note=print)
    assert (run.state, run.trigger) == (RunState.QUEUED, TriggerKind.MANUAL)
    served.post(f"/control/kill/{run.id}")
    served.post("/control/agents/long/enable")
    served.post("/control/pause")
    with pytest.raises(Conflict, match="paused"):
        launch.start(served.services, "long", None, note=print)
    served.post("/control/resume")


def test_a_disabled_agents_work_waits(served: Served) -> None:
    """It is queued, and begins when the agent is enabled."""
    served.post("/control/agents/short/disable")
    run, other = served.trigger("short"), served.trigger("good")
    served.ended(other)
    assert served.run(run).state is RunState.QUEUED
    served.post("/control/agents/short/enable")
    assert served.ended(run).state is RunState.SUCCEEDED


def test_a_prompt_reaches_the_agent(served: Served) -> None:
    """As $PROMPT, unchanged."""
    served.ended(served.trigger("asked", 'quote \' and "both"'))
    assert 'quote \' and "both"' in (served.marks / "prompt").read_text()


def test_lock_commands_work_inside(served: Served) -> None:
    """A lock is had and given back; what is no resource is refused with 4."""
    assert served.ended(served.trigger("locks")).exit_code == 0


def test_what_was_done_is_counted(served: Served) -> None:
    """Successes and errors apart, by agent."""
    served.ended(served.trigger("bad"))
    sums = {a["name"]: a for a in served.get("/api/stats/summary")["agents"]}
    assert sums["bad"]["errors"] == len(served.runs("bad"))
    assert sums["bad"]["ok"] == 0


def test_being_told_to_stop_answers_first(served: Served) -> None:
    """The answer comes, then whoever runs the process hears of it."""
    assert served.post("/control/stop")[0] == 200
    eventually(lambda: served.told == ["stop"])
