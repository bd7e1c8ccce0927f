"""Images for two processors: each agent's base is one for its own, and what is pushed stays one manifest."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.images.served import HOST, Served, push_foreign
from tests.images.test_oci import CONFIG, FILES, put_index
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.ports import Context
from toolkit.images.base import base_reference, sandbox_tag
from toolkit.images.builders.append import Append
from toolkit.images.remote import OCI_MANIFEST

CLOUD = AwsCloud(region="eu-west-1", account="123456789012")


def context(endpoint: str | None = None, **images: str) -> Context:
    environment = Environment(
        name="e",
        scope=Scope(project="p", environment="e"),
        cloud=replace(CLOUD, endpoint=endpoint),
        images=images,
    )
    return Context(environment=environment, home=Path(), project=Path())


def platform(sandbox: Served, repository: str, digest: str) -> str:
    """What the image says that it is for."""
    _, body = sandbox.storage.manifest(repository, digest)
    config = json.loads(sandbox.storage.blob_path(body["config"]["digest"]).read_text())
    return f"{config['os']}/{config['architecture']}"


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_an_index_gives_each_its_own(sandbox: Served, architecture: str) -> None:
    """`base` may be an index of both; the image upon it is one manifest, since Lambda takes no index
    (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    children = {
        a: push_foreign(sandbox.storage, "base", architecture=a) for a in ("amd64", "arm64")
    }
    named = context(base=f"{HOST}/base@{put_index(sandbox, children)}")
    reference, digest = base_reference(named, sandbox.registry, architecture=architecture)
    made = sandbox.registry.append(
        reference, "app", "one", FILES, CONFIG, architecture=architecture
    )
    assert digest == children[architecture]
    assert platform(sandbox, "app", made) == f"linux/{architecture}"
    assert sandbox.registry.manifest("app", made).media_type == OCI_MANIFEST


def test_a_base_of_its_own_wins_for_arm64(sandbox: Served) -> None:
    """`baseArm64` beside a `base` that is no index."""
    sandbox.repositories |= {"base-amd64", "base-arm64"}
    amd, arm = (
        push_foreign(sandbox.storage, f"base-{a}", architecture=a) for a in ("amd64", "arm64")
    )
    both = context(base=f"{HOST}/base-amd64@{amd}", baseArm64=f"{HOST}/base-arm64@{arm}")
    found = {
        a: base_reference(both, sandbox.registry, architecture=a)[1] for a in ("amd64", "arm64")
    }
    assert found == {"amd64": amd, "arm64": arm}


def test_arm64_on_a_base_for_amd64_is_refused_with_what_to_do(sandbox: Served) -> None:
    """It would end with an exec format error at the first run
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html)."""
    digest = push_foreign(sandbox.storage, "base")
    with pytest.raises(
        ConfigError, match=r"is for linux/amd64, and .* runs on linux/arm64"
    ) as said:
        base_reference(
            context(base=f"{HOST}/base@{digest}"), sandbox.registry, architecture="arm64"
        )
    assert "baseArm64" in said.value.hint


def test_an_index_without_arm64_is_refused_with_what_it_has(sandbox: Served) -> None:
    """Likewise (ECS: failed to find a descriptor for platform)."""
    index = put_index(sandbox, {"amd64": push_foreign(sandbox.storage, "base")})
    with pytest.raises(ConfigError, match=r"has no linux/arm64, only linux/amd64"):
        base_reference(context(base=f"{HOST}/base@{index}"), sandbox.registry, architecture="arm64")


def test_the_sandbox_has_a_base_for_each(sandbox: Served) -> None:
    """The layer is the same, since both run on this machine; what it says that it is for differs."""
    sandbox.repositories.add("al-p-e/base")
    here = context(endpoint="http://127.0.0.1:9")
    found = {
        a: base_reference(here, sandbox.registry, architecture=a)[1] for a in ("amd64", "arm64")
    }
    assert {a: platform(sandbox, "al-p-e/base", d) for a, d in found.items()} == {
        "amd64": "linux/amd64",
        "arm64": "linux/arm64",
    }
    layers = [sandbox.storage.manifest("al-p-e/base", d)[1]["layers"] for d in found.values()]
    assert layers[0] == layers[1]
    assert sandbox_tag("amd64") != sandbox_tag("arm64")


def project(tmp_path: Path, **settings: Any) -> Project:
    directory = tmp_path / "agents" / "dev"
    directory.mkdir(parents=True, exist_ok=True)
    dev = Agent(name=AgentName("dev"), directory=directory, instructions="work", **settings)
    return Project(name="p", directory=tmp_path, agents=(dev,))


def test_the_agent_s_choice_reaches_its_image(sandbox: Served, tmp_path: Path) -> None:
    """From `arch` to the manifest."""
    sandbox.repositories.add("al-p-e-dev")
    made = project(tmp_path, arch="arm64")
    named = context(
        base=f"{HOST}/base@{push_foreign(sandbox.storage, 'base', architecture='arm64')}"
    )
    base = base_reference(named, sandbox.registry, architecture="arm64")
    builder = Append(named)
    plan = builder.plan(made, made.agents[0], types={}, base=base)
    assert plan.architecture == "arm64"
    digest = builder.build(plan, sandbox.registry)
    assert platform(sandbox, plan.repository, digest) == "linux/arm64"


def test_another_processor_is_another_tag(sandbox: Served, tmp_path: Path) -> None:
    """Tags never move, so the two images must not share one."""
    bases = {
        a: (f"{HOST}/base@{d}", d)
        for a in ("amd64", "arm64")
        if (d := push_foreign(sandbox.storage, "base", architecture=a))
    }
    named = context(base="unused")
    tags = {
        Append(named).plan(p, p.agents[0], types={}, base=bases[a]).tag
        for a, arch in (("amd64", "x86_64"), ("arm64", "arm64"))
        if (p := project(tmp_path, arch=arch))
    }
    assert len(tags) == 2
