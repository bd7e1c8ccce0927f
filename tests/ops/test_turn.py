"""Whoever starts or follows a run hears where it stands, and keeps its turn alive."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryLedger
from tests.scheduler.turning import CPU, GPU, shop, states, stop, submitted, trigger
from toolkit.core.agent import Agent, AgentName, Model, Project
from toolkit.core.clock import from_iso, now
from toolkit.core.errors import AlError, BackendBusy, Conflict, Throttled, Unreachable
from toolkit.core.run import RunModels
from toolkit.ops.turn import beating, tell_while_queued, turn_for
from toolkit.scheduler import turns
from toolkit.scheduler.line import Asking, holders

OLLAMA = Model(name="m", provider="ollama", model="m")
CLAUDE = Model(name="c", provider="anthropic", model="claude-opus-4-8")


def an_agent(*models: Model, **more: Any) -> Agent:
    return Agent(name=AgentName("dev"), directory=Path(), instructions="", models=models, **more)


def test_a_queued_run_is_followed_by_its_place_in_the_line(tmp_path: Path) -> None:
    """Told when it changes and not each time; over when it begins."""
    made = shop(tmp_path)
    first, second, third = submitted(made, "dev", "dev", "ops")
    made.step(times=2)
    heard: list[str] = []
    waits = iter([lambda: None, lambda: stop(made, first), lambda: stop(made, second)])

    def sleep(_: float) -> None:
        next(waits)()
        made.step(times=2)

    begun = tell_while_queued(made.desk.services, made.get(third), note=heard.append, sleep=sleep)
    assert states(made, [first, second, begun.id]) == ["stopped", "stopped", "running"]
    assert [text.partition(" in line")[0] for text in heard] == [
        f"• {third} waits for {GPU.id}: number 2",
        f"• {third} waits for {GPU.id}: number 1",
    ]


def test_a_watcher_gives_a_sign_of_life_every_two_minutes(tmp_path: Path) -> None:
    """Not more often: each is a write."""
    made = shop(tmp_path)
    (run,) = submitted(made, "dev")
    asking = Asking(run=run, created="2026", backends=(GPU,))
    turns.enter(made.ledger, asking, from_iso("2026-01-01T00:00:00Z"))
    slept: list[float] = []
    sleep = beating(made.desk.services, made.get(run), sleep=slept.append, clock=lambda: sum(slept))
    sleep(119)
    assert holders(turns.read(made.ledger))[run].beat.startswith("2026-01-01T00:00")
    began = now()
    sleep(1)
    assert from_iso(holders(turns.read(made.ledger))[run].beat).timestamp() >= began.timestamp() - 1


class Failing(MemoryLedger):
    """Refuses the next write to the lines, once it is told how."""

    error: AlError | None = None

    def set_fact(self, key: str, value: Any, **more: Any) -> bool:
        error, self.error = self.error, None
        if error:
            raise error
        return super().set_fact(key, value, **more)


@pytest.mark.parametrize("kind", [Conflict, Throttled, Unreachable])
def test_a_sign_of_life_that_does_not_get_through_ends_nobody_s_watch(
    tmp_path: Path, kind: type[AlError]
) -> None:
    """Whoever follows a run goes on, and the next one is given in two minutes."""
    ledger = Failing()
    made = shop(tmp_path, ledger=ledger)
    (run,) = submitted(made, "dev")
    asking = Asking(run=run, created="2026", backends=(GPU,))
    turns.enter(ledger, asking, from_iso("2026-01-01T00:00:00Z"))
    slept: list[float] = []
    sleep = beating(made.desk.services, made.get(run), sleep=slept.append, clock=lambda: sum(slept))
    ledger.error = kind("others come between again and again", hint="try again")
    sleep(120)
    assert holders(turns.read(ledger))[run].beat.startswith("2026-01-01T00:00")
    sleep(120)
    assert not holders(turns.read(ledger))[run].beat.startswith("2026-01-01T00:00")


def test_only_who_needs_a_turn_waits_for_one(tmp_path: Path) -> None:
    """Not a script, and not a hosted model; the run's own models count before the agent's."""
    services, asked = shop(tmp_path).desk.services, trigger("dev")

    def needs(agent: Agent, models: RunModels | None = None) -> bool:
        return turn_for(services, agent, models, asked, note=lambda _: None) is not None

    assert needs(an_agent(OLLAMA))
    assert not needs(an_agent(OLLAMA, script=True))
    assert not needs(an_agent(CLAUDE))
    assert not needs(an_agent(OLLAMA), RunModels(models=((CLAUDE, None),)))
    assert needs(an_agent(CLAUDE), RunModels(models=((OLLAMA, None),)))


def test_the_project_says_how_long_a_run_waits(tmp_path: Path) -> None:
    """`backendWait`, in seconds; here none, so that it gives up at once."""
    made = shop(tmp_path, ops=CPU)
    project = Project(name="shop", directory=tmp_path, agents=(), settings={"backendWait": 0})
    services = made.desk.services.with_project(project)
    busy = replace(OLLAMA, base_url="http://127.0.0.1:8081")
    (first, second) = submitted(made, "dev", "ops")
    made.step()
    turn = turn_for(services, an_agent(busy), None, trigger("dev"), note=lambda _: None)
    assert turn is not None
    assert made.get(first).state == "running"
    with pytest.raises(BackendBusy, match="waited 0 s"):
        turn(made.get(second))
