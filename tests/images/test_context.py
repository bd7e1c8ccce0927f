"""What goes into an image, from real directories."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.agent import Agent, AgentName, CredentialRef, Model, PreflightStep, Project
from toolkit.core.credential import CredentialType, Field
from toolkit.core.errors import ConfigError, LimitExceeded
from toolkit.core.ports import LayerFile
from toolkit.images import context
from toolkit.images.context import (
    AGENT_CONFIG,
    agent_files,
    base_files,
    content_hash,
    gateway_files,
)
from toolkit.inside.commands.launchers import COMMANDS

TYPES = {
    "github_token": CredentialType(
        id="github_token", label="GitHub", context="use `gh`",
        fields=(Field(name="token", env="GITHUB_TOKEN"), Field(name="note", optional=True, secret=False)), aliases={"GH_TOKEN": "token"},
    ),
    "github_webhook_secret": CredentialType(
        id="github_webhook_secret", label="Hook", inject=False, context="never seen", fields=(Field(name="secret"),),
    ),
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    directory = tmp_path / "agents" / "dev"
    directory.mkdir(parents=True)
    agent = Agent(
        name=AgentName("dev"),
        directory=directory,
        instructions="Do it.\n",
        description="a developer",
        models=(Model(name="main", provider="anthropic", model="m", options={"a": 1}),),
        credentials=(
            CredentialRef(type="github_token"),
            CredentialRef(type="github_webhook_secret", instance="x"),
        ),
        hooks_pre=("echo hi",),
        preflight=(PreflightStep(provider="git-clone", params={"repo": "a/b"}),),
        params={"org": "acme"},
        timeout=300,
    )
    return Project(name="shop", directory=tmp_path, agents=(agent,))


def files_of(project: Project) -> dict[str, LayerFile]:
    found = agent_files(project, project.agents[0], TYPES)
    return {path.removeprefix("/app/static/"): file for path, file in found.items()}


def parsed(project: Project, name: str) -> Any:
    return json.loads(files_of(project)[name].data)


def write(place: Path, text: str = "x", mode: int = 0o644) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)
    return place


GENERATED = {"SKILL.md", "agent-config.json", "credentials.json", "prompt-static.txt", "timeout"}


def test_an_agent_without_files_still_has_what_its_run_reads(project: Project) -> None:
    """Five files, whatever the directory holds."""
    files = files_of(project)
    assert set(files) == GENERATED
    assert (files["SKILL.md"].data, files["timeout"].data) == (b"Do it.\n", b"300")
    assert b"acme" in files["prompt-static.txt"].data


def test_the_configuration_is_complete(project: Project) -> None:
    """Everything that the entry point needs to know, and credentials with their instance."""
    assert parsed(project, "agent-config.json") == {
        "name": "dev",
        "description": "a developer",
        "timeout": 300,
        "models": [
            {"name": "main", "provider": "anthropic", "model": "m", "authType": "api_key", "thinkingLevel": None,
             "baseUrl": None, "options": {"a": 1}}
        ],
        "params": {"org": "acme"},
        "budget": {},
        "hooks": {"pre": ["echo hi"], "post": []},
        "preflight": [{"provider": "git-clone", "required": True, "params": {"repo": "a/b"}}],
        "credentials": ["github_token:default", "github_webhook_secret:x"],
        "script": False,
    }  # fmt: skip


def test_only_what_is_injected_is_described(project: Project) -> None:
    """A webhook's secret has no place in a container, not even by its variable's name; and what is no secret is known."""
    assert parsed(project, "credentials.json") == {
        "github_token": {"env": {"GITHUB_TOKEN": "token", "GH_TOKEN": "token"}, "context": "use `gh`", "required": ["token"], "secret": ["token"]}
    }  # fmt: skip
    prompt = files_of(project)["prompt-static.txt"].data.decode()
    assert "github_token:default" in prompt
    assert "never seen" not in prompt


def test_the_agents_own_files_come_along(project: Project) -> None:
    """With their directories; configuration, instructions, dot-files and compiled code stay behind."""
    own = project.agents[0].directory
    for name in ("notes.md", "lib/config.toml", "lib/deep/a.txt"):
        write(own / name)
    for name in (
        "config.toml",
        "agent-config.toml",
        "SKILL.md",
        ".env",
        ".git/config",
        "lib/.secret",
        "lib/__pycache__/a.pyc",
        "b.pyc",
    ):
        write(own / name)
    assert set(files_of(project)) - GENERATED == {"notes.md", "lib/config.toml", "lib/deep/a.txt"}
    assert files_of(project)["SKILL.md"].data == b"Do it.\n"


def test_shared_files_come_along(project: Project) -> None:
    """The project's shared directory, beside the agent's own files."""
    write(project.directory / "shared" / "rules" / "style.md", "tidy")
    assert files_of(project)["shared/rules/style.md"].data == b"tidy"


def test_a_test_script_can_be_run(project: Project) -> None:
    """Also when its author forgot to say so."""
    write(project.agents[0].directory / "test-script.sh", "#!/bin/sh\n", 0o644)
    scripted = replace(project, agents=(replace(project.agents[0], script=True),))
    assert files_of(scripted)["test-script.sh"].mode == 0o755
    assert parsed(scripted, "agent-config.json")["script"] is True


@pytest.mark.parametrize(
    ("mode", "kept"), [(0o600, 0o644), (0o664, 0o644), (0o700, 0o755), (0o775, 0o755)]
)
def test_only_executable_or_not_is_kept_of_a_mode(project: Project, mode: int, kept: int) -> None:
    """Another umask must not make another image."""
    write(project.agents[0].directory / "tool", mode=mode)
    assert files_of(project)["tool"].mode == kept


def test_a_link_within_the_project_is_followed(project: Project) -> None:
    """To a file and to a directory: the image has the content."""
    write(project.directory / "common" / "a.md", "linked")
    (project.agents[0].directory / "common").symlink_to("../../common")
    (project.agents[0].directory / "b.md").symlink_to("../../common/a.md")
    assert files_of(project)["common/a.md"].data == files_of(project)["b.md"].data == b"linked"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../outside", "/etc"])
def test_a_link_that_leaves_the_project_is_refused(project: Project, target: str) -> None:
    """A project must not carry away what is beside it."""
    (project.agents[0].directory / "link").symlink_to(target)
    with pytest.raises(ConfigError, match="link: the link leaves the project"):
        files_of(project)


def test_a_link_through_a_linked_directory_cannot_leave_either(project: Project) -> None:
    """Every link on the way is looked at."""
    inner = project.directory / "common"
    inner.mkdir()
    (inner / "away").symlink_to("/etc/hostname")
    (project.agents[0].directory / "common").symlink_to(inner)
    with pytest.raises(ConfigError, match="leaves the project"):
        files_of(project)


def test_a_link_that_goes_round_is_refused(project: Project) -> None:
    """Instead of walking for ever."""
    (project.agents[0].directory / "round").symlink_to(".")
    with pytest.raises(ConfigError, match="leads back"):
        files_of(project)


def test_a_link_to_nothing_is_refused(project: Project) -> None:
    """It would be missing at run time."""
    (project.agents[0].directory / "nothing").symlink_to("absent")
    with pytest.raises(ConfigError, match="neither a file nor a directory"):
        files_of(project)


def test_a_pipe_is_refused(project: Project) -> None:
    """Reading one would never end."""
    os.mkfifo(project.agents[0].directory / "pipe")
    with pytest.raises(ConfigError, match="neither a file nor a directory"):
        files_of(project)


@pytest.mark.parametrize("name", sorted(GENERATED - {"SKILL.md"}))
def test_a_name_that_push_needs_is_refused(project: Project, name: str) -> None:
    """Neither silently replaced nor silently kept."""
    write(project.agents[0].directory / name)
    with pytest.raises(ConfigError, match="makes a file of this name itself"):
        files_of(project)


def test_two_files_for_one_place_are_refused(project: Project) -> None:
    """The agent's own `shared/` may not hide the project's."""
    write(project.agents[0].directory / "shared" / "a.md")
    write(project.directory / "shared" / "a.md")
    with pytest.raises(ConfigError, match="the same place in the image"):
        files_of(project)


def test_too_much_is_refused_before_it_is_read(project: Project) -> None:
    """With the largest file's name; a sparse file shows that its content was not looked at."""
    write(project.agents[0].directory / "small")
    with (project.agents[0].directory / "huge.bin").open("wb") as out:
        out.truncate(context.LARGEST + 1)
    with pytest.raises(LimitExceeded, match="200 MiB is the most") as caught:
        files_of(project)
    assert "huge.bin" in caught.value.hint


