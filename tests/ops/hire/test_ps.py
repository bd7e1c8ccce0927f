"""What `al ps` says of an agent that works: by what its run has said, and how runs before it ended."""

from pathlib import Path

import pytest

from tests.fakes import Play
from tests.scheduler.stage import Stage, post, stage
from toolkit.core.agent import Agent, AgentName, Hired, Project
from toolkit.core.errors import Unreachable
from toolkit.core.run import TriggerKind
from toolkit.ops import ps
from toolkit.scheduler import switches
from toolkit.scheduler.roster import FACT

DEV = post("dev", roles=("dev",), every=86_400)  # one that no test waits for
TALKS = Play(lines=("cloning",), exit_code=None)


def made(tmp_path: Path, play: Play) -> Stage:
    """The agent is up."""
    found = stage(tmp_path, DEV, plays={"dev": play})
    found.ledger.set_fact(FACT, found.desk.roster().to_fact())
    switches.begin(found.ledger, ["dev"])
    switches.set_roles(found.ledger, ["dev"], on=True)
    return found


def row(found: Stage) -> ps.Row:
    agent = Agent(name=AgentName("dev"), directory=Path(), instructions="", hired=Hired())
    project = Project(name="shop", directory=Path(), agents=(agent,))
    (one,) = ps.rows(found.desk.services.with_project(project), found.clock())
    return one


@pytest.mark.parametrize(
    ("minutes", "state", "detail"),
    [(9, "working", "dev-"), (11, "stalled", "has said nothing for 11 min")],
)
def test_a_run_that_says_nothing_for_ten_minutes_is_stalled(
    tmp_path: Path, minutes: int, state: str, detail: str
) -> None:
    """Counted from its newest line."""
    found = made(tmp_path, TALKS)
    found.submit("dev", TriggerKind.SCHEDULE)
    found.step()
    found.clock.sleep(minutes * 60)
    now = row(found)
    assert now.state == state
    assert detail in now.detail


def test_a_log_that_cannot_be_read_costs_a_row_its_silence_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent is there, with the words of its platform."""

    def away(*_: object) -> None:
        raise Unreachable("the platform does not answer", hint="try again")

    found = made(tmp_path, TALKS)
    found.submit("dev", TriggerKind.SCHEDULE)
    found.step()
    monkeypatch.setattr(found.runtime, "tail", away)
    assert (row(found).state, "does not answer" in row(found).detail) == ("working", True)


def test_work_that_waits_is_queued(tmp_path: Path) -> None:
    """Nobody has taken it yet."""
    found = made(tmp_path, TALKS)
    found.submit("dev", TriggerKind.SCHEDULE)
    assert (row(found).state, row(found).detail) == ("queued", "1 waiting")


def test_failures_one_after_the_other_are_counted(tmp_path: Path) -> None:
    """Until a run succeeds again; the last one's reason is shown while it rests."""
    found = made(tmp_path, Play(exit_code=3))
    for _ in range(2):
        found.submit("dev", TriggerKind.SCHEDULE)
        found.step(times=3)
        found.clock.sleep(60)
    now = row(found)
    assert (now.state, now.restarts, "code 3" in now.detail) == ("idle", 2, True)
