"""A program that is run where an agent's runs are: in their image and network, once, and nothing of it stays."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtimes._docker_container import Room
from tests.dockerd import BASE, missing
from tests.runtimes.docker_stage import DockerStage
from toolkit.core.agent import AgentName
from toolkit.core.errors import AlError
from toolkit.core.ports import AsksFromInside
from toolkit.core.secrets import Secret

pytestmark = [
    pytest.mark.needs_docker,
    pytest.mark.skipif(bool(missing()), reason=missing() or "it is there"),
]
ROOM = str(Room(image=BASE))
DEV = AgentName("dev")
ECHO = ("python3", "-c", "import sys; print('noise', file=sys.stderr); print(sys.stdin.readline())")


@pytest.fixture
def stage(address: str, tmp_path: Path) -> Iterator[DockerStage]:
    made = DockerStage.at(address, tmp_path)
    yield made
    made.tidy()


def containers(stage: DockerStage) -> list[object]:
    return stage.asked(lambda client: list(client.containers(all=True)))


def test_it_reads_what_a_run_would_and_answers_on_stdout(stage: DockerStage) -> None:
    """With the addresses of this machine as they are true inside, and no word of its stderr."""
    assert isinstance(stage.runtime, AsksFromInside)
    question = Secret(json.dumps({"models": [{"baseUrl": "http://localhost:8081/v1", "key": "k"}]}))
    said = json.loads(stage.runtime.ask_from_inside(DEV, ROOM, ECHO, question))
    assert said["models"] == [{"baseUrl": "http://host.docker.internal:8081/v1", "key": "k"}]
    assert containers(stage) == []


def test_a_program_that_fails_is_told_with_its_last_line(stage: DockerStage) -> None:
    """An image of an older version has none of that name, for instance."""
    words = ("python3", "-m", "toolkit.llm.nowhere")
    with pytest.raises(AlError, match=r"ended with exit code 1.*No module named") as failed:
        stage.runtime.ask_from_inside(DEV, ROOM, words, Secret("{}"))
    assert "run the agent once" in failed.value.hint
    assert containers(stage) == []
