"""Turns at backends: agents of one model's server never work at once, whoever launches them and however their runs end."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import Play
from tests.scheduler.stage import FOREVER, Stage, post, stage
from tests.scheduler.test_starts import Late
from tests.scheduler.turning import (
    CPU,
    GPU,
    PLAYS,
    by_hand,
    pass_time,
    recorded,
    shop,
    states,
    stop,
    submitted,
    turns_of,
)
from toolkit.core.agent import AgentName, Model
from toolkit.core.errors import ConfigError, LaunchError
from toolkit.core.run import Cause, RunId, RunModels, RunState, TriggerKind
from toolkit.llm.backend import Backend
from toolkit.scheduler import switches, turns, usher, views
from toolkit.scheduler.line import HEARTBEAT, STALE, holders, waiters
from toolkit.scheduler.rooms import rooms
from toolkit.scheduler.status import look

# ----------------------------------------------------------------- one after the other


def test_agents_on_one_backend_work_one_after_the_other(tmp_path: Path) -> None:
    """The second is not even launched: it is queued, and has had no attempt."""
    made = shop(tmp_path)
    first, second = submitted(made, "dev", "ops")
    made.step(times=3)
    assert states(made, [first, second]) == ["running", "queued"]
    item = made.ledger.queue.get(second)
    assert (item.holder, item.attempts) == (None, 0)
    stop(made, first)
    made.step(times=2)
    assert states(made, [first, second]) == ["stopped", "running"]


def test_agents_on_two_backends_work_at_once(tmp_path: Path) -> None:
    """Nobody waits for a server that is somebody else's."""
    made = shop(tmp_path, ops=CPU)
    runs = submitted(made, "dev", "ops")
    made.step()
    assert states(made, runs) == ["running", "running"]


def test_a_backend_may_bear_more_than_one(tmp_path: Path) -> None:
    """As many as it says; which of those that come at the same moment is the hands' affair."""
    made = shop(tmp_path, dev=Backend(id="gpu", limit=2), ops=Backend(id="gpu", limit=2))
    runs = submitted(made, "dev", "ops", "dev")
    made.step(times=2)
    assert sorted(states(made, runs)) == ["queued", "running", "running"]


def test_what_waits_goes_in_the_order_in_which_it_came(tmp_path: Path) -> None:
    """Over all agents: none that asks at the right moment overtakes."""
    made = shop(tmp_path)
    runs = submitted(made, "dev", "ops", "dev", "dev")
    for run in runs:
        made.step(times=2)
        assert made.launched[-1] == run
        stop(made, run)
    assert made.launched == runs


def test_two_schedulers_keep_to_one_line(tmp_path: Path) -> None:
    """The line is in the ledger, not in either of them."""
    made = shop(tmp_path)
    loops = [made.loop(), made.loop()]
    runs = submitted(made, "dev", "ops")
    for loop in loops * 2:
        made.step(loop)
    assert states(made, runs) == ["running", "queued"]
    stop(made, runs[0])
    for loop in loops:
        made.step(loop)
    assert len(made.launched) == 2


def test_agents_without_a_backend_cost_no_look_at_it(tmp_path: Path) -> None:
    """Hosted models have no limit of ours: nothing is kept of them."""
    made = stage(tmp_path, post("dev"))
    submitted(made, "dev")
    made.step()
    assert made.ledger.fact(turns.FACT) is None


