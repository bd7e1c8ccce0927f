"""Building agents' images: planned, pushed once, and really what was planned."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.images.served import HOST, Served, push_foreign, sandbox_registry
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.names import BASE, GATEWAY, Names
from toolkit.core.ports import Context
from toolkit.images.base import base_reference, image
from toolkit.images.builders.append import PLUGIN, Append, ImagePlan
from toolkit.images.oci import registry_for

CLOUD = AwsCloud(region="eu-west-1", account="123456789012", endpoint="http://127.0.0.1:1")
SANDBOX = Environment(
    name="sandbox", scope=Scope(project="shop", environment="sandbox"), cloud=CLOUD
)
NAMES = Names(SANDBOX.scope)
DEV, BASE_REPOSITORY, GATEWAY_REPOSITORY = (NAMES.repository(p) for p in ("dev", BASE, GATEWAY))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Served]:
    repositories = (DEV, BASE_REPOSITORY, GATEWAY_REPOSITORY, "base")
    with sandbox_registry(tmp_path / "registry", repositories=repositories) as registry:
        yield registry


@pytest.fixture
def project(tmp_path: Path) -> Project:
    directory = tmp_path / "agents" / "dev"
    directory.mkdir(parents=True)
    agent = Agent(name=AgentName("dev"), directory=directory, instructions="Do it.\n", timeout=300)
    return Project(name="shop", directory=tmp_path, agents=(agent,))


def context_of(environment: Environment = SANDBOX) -> Context:
    return Context(environment=environment, home=Path("/nowhere"), project=Path("/nowhere"))


def planned(sandbox: Served, project: Project, context: Context | None = None) -> ImagePlan:
    context = context or context_of()
    base = base_reference(context, sandbox.registry)
    return known(sandbox, Append(context).plan(project, project.agents[0], types={}, base=base))


def known(sandbox: Served, plan: ImagePlan) -> ImagePlan:
    """The plan, with the digest that the registry has for it."""
    return replace(plan, digest=sandbox.registry.digest(plan.repository, plan.tag))


def unpacked(sandbox: Served, repository: str, digest: str) -> dict[str, bytes]:
    _, manifest = sandbox.storage.manifest(repository, digest)
    found: dict[str, bytes] = {}
    for part in manifest["layers"]:
        with tarfile.open(sandbox.storage.blob_path(part["digest"])) as archive:
            opened = {i.name: archive.extractfile(i) for i in archive if i.isfile()}
            found |= {f"/{name}": file.read() for name, file in opened.items() if file}
    return found


def test_planning_pushes_nothing_of_the_agent(sandbox: Served, project: Project) -> None:
    """A preview looks; the agent's repository is as it was."""
    assert planned(sandbox, project).needed
    assert sandbox.storage.tags(DEV) == {}


def test_a_built_image_holds_the_toolkit_and_the_agent(sandbox: Served, project: Project) -> None:
    """Base and agent, under one root."""
    digest = PLUGIN(context_of()).build(planned(sandbox, project), sandbox.registry)
    files = unpacked(sandbox, DEV, digest)
    assert files["/app/static/SKILL.md"] == b"Do it.\n"
    assert {"/app/lib/toolkit/core/ports.py", "/app/bin/al-status"} <= set(files)


def test_an_unchanged_agent_is_not_pushed_again(sandbox: Served, project: Project) -> None:
    """The plan knows the digest, and building it sends nothing."""
    digest = Append(context_of()).build(planned(sandbox, project), sandbox.registry)
    again = planned(sandbox, project)
    sent = sandbox.front.count("PUT") + sandbox.front.count("POST")
    assert (again.needed, Append(context_of()).build(again, sandbox.registry)) == (False, digest)
    assert sandbox.front.count("PUT") + sandbox.front.count("POST") == sent


def test_a_changed_agent_sends_one_layer_and_a_configuration(
    sandbox: Served, project: Project
) -> None:
    """A new prompt is a push of a few kilobytes."""
    first = Append(context_of()).build(planned(sandbox, project), sandbox.registry)
    before = sandbox.front.count("PUT", "/blobs/")
    changed = replace(project, agents=(replace(project.agents[0], instructions="Do more.\n"),))
    second = Append(context_of()).build(planned(sandbox, changed), sandbox.registry)
    assert second != first
    assert sandbox.front.count("PUT", "/blobs/") - before == 2


def test_the_sandboxs_base_is_made_once(sandbox: Served) -> None:
    """By content: a second push finds it, and it is named as ECR would."""
    first = base_reference(context_of(), sandbox.registry)
    before = sandbox.front.count("PUT")
    assert base_reference(context_of(), sandbox.registry) == first
    assert sandbox.front.count("PUT") == before
    assert first[0] == f"{HOST}/{BASE_REPOSITORY}@{first[1]}"


def test_the_gateway_is_an_image_like_any_other(sandbox: Served) -> None:
    """The whole toolkit over the base, its own entry point, what it was deployed with; once per content."""
    context = context_of()
    base = base_reference(context, sandbox.registry, part="gateway")
    plan = Append(context).plan_gateway({"project": "shop"}, base=base)
    digest = Append(context).build(plan, sandbox.registry)
    files = unpacked(sandbox, GATEWAY_REPOSITORY, digest)
    assert json.loads(files["/app/static/deployment.json"]) == {"project": "shop"}
    assert "/app/lib/toolkit/wiring.py" in files
    assert not known(sandbox, plan).needed


def test_definitions_name_images_by_digest() -> None:
    """Under ECR's own host also in the sandbox (Lambda takes a private ECR repository of its own region only)."""
    assert image(context_of(), DEV, "sha256:1") == f"{HOST}/{DEV}@sha256:1"


# a real account's base


def real(**images: str) -> Context:
    return context_of(replace(SANDBOX, cloud=replace(CLOUD, endpoint=None), images=images))


def test_a_named_base_is_pinned_to_its_digest(sandbox: Served, project: Project) -> None:
    """A tag may move between two agents of one push; the digest does not."""
    digest = push_foreign(sandbox.storage, "base")
    context = real(base=f"{HOST}/base:amd64")
    assert base_reference(context, sandbox.registry) == (f"{HOST}/base@{digest}", digest)
    assert base_reference(context, sandbox.registry, part="gateway")[1] == digest
    assert planned(sandbox, project, context).base == f"{HOST}/base@{digest}"


def test_a_real_account_must_name_its_base(sandbox: Served) -> None:
    """The choice is spelled out, never guessed."""
    with pytest.raises(ConfigError, match="does not say which base image") as caught:
        base_reference(real(), sandbox.registry)
    assert 'builder = "docker"' in caught.value.hint
    assert "toolkit.images.own_base" in caught.value.hint


def test_an_environment_without_a_registry_says_so() -> None:
    """This machine alone has none."""
    with pytest.raises(ConfigError, match="has no registry"):
        registry_for(context_of(replace(SANDBOX, cloud=None)))
