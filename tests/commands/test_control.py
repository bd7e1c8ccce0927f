"""Steering what runs, as a user types it: the same with a gateway and without one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.fakes import eventually
from tests.gateway.place import KEY, Place
from tests.gateway.shop import ROSTER, Shop
from tests.gateway.test_stats import USAGE, a_call, over
from toolkit.cli import cli
from toolkit.core.agent import AgentName
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import AlError, CredentialError, NotFound, Throttled
from toolkit.core.run import RunId, RunState
from toolkit.core.secrets import Secret
from toolkit.ops import control
from toolkit.ops.control import Directly, Through
from toolkit.ops.remote import Remote
from toolkit.scheduler import switches, wording
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.roster import FACT

AGENT = "---\ndescription: {0}\n---\nDo nothing.\n"
OPS = AgentName("ops")
HOOKS = '\n[[webhooks]]\nsource = "hub"\n'


@pytest.fixture
def project(place: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place, as a project directory that `al -p` accepts, with the agents dev and ops."""
    context = place.services.context
    monkeypatch.setenv("AL_HOME", str(context.home))
    monkeypatch.delenv("AL_ENV", raising=False)
    monkeypatch.delenv("AL_GATEWAY_API_KEY", raising=False)
    directory = context.project
    # nobody listens there
    (directory / "agents").mkdir(parents=True)
    (directory / "config.toml").write_text('name = "shop"\n[gateway]\nport = 9\n')
    for name, settings in (("dev", 'schedule = "0 12 * * *"\n'), ("ops", "scale = 2\n")):
        (directory / "agents" / name).mkdir()
        (directory / "agents" / name / "SKILL.md").write_text(AGENT.format(f"the {name} agent"))
        (directory / "agents" / name / "config.toml").write_text(settings)
        (directory / "agents" / name / "test-script.sh").write_text("#!/bin/sh\n")
    return directory


def al(project: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "-p", str(project)])


def test_stat_shows_agents_runs_and_locks(place: Place, project: Path) -> None:
    """Without a gateway, from the ledger and the project's files."""
    run = place.run("ops-00000001", ago=5430)
    place.services.ledger.locks.acquire(
        "git://roof", run.id, seconds=600, moment=control.here(place.services).clock()
    )
    told = al(project, "stat").stdout.splitlines()
    assert told[0] == "Scheduler  not running: `al start` starts it"
    assert "  dev: the dev agent" in told
    assert [line.split() for line in told if line.startswith(("dev", "ops "))] == [
        ["dev", "cron,", "manual", "idle", "0/1", "0"],
        ["ops", "manual", "running", "1/2", "0"],
        ["ops", "ops-00000001", "running", "manual", "1h", "30m", "ago"],
    ]
    assert any(line.startswith("git://roof  ops-00000001") for line in told)


def test_status_is_stat(project: Path) -> None:
    """Both names, one verb."""
    assert al(project, "status", "--json").stdout == al(project, "stat", "--json").stdout


def test_stat_of_one_agent(project: Path) -> None:
    """Its schedule, scale, timeout and last run; an unknown one is an error that names the known ones."""
    told = al(project, "stat", "dev").stdout
    assert "Schedule    0 12 * * * (UTC)" in told
    assert "Scale       0 of 1 running" in told
    assert "T12:00:00.000Z" in told
    unknown = al(project, "stat", "nobody").exception
    assert isinstance(unknown, NotFound)
    assert unknown.hint == "known agents: dev, ops"


def test_stat_asks_the_scheduler_of_this_machine(place: Place, project: Path, served: str) -> None:
    """It knows where it listens; a gateway of another project at that port is not believed."""
    (project / "config.toml").write_text(
        f'name = "shop"\n[gateway]\nport = {served.rsplit(":", maxsplit=1)[-1]}\n'
    )
    assert json.loads(al(project, "stat", "--json").stdout)["scheduler"]["gateway"] == served
    (project / "config.toml").write_text(
        f'name = "inn"\n[gateway]\nport = {served.rsplit(":", maxsplit=1)[-1]}\n'
    )
    assert "gateway" not in json.loads(al(project, "stat", "--json").stdout)["scheduler"]


