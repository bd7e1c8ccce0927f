"""A Dockerfile's image, from a real daemon into a real registry, al's layer upon it, and a run of the result.

What a build service is told to do is done here by the same words: its script, with a docker command of this machine.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dockerd import BASE, client_at, missing, running_dockerd
from tests.fakes import eventually
from tests.images.test_debian_registry import registry
from tests.runtimes.docker_stage import DockerStage
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import AlError
from toolkit.core.ports import Context, LayerFile
from toolkit.core.run import RunId, RunState
from toolkit.images.builders.append import Append
from toolkit.images.builders.docker import PLUGIN as DOCKER
from toolkit.images.context import base_files
from toolkit.images.dockerfile import rebased
from toolkit.images.oci import OciRegistry
from toolkit.images.order import SCRIPT, Order, carried, order

__all__ = ["registry"]
CLIENT = "/usr/bin/docker"  # the one that belongs to the daemon
pytestmark = [
    pytest.mark.needs_docker,
    pytest.mark.needs_registry,
    pytest.mark.skipif(bool(missing()), reason=missing() or "it is there"),
    pytest.mark.skipif(
        shutil.which("docker-registry") is None,
        reason="docker-registry is missing: apt-get install docker-registry",
    ),
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_dockerd(tmp_path_factory.mktemp("dockerd")) as address:
        yield address


@pytest.fixture
def address(registry: OciRegistry) -> str:
    """Of the registry, as the daemon knows it: what listens on this machine needs no TLS."""
    return str(registry.home._client.base_url).removeprefix("http://").rstrip("/")


@pytest.fixture
def stage(daemon: str, address: str, tmp_path: Path) -> Iterator[DockerStage]:
    made = DockerStage.at(daemon, tmp_path)
    yield made
    made.tidy()


@pytest.fixture
def context(stage: DockerStage, address: str) -> Context:
    """An environment in a cloud, whose registry is the one here."""
    cloud = AwsCloud(region="eu-west-1", account="123456789012", registry=address)
    return replace(stage.context, environment=replace(stage.context.environment, cloud=cloud))


def an_order(base: str) -> Order:
    text = rebased(
        "FROM al-agent AS own\nCOPY data.txt /opt/data.txt\nENV OWN=mine\n", base, where="it"
    )
    files = {"data.txt": LayerFile(b"brought along")}
    return order("dev", "al-p-local/base", text, files)


def test_an_agent_with_a_dockerfile_runs_from_the_registry(
    stage: DockerStage, context: Context, registry: OciRegistry, address: str
) -> None:
    """Built and pushed by the daemon; al's code and files appended over the registry's API; pulled, and run."""
    one, said = an_order(BASE), list[str]()
    DOCKER(context).make([one], said.append)
    assert registry.digest(one.repository, one.tag)
    assert any("COPY data.txt" in line for line in said)
    final = appended(context, registry, f"{registry.home.host}/{one.repository}:{one.tag}")
    stage.asked(lambda client: client.pull(f"{address}/al-p-local-dev", tag=final))
    spec = stage.of(
        RunId.new(AgentName("dev")), f"{address}/al-p-local-dev:{final}", memory=256 << 20, pids=128
    )
    handle = stage.runtime.launch(spec)
    eventually(lambda: stage.runtime.states([handle])[handle.run].state.final, seconds=60)
    lines = [event.message for event in stage.runtime.logs(handle)]
    assert stage.runtime.states([handle])[handle.run].state is RunState.SUCCEEDED, "\n".join(lines)
    assert any("brought along, mine, 1000" in line for line in lines)


def appended(context: Context, registry: OciRegistry, base: str) -> str:
    """The tag of the agent's image."""
    directory = context.project / "agents" / "dev"
    directory.mkdir(parents=True)
    script = '#!/bin/sh\necho "$(cat /opt/data.txt), $OWN, $(id -u)"\n'
    (directory / "test-script.sh").write_text(script)
    agent = Agent(name=AgentName("dev"), directory=directory, instructions="", script=True)
    project = Project(name="p", directory=context.project, agents=(agent,))
    plan = Append(context).plan(project, agent, types={}, base=(base, "built"))
    files = {**plan.files, **base_files()}
    Append(context).build(replace(plan, files=files), registry)
    return plan.tag


def test_a_build_that_fails_says_how_it_ended(context: Context) -> None:
    """Its last lines, and what to do."""
    one = replace(an_order(BASE), dockerfile=f"FROM {BASE}\nRUN echo about to fail; exit 3\n")
    with pytest.raises(AlError, match="about to fail") as caught:
        DOCKER(context).make([one], print)
    assert "Dockerfile" in caught.value.hint


@pytest.mark.skipif(
    not Path(CLIENT).exists(), reason="the docker command is missing: apt-get install docker.io"
)
def test_what_a_build_service_is_told_builds_and_pushes(
    stage: DockerStage, registry: OciRegistry, address: str, tmp_path: Path
) -> None:
    """Its script takes the context from the registry, and leaves the image there under the order's tag."""
    base = f"{address}/al/host"
    with closing(client_at(stage.address)) as client:
        client.tag(BASE, base, tag="1")
        client.push(base, tag="1")
    one = an_order(f"{base}:1")
    tag, files = carried(one)
    registry.push_base(one.repository, tag, files, {})
    place = f"{address}/{one.repository}"
    named = {
        "AL_CONTEXT": f"{place}:{tag}",
        "AL_TARGET": f"{place}:{one.tag}",
        "AL_PLATFORM": one.platform,
    }
    environ = {
        **named,
        "DOCKER_HOST": stage.address,
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        ["sh", "-c", SCRIPT], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    digest = registry.digest(one.repository, one.tag)
    assert digest
    config = registry.base(f"{registry.home.host}/{one.repository}@{digest}").config
    assert "OWN=mine" in json.dumps(config)
