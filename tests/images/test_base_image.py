"""Our base, really built and really run, and what stands upon it.  `make image`

It takes minutes, Debian's mirror and PyPI: so it is asked for.  AL_BASE_IMAGE names the file in which the stand-in of Python's
image is kept from one time to the next.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.dockerd import missing as docker_missing
from tests.dockerd import running_dockerd
from tests.fixtures.llm_server import Turn, llm_server
from tests.images.base_kit import Kit
from tests.images.base_yard import Yard, standing_in
from tests.images.debian_registry import missing as registry_missing
from tests.images.debian_registry import running_registry
from tests.images.python_slim import missing as python_missing
from tests.runtimes.docker_stage import DockerStage
from toolkit.core.run import RunState
from toolkit.images.requirements import of_agents

KEPT = os.environ.get("AL_BASE_IMAGE", "")
LACKING = (
    ("" if KEPT else "AL_BASE_IMAGE is not set: `make image` builds the base, for minutes")
    or docker_missing()
    or registry_missing()
    or python_missing()
)
MOST = 150_000_000  # bytes of the base, as it travels
OF_PYTHON = {"pip", "setuptools", "wheel"}  # what Python's own image brings
LISTING = """
import importlib.metadata
for one in importlib.metadata.distributions():
    print(one.metadata["Name"].lower().replace("_", "-").replace(".", "-"))
"""
UNCOMPILED = """
import sys, pathlib
import pydantic_ai.models.anthropic, pydantic_ai.models.openai, toolkit.inside.entry, toolkit.inside.session
for one in list(sys.modules.values()):
    cached = getattr(one, "__cached__", None)
    if cached and not pathlib.Path(cached).exists():
        print(one.__name__)
"""
pytestmark = [
    pytest.mark.needs_docker,
    pytest.mark.needs_registry,
]
if LACKING:
    pytest.skip(LACKING, allow_module_level=True)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A gigabyte or two, which no later look at a failed test is worth."""
    with TemporaryDirectory(prefix="al-image-") as name:
        for part in ("dockerd", "registry", "python", "shop"):
            (Path(name) / part).mkdir()
        yield Path(name)


@pytest.fixture(scope="module")
def kit(place: Path) -> Iterator[Kit]:
    """The base, the gateway's, and what the Dockerfiles of a project add: built once, by what a push does."""
    with (
        running_dockerd(place / "dockerd") as daemon,
        running_registry(place / "registry") as images,
    ):
        standing_in(daemon, Path(KEPT), place / "python")
        yard = Yard(DockerStage.at(daemon, place / "shop", "shop"), images)
        made = Kit.of(yard, place / "shop")
        made.made()
        yield made
        yard.stage.tidy()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """A figure for whoever asked for the image."""

    def said(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return said


def test_the_base_is_small_enough_to_start_quickly(kit: Kit, say: Callable[[str], None]) -> None:
    """What a machine pulls that has never run an agent."""
    layers = kit.yard.layers(kit.base)
    each = " + ".join(f"{size / 1e6:.1f}" for size in layers)
    say(f"the base, compressed: {sum(layers) / 1e6:.1f} MB = {each}")
    assert sum(layers) <= MOST


def test_the_gateways_base_has_its_program(kit: Kit, say: Callable[[str], None]) -> None:
    """The libraries of a function's handler and of a server."""
    say(f"the gateway's base, compressed: {sum(kit.yard.layers(kit.gateway)) / 1e6:.1f} MB")
    wanted = "import boto3, fastapi, mangum, uvicorn"
    assert kit.yard.does(kit.gateway, "python3", "-c", wanted) == (0, "")


def test_it_has_the_tools_that_agents_use(kit: Kit) -> None:
    """Whoever clones, asks an API or checks a certificate in a run."""
    words = "git --version; curl --version; jq --version; ssh -V 2>&1; test -s /etc/ssl/certs/ca-certificates.crt"
    code, said = kit.yard.does(kit.base, "sh", "-euc", words)
    assert code == 0, said
    assert [name for name in ("git version", "curl ", "jq-", "OpenSSH") if name not in said] == []


def test_it_is_nobody_in_particular(kit: Kit) -> None:
    """uid 1000, who has a home and may change no program."""
    words = "id -u; id -g; pwd; echo ~; touch /app/lib/a /usr/local/lib/a 2>/dev/null || echo no"
    said = "1000\n1000\n/app/static\n/home/al-agent\nno\n"
    assert kit.yard.does(kit.base, "sh", "-c", words) == (0, said)


def test_it_has_an_agents_libraries_and_no_others(kit: Kit) -> None:
    """What the `agent` extra needs: neither a cloud's SDK nor the command line."""
    code, said = kit.yard.does(kit.base, "python3", "-c", LISTING)
    wanted = {one.partition("==")[0].partition("[")[0] for one in of_agents()}
    assert code == 0, said
    assert set(said.split()) - OF_PYTHON == wanted


def test_nothing_is_compiled_when_a_run_starts(kit: Kit) -> None:
    """Its file system cannot be written to, so it would be again at every start."""
    assert kit.yard.does(kit.base, "python3", "-c", UNCOMPILED) == (0, "")


def test_every_layer_is_seen_by_a_script(kit: Kit, say: Callable[[str], None]) -> None:
    """The base's git, what the project's and the agent's Dockerfiles bring, shared/, and the agent's own files."""
    ran = kit.ran("dev")
    assert ran.state is RunState.SUCCEEDED, ran.text
    say(f"a script's first line after {ran.first_output:.2f} s")
    there = ["git version", "for all", "for dev", "from shared", "copied", "tree"]
    assert ran.output == [*there, "/app/bin/al-return", "1000 al-agent"]


def test_a_model_works_in_it(kit: Kit, say: Callable[[str], None]) -> None:
    """A session down to the wire, with a tool that runs in the container."""
    tool = Turn(tools=[("bash", {"command": "git --version | cut -c1-11"})])
    with llm_server(tool, Turn(text="done")) as server:
        ran, seconds = kit.asked("thinker", server)
    assert ran.state is RunState.SUCCEEDED, ran.text
    say(f"a model's first request after {seconds:.2f} s")
    assert "git version" in str(server.requests[-1])


def test_what_this_machine_builds_for_itself_serves_as_well(kit: Kit) -> None:
    """In a Docker of one's own, where no base is named: ssh knows who runs, and a session finds its libraries."""
    words = "ssh -T -G localhost >/dev/null; python3 -c 'import pydantic_ai.models.openai'; whoami"
    assert kit.yard.does(kit.on_this_machine(), "sh", "-ec", words) == (0, "al-agent\n")


def test_what_is_built_is_not_built_again(kit: Kit) -> None:
    """By its name, which is a hash of all that goes in."""
    before = len(kit.yard.said)
    assert len(kit.made()) == 4
    assert len(kit.yard.said) == before