def test_pause_and_resume_turn_the_ledgers_switches(place: Place, project: Path) -> None:
    """Of all, and of one agent; whoever schedules reads them."""
    assert al(project, "pause").exit_code == 0
    assert al(project, "pause", "dev").stdout.startswith("dev is paused: ")
    assert switches.read(place.services.ledger) == switches.Switches(paused=True, disabled=("dev",))
    paused = al(project, "stat").stdout
    assert paused.startswith("Scheduler  PAUSED, not running: `al start` starts it\n")
    assert "idle, paused" in al(project, "stat", "dev").stdout
    assert al(project, "resume", "dev").stdout == "dev is resumed\n"
    assert json.loads(al(project, "resume", "--json").stdout)["success"] is True
    assert switches.read(place.services.ledger) == switches.Switches()


def test_stat_says_where_agents_run_when_that_differs(place: Place, project: Path) -> None:
    """In a column of its own, and of one agent in a line; where all run in one place nothing is said."""
    assert "RUNS IN" not in al(project, "stat").stdout
    (project / "agents" / "ops" / "config.toml").write_text('environment = "sandbox"\n')
    told = [line.split() for line in al(project, "stat").stdout.splitlines()]
    assert ["dev", "cron,", "manual", "idle", "0/1", "0", "local"] in told
    assert ["ops", "manual", "idle", "0/1", "0", "sandbox"] in told
    assert "Runs in     sandbox" in al(project, "stat", "ops").stdout


def test_pausing_an_unknown_agent_is_an_error(place: Place, project: Path) -> None:
    """And turns nothing."""
    assert isinstance(al(project, "pause", "nobody").exception, NotFound)
    assert isinstance(al(project, "pause", "../x").exception, AlError)
    assert switches.read(place.services.ledger) == switches.Switches()


def test_kill_tries_an_agent_then_a_run(place: Place, project: Path) -> None:
    """All runs of the agent, or the one; neither is an error that says where to look."""
    for name in ("dev-00000001", "dev-00000002", "ops-00000003"):
        place.run(name, handle=None, state=RunState.STARTING)
    ledger = place.services.ledger
    assert al(project, "kill", "dev").stdout == "asked 2 runs of dev to end\n"
    assert al(project, "kill", "ops-00000003").exit_code == 0
    assert all(
        ledger.mailbox(RunId(r)).stop for r in ("dev-00000001", "dev-00000002", "ops-00000003")
    )
    for nobody in ("nobody", "dev-0000000f", "no body"):
        assert isinstance(al(project, "kill", nobody).exception, NotFound)


def test_stop_without_a_scheduler_says_so(place: Place, project: Path) -> None:
    """It does not pretend; without a key it says how to get one."""
    nobody = al(project, "stop").exception
    assert isinstance(nobody, NotFound)
    assert "al start" in nobody.hint
    place.services.local_store.delete("gateway_api_key/default/key")
    assert isinstance(al(project, "stop").exception, CredentialError)


def test_stop_ends_the_scheduler_that_is_there(
    place: Place, project: Path, served: str, server: object
) -> None:
    """Through its gateway, which answers first."""
    stopped: list[str] = []
    server.config.app.state.stop = lambda: stopped.append("stopped")  # type: ignore[attr-defined]
    place.services.ledger.set_fact("gateway", {"url": served})
    assert al(project, "stop").stdout == "stopping\n"
    assert eventually(lambda: stopped) == ["stopped"]