def test_the_log_says_where_it_stands_and_behind_whom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, when it begins to wait."""
    caplog.set_level(logging.INFO, "al.scheduler")
    made = shop(tmp_path)
    first, second = submitted(made, "dev", "ops")
    made.step(times=4)
    (line,) = [text for text in caplog.messages if "waits for" in text]
    assert line.startswith(f"{second} waits for http://127.0.0.1:8081: number 1 in line")
    assert f"{first} has it for" in line


def test_who_has_a_backend_and_who_waits_can_be_seen(tmp_path: Path) -> None:
    """As `al stat` and the gateway show it: in order, and since when."""
    made = shop(tmp_path)
    first, second, third = submitted(made, "dev", "ops", "dev")
    made.step(times=2)
    seen = look(made.ledger, made.roster["now"], made.clock())
    (found,) = views.status(seen, lambda *_: None, {})["backends"]
    assert found["id"] == GPU.id
    assert [place["instance"] for place in found["holders"]] == [first]
    places = [(place["instance"], place["position"]) for place in found["waiting"]]
    assert places == [(second, 1), (third, 2)]


# ----------------------------------------------------------------- however a run ends


@pytest.mark.parametrize(
    "play",
    [
        Play(),
        Play(exit_code=1),
        Play(exit_code=124),
        Play(exit_code=137, reports=False),
        Play(refusal=LaunchError("no", hint="-")),
    ],
    ids=["succeeded", "failed", "timed out", "killed by its platform", "refused"],
)
def test_the_turn_is_free_however_the_run_ends(tmp_path: Path, play: Play) -> None:
    made = shop(tmp_path, plays={"dev": play, "ops": FOREVER})
    _, second = submitted(made, "dev", "ops")
    made.step(times=4)
    assert made.get(second).state is RunState.RUNNING
    assert set(holders(turns.read(made.ledger))) == {second}


def test_a_start_that_is_to_be_made_again_holds_nothing_meanwhile(tmp_path: Path) -> None:
    """Its platform has no room for a while; the server is free for the others."""
    refusal = LaunchError("full", hint="-", cause=Cause.CAPACITY)
    made = shop(tmp_path, plays={"dev": Play(refusal=refusal), "ops": FOREVER})
    first, second = submitted(made, "dev", "ops")
    made.step()
    assert states(made, [first, second]) == ["queued", "running"]


def test_a_run_that_its_platform_never_began_holds_nothing_while_it_waits(tmp_path: Path) -> None:
    """It was launched, and is to be launched again in a while."""
    plays = {"dev": Play(exit_code=None, reports=False), "ops": FOREVER}
    made = shop(tmp_path, plays=plays, runtime=Late)
    first, second = submitted(made, "dev", "ops")
    made.step(times=3)
    assert states(made, [first, second]) == ["queued", "running"]


def test_a_scheduler_that_dies_with_a_turn_leaves_it_to_the_next(tmp_path: Path) -> None:
    """It was killed between the turn and the launch: whoever takes its work over has the turn, and nobody else."""
    made = shop(tmp_path)
    first, second = submitted(made, "dev", "ops")
    item = made.ledger.queue.take("dead", rooms(made.desk), seconds=120, moment=made.clock())
    assert usher.let_in(made.ledger, made.get(first), item.trigger, (GPU,), made.clock()) is None
    made.step()
    assert made.launched == []
    pass_time(made, timedelta(minutes=3))
    assert states(made, [first, second]) == ["running", "queued"]


def test_a_waiting_run_that_is_stopped_leaves_the_line(tmp_path: Path) -> None:
    made = shop(tmp_path)
    first, second, third = submitted(made, "dev", "ops", "dev")
    made.step(times=2)
    stop(made, second)
    stop(made, first)
    made.step(times=2)
    assert states(made, [first, second, third]) == ["stopped", "stopped", "running"]
    assert waiters(turns.read(made.ledger)) == {}


def test_work_that_is_switched_off_keeps_nobody_back(tmp_path: Path) -> None:
    """A disabled agent's run waits for its agent, not in the line of the backend."""
    made = shop(tmp_path)
    first, second, third = submitted(made, "dev", "ops", "dev")
    made.step(times=2)
    switches.disable(made.ledger, "ops")
    pass_time(made, timedelta(minutes=1))
    stop(made, first)
    made.step(times=2)
    assert states(made, [second, third]) == ["queued", "running"]


# ----------------------------------------------------------------- for how long


def test_a_run_that_waits_for_too_long_is_given_up(tmp_path: Path) -> None:
    """An hour, where nobody says otherwise; its record has the reason, and its agent's next run is a new one."""
    made = shop(tmp_path, backend_wait=600)
    first, second = submitted(made, "dev", "ops")
    made.step(times=2)
    pass_time(made, timedelta(minutes=11))
    ended = made.get(second)
    assert (ended.state, ended.cause) == (RunState.FAILED, Cause.BACKEND_BUSY)
    assert ended.reason.startswith("backend-busy: it waited 10 min")
    assert (made.get(first).state, made.ledger.queue.get(second)) == (RunState.RUNNING, None)
    assert waiters(turns.read(made.ledger)) == {}


def test_a_long_run_keeps_its_turn_while_somebody_watches_it(tmp_path: Path) -> None:
    """However often its heartbeat would have been late without."""
    made = shop(tmp_path)
    first, second = submitted(made, "dev", "ops")
    made.step(times=2)
    pass_time(made, 3 * STALE)
    assert states(made, [first, second]) == ["running", "queued"]


