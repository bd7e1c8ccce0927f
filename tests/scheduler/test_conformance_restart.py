"""`al start` that ends and begins again: what runs goes on, and nothing that it holds is lost; and starts that fail."""

import json
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.fakes import eventually
from tests.scheduler.served import Served, made
from toolkit.core.agent import AgentName
from toolkit.core.errors import AlError, ConfigError, Conflict, CredentialError
from toolkit.core.run import RunState, Trigger, TriggerKind
from toolkit.ops import running
from toolkit.ops.load import load_files
from toolkit.ops.start import Wish, serving
from toolkit.ops.start.crew import Crew
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.submit import submit

CALL = r"""call=$(al-call answering hi | sed -n 's/.*"callId": *"\([^"]*\)".*/\1/p')"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with made(tmp_path) as served:
        yield served


def refused(served: Served, kind: type[AlError], port: int = 0) -> AlError:
    """What a start says that cannot be."""
    load = partial(load_files, served.directory, "local")
    with (
        pytest.raises(kind) as told,
        serving(served.services, load, Wish(port=port), end=print, fail=print),
    ):
        pass
    return told.value


def test_what_runs_is_taken_over_with_its_locks_calls_and_receipts(served: Served) -> None:
    """A run outlives the process that launched it, and the next one ends it properly."""
    served.agent("answering", f"{served.waits('answer')}; al-return forty-two")
    served.agent(
        "calling",
        f"rlock github://acme/shop; {CALL}; touch {served.marks}/$AL_RUN_ID\n"
        f"until al-wait $call --timeout 60 > {served.marks}/heard; do sleep 0.1; done",
    )
    served.start()
    caller = served.trigger("calling")
    served.at_work(caller)
    (called,) = eventually(lambda: served.runs("answering"))
    served.at_work(called.id)
    served.stop()
    assert served.run(caller).state is RunState.RUNNING
    served.start()
    assert {run.id for run in served.scheduler.found} == {caller, called.id}
    assert [lock["holder"] for lock in served.get("/control/status")["locks"]] == [caller]
    served.mark("answer")
    assert served.ended(caller).state is RunState.SUCCEEDED
    (answer,) = json.loads((served.marks / "heard").read_text()).values()
    assert answer["returnValue"] == "forty-two"
    assert served.ended(called.id).receipt.verified_absent
    eventually(lambda: served.get("/control/status")["locks"] == [])


def test_what_ended_meanwhile_is_recorded_at_the_next_start(served: Served) -> None:
    """A run that nobody watched has its end, and its exit code."""
    served.agent("alone", f"{served.waits('on')}; touch {served.marks}/over; exit 9")
    served.start()
    run = served.trigger("alone")
    served.at_work(run)
    served.stop()
    served.mark("on")
    eventually((served.marks / "over").exists)
    served.start()
    assert served.ended(run).exit_code == 9


def test_a_pause_outlives_the_process(served: Served) -> None:
    """What was paused and what was disabled stay so."""
    served.agent("resting", "exit 0")
    served.start()
    served.post("/control/pause")
    served.post("/control/agents/resting/disable")
    served.stop()
    served.start()
    told = served.get("/control/status")
    assert told["scheduler"]["paused"] is True
    assert told["agents"][0]["enabled"] is False


def test_one_of_a_project_and_environment_runs_on_a_machine(served: Served) -> None:
    """The second one says who is there."""
    served.agent("only", "exit 0")
    served.start()
    told = refused(served, Conflict)
    assert "a scheduler of shop runs for local already" in told.message
    assert served.scheduler.url in told.message
    found = running.found(served.services)
    assert found is not None
    assert found.url == served.scheduler.url


def test_what_a_dead_one_left_behind_is_seen_through(served: Served) -> None:
    """A file without a lock is nobody's."""
    served.agent("only", "exit 0")
    place = served.directory / ".al" / "scheduler-local.json"
    place.parent.mkdir()
    place.write_text('{"pid": 1, "since": "2026-01-01T00:00:00Z", "url": "http://127.0.0.1:1"}')
    assert running.found(served.services) is None
    served.start()
    assert served.get("/health") == {"status": "ok"}


def test_work_waits_for_an_agent_that_is_being_prepared(served: Served) -> None:
    """It is queued before the agent is ready, and starts when it is."""
    served.agent("later", "exit 0")
    project, _ = load_files(served.directory, "local")
    crew = Crew(served.services, project)
    served.services.ledger.prepare()
    desk = Desk(
        services=served.services, roster=crew.roster, ready=crew.ready, planned=crew.planned
    )
    run = submit(desk, Trigger(agent=AgentName("later"), kind=TriggerKind.WEBHOOK)).run
    loop = Loop(desk)
    loop.step(desk.clock())
    assert served.services.ledger.get(run).state is RunState.QUEUED  # type: ignore[union-attr]
    assert crew.prepare(["later"], print) == {}
    loop.step(desk.clock())
    loop.close()
    assert served.services.ledger.get(run).state is not RunState.QUEUED  # type: ignore[union-attr]


def test_a_project_without_agents_is_not_served(served: Served) -> None:
    """There would be nothing to do."""
    (served.directory / "agents").mkdir()
    assert "agents" in refused(served, ConfigError).message


def test_a_port_that_is_taken_is_named(served: Served) -> None:
    """With what to do about it."""
    served.agent("only", "exit 0")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = refused(served, Conflict, port)
    assert f"port {port} of 127.0.0.1 is in use" in told.message
    assert "--port" in told.hint


def test_every_missing_credential_is_named_at_once(served: Served) -> None:
    """Of agents and of webhook sources, before anything listens; what an agent of scale 0 lacks is not asked for."""
    served.agent("needy", "exit 0", 'credentials = ["github_token"]')
    served.agent("idle", "exit 0", 'credentials = ["slack_bot_token"]\nscale = 0')
    told = refused(served, CredentialError)
    assert "github_token" in told.message
    assert "slack" not in told.message


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("config.toml", "name = ", "is not TOML"),
        ("agents/Bad_Name/SKILL.md", "---\nname: x\n---\n", "Bad_Name"),
        ("agents/good/SKILL.md", "---\nname: [\n---\n", "agents/good/SKILL.md"),
        ("agents/good/config.toml", 'models = ["none"]', "no model named 'none'"),
    ],
)
def test_files_that_cannot_be_read_are_named(
    served: Served, file: str, text: str, words: str
) -> None:
    """Nothing starts from half a project."""
    served.agent("good", "exit 0")
    (served.directory / file).parent.mkdir(exist_ok=True)
    (served.directory / file).write_text(text)
    with pytest.raises(ConfigError, match="(?s)" + words.replace("[", r"\[")):
        load_files(served.directory, "local")


def test_a_part_that_fails_is_not_missed(served: Served) -> None:
    """The process hears of it, and can end: a gateway that goes on alone would take work for nobody."""
    served.agent("only", "exit 0")
    load = partial(load_files, served.directory, "local")
    answers = iter([load()])
    failed: list[Exception] = []
    with serving(
        served.services, lambda: next(answers), Wish(port=0), end=print, fail=failed.append
    ):
        served.agent("only", "exit 1")
        eventually(lambda: failed)
    assert isinstance(failed[0], StopIteration)