def test_stats_sums_up(shop: Shop, project: Path) -> None:
    """A line of totals, a table of agents, an agent's runs, and who called whom."""
    over(shop, "dev-00000001", usage=USAGE)
    over(shop, "ops-00000002", state=RunState.FAILED, reason="exited with code 2", exit_code=2)
    shop.ledger.calls.add(
        replace(
            a_call("dev-00000001", "ops", "ops-00000002"),
            created="2999-01-01T00:00:00.000Z",
            finished=None,
        )
    )
    told = al(project, "stats", "--calls").stdout.splitlines()
    assert told[0] == "2 runs, 1 ok, 1 error, 15 tokens, $0.25"
    assert told[3].split() == ["dev", "1", "1", "0", "10s", "15", "$0.25", "-", "-"]
    assert told[-1].split() == ["dev", "ops", "1", "1.0", "-"]
    runs = al(project, "stats", "ops").stdout.splitlines()[-1].split()
    assert (runs[:3], runs[-4:]) == (
        ["ops-00000002", "manual", "error"],
        ["exited", "with", "code", "2"],
    )


def test_stats_of_an_agent_that_is_not_there_are_an_error(project: Path) -> None:
    """Rather than a table without rows."""
    failed = al(project, "stats", "nix").exception
    assert isinstance(failed, NotFound)
    assert "nix" in failed.message


def test_stats_begin_where_they_are_asked_to(shop: Shop, project: Path) -> None:
    """`--since`, as times are written everywhere; `-n` bounds the list."""
    over(shop, "dev-00000001", ago=7200)
    over(shop, "dev-00000002", ago=60)
    assert json.loads(al(project, "stats", "--since", "1h", "--json").stdout)["totals"]["runs"] == 1
    assert len(json.loads(al(project, "stats", "dev", "-n", "1", "--json").stdout)["runs"]) == 1
    assert isinstance(al(project, "stats", "--since", "soon").exception, AlError)


@pytest.fixture(params=["gateway", "ledger"])
def way(request: pytest.FixtureRequest, place: Place, served: str) -> control.Hands:
    """Both ways to the same environment."""
    place.services.ledger.set_fact(FACT, ROSTER.to_fact())
    desk = Desk(services=place.services, roster=lambda: ROSTER)
    remote = Remote(url=served, key=Secret(KEY))
    return {"gateway": Through(remote), "ledger": Directly(desk)}[request.param]


def test_both_ways_do_the_same(way: control.Hands, place: Place) -> None:
    """Whether a gateway is asked or the ledger is turned."""
    place.run("dev-00000001", handle=None, state=RunState.STARTING)
    assert way.pause(None)["message"] == wording.paused()
    assert way.pause(OPS)["message"] == wording.paused(OPS)
    assert switches.read(place.services.ledger) == switches.Switches(paused=True, disabled=("ops",))
    assert way.resume(None)["message"] == wording.resumed()
    assert way.resume(OPS)["message"] == wording.resumed(OPS)
    assert switches.read(place.services.ledger) == switches.Switches()
    told = way.status()
    assert ([a["name"] for a in told["agents"]], told["running"]) == (["dev", "ops"], 1)
    assert way.kill("dev", agent=True)["killed"] == 1
    assert way.runs("dev", 5)["total"] == 0
    assert way.sums(None, None)["totals"]["runs"] == 0
    with pytest.raises(NotFound):
        way.kill("nobody", agent=True)


def test_a_deployed_environment_is_steered_through_its_gateway(place: Place) -> None:
    """Where there is a key for it; else its ledger is turned, and that is said."""
    cloud = AwsCloud(region="us-east-1", account="123456789012")
    context = place.services.context
    environment = replace(context.environment, cloud=cloud, gateway_url="http://127.0.0.1:9")
    there = replace(place.services, context=replace(context, environment=environment))
    there.__dict__.update(ledger=place.services.ledger, store=place.services.local_store)
    notes: list[str] = []
    assert isinstance(control.hands(there, note=notes.append), Through)
    place.services.local_store.delete("gateway_api_key/default/key")
    assert isinstance(control.hands(there, note=notes.append), Directly)
    assert "AL_GATEWAY_API_KEY" in notes[0]


def test_a_refused_key_is_an_error_of_ours(served: str) -> None:
    """And too many of them are temporary."""
    remote = Remote(url=served, key=Secret("wrong"))
    for _ in range(30):
        with pytest.raises(CredentialError):
            remote.get("/control/status")
    with pytest.raises(Throttled):
        remote.get("/control/status")