def test_an_unknown_credential_type_is_refused(project: Project) -> None:
    """Rather than a run without it."""
    odd = replace(project.agents[0], credentials=(CredentialRef(type="nope"),))
    with pytest.raises(ConfigError, match="no credential type named 'nope'"):
        agent_files(project, odd, TYPES)


# the toolkit's own files


def test_the_base_holds_what_runs_inside_and_no_more() -> None:
    """Four rooms and the launchers; neither the sandbox nor a command of the laptop."""
    files = base_files()
    rooms = {path.split("/")[4] for path in files if path.startswith("/app/lib/toolkit/")}
    assert rooms == {"__init__.py", "core", "llm", "clouds", "inside"}
    scripts = {path for path in files if path.startswith("/app/bin/")}
    assert scripts == {f"/app/bin/{name}" for name in COMMANDS}
    assert files["/app/bin/al-status"].mode == 0o755
    assert files["/app/lib/toolkit/core/ports.py"].mode == 0o644
    assert not [path for path in files if "__pycache__" in path or path.endswith(".pyc")]


@pytest.mark.parametrize("place", ["agents/dev", "agents/dev/notes", "shared"])
def test_a_file_name_that_is_not_utf8_is_named(project: Project, place: str) -> None:
    """In a form that every terminal can print, before anything is packed."""
    directory = project.directory / place
    directory.mkdir(parents=True, exist_ok=True)
    (directory / os.fsdecode(b"caf\xe9.md")).write_text("x")
    with pytest.raises(ConfigError, match=r"caf\\udce9\.md': the name is not UTF-8") as caught:
        files_of(project)
    assert str(caught.value).isascii()
    assert caught.value.hint == "rename the file"


