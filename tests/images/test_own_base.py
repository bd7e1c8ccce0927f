"""Our own base image: what goes into it, and that it is all that a run needs."""

import ast
import io
import sys
import tarfile
from pathlib import Path

import pytest

from toolkit.images import local_base
from toolkit.images.dockerfile_lines import instructions
from toolkit.images.own_base import base_order, gateway_order, main
from toolkit.images.requirements import of_agents, of_gateway

ROOT = Path(__file__).parents[2] / "toolkit"
# names of modules whose distributions are called otherwise, or that are another extra's
_SPELLED = {"genai_prices": "genai-prices", "pydantic_ai": "pydantic-ai-slim"}
_NOT_INSIDE = {
    "boto3",
    "botocore",
    "docker",
    "google",
    "grpc",
    "requests",
}  # clouds/: the launcher's side


def named(requirements: tuple[str, ...]) -> set[str]:
    return {one.partition("=")[0].partition("[")[0].partition(">")[0] for one in requirements}


def imported() -> set[str]:
    """Whatever the rooms that run inside import of others, anywhere."""
    found = set[str]()
    for room in ("core", "llm", "inside", "clouds"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names - {"toolkit"} - _NOT_INSIDE


def test_all_that_runs_inside_finds_its_libraries() -> None:
    """The image has no more than these: what one of our files imports besides would end a run."""
    lacking = {_SPELLED.get(name, name) for name in imported()} - named(of_agents())
    assert lacking == set()


def test_an_agents_image_has_no_sdk_and_no_command_line() -> None:
    """They weigh more than all the rest."""
    assert not {"boto3", "botocore", "click", "rich", "fastapi", "pulumi", "docker"} & named(
        of_agents()
    )


@pytest.mark.parametrize(("cloud", "library"), [("aws", "boto3"), ("gcp", "google-cloud-run")])
def test_the_gateways_has_its_clouds_libraries(cloud: str, library: str) -> None:
    """It is the scheduler, too."""
    assert {library, "fastapi", "mangum", "uvicorn", "pydantic"} <= named(of_gateway(cloud))
    assert "pydantic-ai-slim" not in named(of_gateway(cloud))


def test_what_is_installed_is_pinned() -> None:
    """The same image whenever it is built."""
    assert [one for one in of_agents() if "==" not in one] == []


def test_the_context_has_what_the_dockerfile_copies() -> None:
    """And every file that it copies is there."""
    order = base_order("r")
    lines = order.dockerfile.splitlines()
    copied = [
        one.rest.split()[0]
        for one in instructions(lines)
        if one.word == "COPY" and "--from" not in one.rest
    ]
    assert sorted(copied) == ["bin", "requirements.txt", "toolkit"]
    tops = {name.partition("/")[0] for name in order.context}
    assert tops == {"bin", "requirements.txt", "toolkit"}
    assert order.context["bin/al-status"].mode == 0o755


def test_who_runs_has_a_name_in_every_base() -> None:
    """ssh, and git with it, refuses to work for a uid that the system does not know.  And as who it ends, Dockerfiles go
    on: one that builds on this machine builds in an account."""
    for text in (base_order("r").dockerfile, local_base.dockerfile()):
        assert "useradd --uid 1000" in text
        users = [one.rest for one in instructions(text.splitlines()) if one.word == "USER"]
        assert users == ["1000:1000"]


def test_pythons_own_modules_are_compiled_in_every_base() -> None:
    """Its images come without (https://github.com/docker-library/python/issues/615), and a run's file system is read-only."""
    for text in (base_order("r").dockerfile, local_base.dockerfile()):
        lines = text.splitlines()
        last = max(n for n, line in enumerate(lines) if line.startswith("FROM"))
        run = [one.rest for one in instructions(lines) if one.first > last and one.word == "RUN"]
        assert [one for one in run if "compileall" in one and 'get_path("stdlib")' in one]


def test_the_gateways_base_is_another() -> None:
    """Of each cloud, and each machine."""
    tags = {base_order("r").tag, base_order("r", architecture="arm64").tag}
    tags |= {gateway_order("r", cloud).tag for cloud in ("aws", "gcp")}
    assert len(tags) == 4


def test_by_hand_it_is_the_same(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A tar for `docker build -`, with the Dockerfile at its top."""
    assert main([]) == 0
    with tarfile.open(fileobj=io.BytesIO(capfdbinary.readouterr().out)) as archive:
        names = set(archive.getnames())
    assert {"Dockerfile", "requirements.txt", "toolkit/inside/entry.py"} <= names


def test_no_page_has_it_built_without_its_context() -> None:
    """The Dockerfile copies what own_base.py packs: in a checkout its build ends at once."""
    pages = (ROOT.parent / "docs").rglob("*.md")
    assert [p.name for p in pages if "-f toolkit/images/base" in p.read_text("utf-8")] == []