def test_a_holder_that_nobody_can_find_loses_its_turn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After ten minutes without a sign of life, and the log names it."""
    made = shop(tmp_path)
    gone = recorded(made, "ops")
    turns_of(made, gone)
    (second,) = submitted(made, "dev")
    made.step()
    pass_time(made, STALE - timedelta(minutes=2))
    assert made.get(second).state is RunState.QUEUED
    pass_time(made, timedelta(minutes=3))
    assert made.get(second).state is RunState.RUNNING
    assert any(f"{gone.id} has lost its turn" in text for text in caplog.messages)


def test_a_holder_that_is_alive_keeps_its_turn_though_nobody_watches_it(tmp_path: Path) -> None:
    """Started with --detach, for instance: its platform is asked."""
    made = shop(tmp_path)
    run = by_hand(made, "ops")
    (second,) = submitted(made, "dev")
    made.step()
    pass_time(made, 2 * STALE)
    assert states(made, [run.id, second]) == ["running", "queued"]


def test_the_end_of_a_run_that_nobody_watched_is_seen(tmp_path: Path) -> None:
    """Nobody has to wait for ten minutes when its platform knows that it is over."""
    made = shop(tmp_path, plays={**PLAYS, "ops": Play(exit_code=None, reports=False)})
    run = by_hand(made, "ops")
    (second,) = submitted(made, "dev")
    made.step()
    made.runtime.kill(run.id)
    pass_time(made, 2 * HEARTBEAT)
    assert made.get(second).state is RunState.RUNNING


# ----------------------------------------------------------------- agents that call agents


def called(made: Stage, agent: str, caller: RunId) -> RunId:
    found = made.submit(agent, TriggerKind.CALL, source=caller)
    made.clock.sleep(1)
    return found


def test_a_caller_lends_its_turn_to_the_run_that_it_waits_for(tmp_path: Path) -> None:
    """Else each would wait for the other until the caller's time is over."""
    made = shop(tmp_path)
    caller, other = submitted(made, "dev", "dev")
    made.step(times=2)
    asked = called(made, "ops", caller)
    made.step(times=2)
    assert states(made, [caller, other, asked]) == ["running", "queued", "running"]
    stop(made, asked)
    made.step(times=2)
    assert states(made, [caller, other]) == ["running", "queued"]


def test_callers_that_would_wait_for_each_other_are_told(tmp_path: Path) -> None:
    """The second call fails at once, so that its caller can go on; the first one is served then."""
    posts = [post(name, backends=(GPU,)) for name in ("dev", "aide")]
    posts += [post(name, backends=(CPU,)) for name in ("ops", "help")]
    made = stage(tmp_path, *posts, plays={one.agent: FOREVER for one in posts})
    dev, ops = submitted(made, "dev", "ops")
    made.step(times=2)
    first = called(made, "help", dev)
    made.step(times=2)
    second = called(made, "aide", ops)
    made.step(times=2)
    ended = made.get(second)
    assert (ended.state, ended.cause) == (RunState.FAILED, Cause.BACKEND_BUSY)
    assert made.get(first).state is RunState.QUEUED
    stop(made, ops)
    made.step(times=2)
    assert made.get(first).state is RunState.RUNNING


# ----------------------------------------------------------------- what its models are


def test_models_that_cannot_be_used_take_no_turn(tmp_path: Path) -> None:
    """The start says what is wrong, as it does without backends."""
    made = shop(tmp_path)

    def refuse(_: AgentName) -> None:
        raise ConfigError("LLM_MODEL is no model", hint="-")

    made.desk = replace(made.desk, models=refuse)
    (run,) = submitted(made, "dev")
    made.step()
    assert made.get(run).reason == "LLM_MODEL is no model"
    assert turns.read(made.ledger) == {}


def test_the_models_that_a_run_really_gets_decide(tmp_path: Path) -> None:
    """Not those that were pushed, where something nearer says another one."""
    made = shop(tmp_path)
    at_home = Model(name="m", provider="custom", model="m", base_url="http://GPU:80/v1/")
    made.desk = replace(made.desk, models=lambda _: RunModels(models=((at_home, None),)))
    (run,) = submitted(made, "dev")
    made.step()
    assert list(turns.read(made.ledger)) == ["http://gpu:80"]
    assert made.get(run).state is RunState.RUNNING