def test_the_gateway_holds_everything_but_the_sandbox() -> None:
    """And what it was deployed with."""
    files = gateway_files({"project": "shop"})
    assert not [path for path in files if path.startswith("/app/lib/toolkit/sandbox/")]
    assert {
        "/app/lib/toolkit/wiring.py",
        "/app/lib/gateway/__init__.py",
        "/app/lib/runtimes/__init__.py",
    } <= set(files)
    assert json.loads(files["/app/static/deployment.json"].data) == {"project": "shop"}


# the hash

FILES = st.dictionaries(
    st.text("ab/", min_size=1, max_size=3),
    st.builds(LayerFile, st.binary(max_size=3), st.sampled_from([0o644, 0o755])),
    max_size=3,
)


@given(FILES, FILES)
def test_the_hash_is_the_contents(one: dict[str, LayerFile], two: dict[str, LayerFile]) -> None:
    """Equal exactly when the files are, in whatever order."""
    same = content_hash("sha256:1", one, AGENT_CONFIG) == content_hash(
        "sha256:1", dict(reversed(two.items())), AGENT_CONFIG
    )
    assert same == (one == two)


def test_the_hash_is_of_the_base_and_the_configuration_too() -> None:
    """A new base or entry point is a new image; the hash is a tag."""
    first = content_hash("sha256:1", {}, AGENT_CONFIG)
    assert (
        len({first, content_hash("sha256:2", {}, AGENT_CONFIG), content_hash("sha256:1", {}, {})})
        == 3
    )
    assert len(first) == 20
