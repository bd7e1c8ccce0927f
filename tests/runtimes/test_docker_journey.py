"""A project's agents in Docker, from their files to the receipt: no registry, and no cloud."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.dockerd import BASE, client_at, missing
from tests.fakes import eventually
from tests.inside.seen import NAMES, OURS, SHELL, names
from toolkit.core.run import Run, RunState
from toolkit.ops import launch, new
from toolkit.ops.load import load_services
from toolkit.scheduler.settle import settle
from toolkit.wiring import Services

pytestmark = [
    pytest.mark.needs_docker,
    pytest.mark.skipif(bool(missing()), reason=missing() or "it is there"),
]
LOCAL = """
[local]
runtime = "docker"
dockerHost = "{address}"
image = "{image}"
memory = "256m"
"""


@pytest.fixture
def shop(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new project whose agents run on the daemon."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    project = tmp_path / "shop"
    list(new.create(project, provider="anthropic", model=None))
    config = project / "config.toml"
    own = LOCAL.format(address=address, image=BASE)
    config.write_text(config.read_text().replace("\n[local]\n", own))
    yield project
    with closing(client_at(address)) as client:
        for found in client.containers(all=True):
            client.remove_container(found["Id"], force=True)


def opened(project: Path) -> Services:
    return load_services(project, "local", note=print)


def script(project: Path, text: str) -> None:
    (project / "agents/hello/test-script.sh").write_text(f"#!/bin/sh\n{text}\n")


def finished(services: Services, run: Run) -> Run:
    return eventually(
        lambda: r if (r := settle(services, [run])[0]).state.final else None, seconds=60
    )


def lines(services: Services, run: Run) -> str:
    assert run.handle
    return "\n".join(event.message for event in services.runtime("docker").logs(run.handle))


def test_an_agent_runs_in_docker_and_leaves_nothing(shop: Path, address: str) -> None:
    """Built without a registry, handed its secret, reported, settled; then only the log is left."""
    script(shop, 'echo "i am $(id -u) in $PWD"; al-return done')
    services = opened(shop)
    run = finished(services, launch.start(services, "hello", None, note=print))
    assert (run.state, run.exit_code, run.return_value) == (RunState.SUCCEEDED, 0, "done")
    assert run.receipt.complete
    assert "i am 1000 in /tmp/hello-" in lines(services, run)
    with closing(client_at(address)) as client:
        assert client.containers(all=True) == []


def test_a_stopped_run_says_that_it_was_stopped(shop: Path) -> None:
    """The entry point gets the time to end what it started, and its report is in the log."""
    script(shop, "echo working; sleep 600")
    services = opened(shop)
    run = launch.start(services, "hello", None, note=print)
    eventually(lambda: "working" in lines(services, run))
    services.ledger.request_stop(run.id)
    assert run.handle
    services.runtime("docker").stop(run.handle)
    assert finished(services, run).state is RunState.STOPPED


def test_a_run_that_forks_for_ever_still_reports(shop: Path) -> None:
    """What it has left behind has used up all processes, and starts others as soon as it can: all of it is ended."""
    script(shop, "f() { f & f & wait; }; f 2>/dev/null & exec sleep 2")
    services = opened(shop)
    run = finished(services, launch.start(services, "hello", None, note=print))
    said = lines(services, run)
    assert (run.state, run.exit_code) == (RunState.SUCCEEDED, 0)
    assert "could not be ended" not in said
    assert "run completed" in said


def test_an_agents_own_dockerfile_is_built_upon_the_base(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FROM al-agent, COPY of its own files, variables kept; the project's Dockerfile comes before it.  The agent sees
    what they set, and nothing of the host's."""
    monkeypatch.setenv("ANYTHING", "leaked-from-the-host")
    (shop / "Dockerfile").write_text("FROM al-agent:latest\nENV SHARED=everyone\n")
    agent = shop / "agents/hello"
    (agent / "data.txt").write_text("brought along")
    (agent / "Dockerfile").write_text("FROM al-agent\nCOPY data.txt /opt/data.txt\nENV OWN=mine\n")
    script(shop, f'cat /opt/data.txt; echo " $SHARED $OWN"; {NAMES}')
    services = opened(shop)
    run = finished(services, launch.start(services, "hello", None, note=print))
    assert run.state is RunState.SUCCEEDED
    said = lines(services, run)
    assert "brought along everyone mine" in said
    assert names(said) - SHELL == OURS | {"SHARED", "OWN"}
    assert "leaked" not in said


def test_an_unchanged_agent_is_not_built_again(shop: Path) -> None:
    """Its image is named by what is in it; a changed one is another, and of old ones those stay that history names."""
    said: list[str] = []
    script(shop, "exit 0")
    for _ in range(2):
        services = opened(shop)
        finished(services, launch.start(services, "hello", None, note=said.append))
    assert len([line for line in said if line.startswith("building ")]) == 1
    fact = services.ledger.fact("definition/hello")
    assert fact["runtime"] == "docker"
    assert json.dumps(fact).count("al-shop-local-hello:") == 2  # its reference and its image


def test_a_refused_dockerfile_names_what_is_wrong(shop: Path) -> None:
    """The build's own last lines, and no run."""
    (shop / "agents/hello/Dockerfile").write_text("FROM al-agent\nCOPY nothing.txt /opt/\n")
    services = opened(shop)
    with pytest.raises(Exception, match=r"nothing\.txt"):
        launch.start(services, "hello", None, note=print)
    assert services.ledger.runs() == ()
