"""What has to be built before al's layer, and what of it is due: from files and records, without asking anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.names import GATEWAY
from toolkit.core.ports import Context, LayerFile
from toolkit.images.order import Note, Order
from toolkit.ops.builds import Builds
from toolkit.ops.images import Images
from toolkit.wiring import Services

CLOUD = AwsCloud(region="eu-west-1", account="123456789012")
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
BASE = {"amd64": (f"{HOST}/base@sha256:1", "sha256:1")}


@dataclass
class Yard:
    """A registry by its tags, and the builder that fills it."""

    tags: set[str] = field(default_factory=set)
    made: list[list[str]] = field(default_factory=list)
    lost: bool = False  # what is built does not arrive

    def digest(self, _: str, tag: str) -> str | None:
        return f"sha256:of-{tag}" if tag in self.tags else None

    def make(self, orders: Sequence[Order], note: Note) -> None:
        self.made.append([one.name for one in orders])
        self.tags |= set() if self.lost else {one.tag for one in orders}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two agents, of whom `dev` brings a Dockerfile."""
    agents = []
    for name in ("dev", "plain"):
        directory = tmp_path / "agents" / name
        directory.mkdir(parents=True)
        agents.append(Agent(name=AgentName(name), directory=directory, instructions="Do it.\n"))
    (tmp_path / "agents/dev/Dockerfile").write_text("FROM al-agent\nCOPY data.txt /\n")
    (tmp_path / "agents/dev/data.txt").write_text("one")
    (tmp_path / "agents/dev/SKILL.md").write_text("Do it.\n")
    return Project(name="shop", directory=tmp_path, agents=tuple(agents))


def services(project: Project, *, cloud: AwsCloud = CLOUD, **images: str) -> Services:
    scope = Scope(project="shop", environment="production")
    environment = Environment(name="production", scope=scope, cloud=cloud, images=images)
    context = Context(environment=environment, home=project.directory, project=project.directory)
    return Services(context, project)


def builds(project: Project, **images: str) -> Builds:
    return Builds(services(project, **{"builder": "codebuild", **images}), project)


def names(waves: Sequence[Sequence[Order]]) -> list[list[str]]:
    return [[one.name for one in wave] for wave in waves]


def test_each_wave_stands_upon_the_one_before(project: Project) -> None:
    """Our base and the gateway's; what the project adds for all; what an agent adds for itself."""
    (project.directory / "Dockerfile").write_text("FROM al-agent\nENV A=1\n")
    found = builds(project).waves(project.agents, BASE)
    assert names(found) == [
        ["the base", "the gateway's base"],
        ["the project"],
        ["dev", "the project"],
    ]
    assert f"FROM {HOST}/al-shop-production/base:{found[1][0].tag}" in found[2][0].dockerfile


def test_a_named_base_is_not_built(project: Project) -> None:
    """Only what stands upon it; nor is the gateway's when that is named."""
    given = {"base": "r.example.com/base:1", "gateway": "r.example.com/gateway:1"}
    found = builds(project, **given).waves(project.agents, BASE)
    assert names(found) == [[], [], ["dev"]]
    assert BASE["amd64"][0] in found[2][0].dockerfile


def test_a_dockerfile_that_only_names_its_base_builds_nothing(project: Project) -> None:
    """As the one of a new project."""
    (project.directory / "Dockerfile").write_text("FROM al-agent:latest\n")
    assert builds(project).of(project.agents[1], BASE["amd64"]) == ()


def test_a_prompt_that_changed_builds_nothing(project: Project) -> None:
    """SKILL.md and config.toml are made into files of al's own layer; data.txt is not."""
    dev = project.agents[0]
    (before,) = builds(project).of(dev, BASE["amd64"])
    (dev.directory / "SKILL.md").write_text("Do more.\n")
    assert builds(project).of(dev, BASE["amd64"])[0].tag == before.tag
    (dev.directory / "data.txt").write_text("two")
    assert builds(project).of(dev, BASE["amd64"])[0].tag != before.tag


def test_a_dockerfile_without_a_builder_is_not_silently_left_out(project: Project) -> None:
    """Who could build it is said; in the sandbox, where to try it."""
    for cloud, said in ((CLOUD, "builder ="), (replace(CLOUD, endpoint="http://x"), "al run")):
        with pytest.raises(ConfigError, match="Dockerfile") as caught:
            Builds(services(project, cloud=cloud), project).of(project.agents[0], BASE["amd64"])
        assert said in caught.value.hint


def made_by(yard: Yard, project: Project, waves: Sequence[Sequence[Order]]) -> Mapping[str, str]:
    run = services(project, builder="codebuild")
    run.__dict__.update(registry=yard)
    object.__setattr__(run, "builder", lambda _: yard)
    return Builds(run, project).make(waves, lambda _: None)


def test_what_is_there_is_not_built_again(project: Project) -> None:
    """By its tag, in the registry itself: somebody may have deleted it."""
    waves, yard = builds(project).waves(project.agents, BASE), Yard()
    first = made_by(yard, project, waves)
    assert made_by(yard, project, waves) == first
    assert [len(wave) for wave in yard.made] == [2, 1]


def test_a_build_that_left_nothing_is_told(project: Project) -> None:
    """Else the next step would fail on something that nobody knows."""
    waves = builds(project).waves(project.agents, BASE)
    with pytest.raises(ConfigError, match="was built, and is not in"):
        made_by(Yard(lost=True), project, waves)


# in a plan


class Unasked:
    """A registry that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def images(project: Project) -> Images:
    run = services(project, builder="codebuild")
    run.__dict__.update(registry=Unasked())
    return Images(run, project, project.agents)


def recorded(found: Images) -> dict[str, Any]:
    """The facts of a push that did all of it."""
    bases = found.known_base({})
    assert bases
    repository = "al-shop-production/base"
    orders = [one for wave in found._builds.waves(found.agents, bases) for one in wave]
    facts: dict[str, Any] = {
        f"image/{repository}:{one.name}": {"tag": one.tag, "digest": "sha256:2"} for one in orders
    }
    for plan in found.planned({}, bases, ask=False).values():
        facts[f"image/{plan.repository}"] = {"tag": plan.tag, "digest": "sha256:3"}
    return facts


def test_a_plan_knows_what_is_due_and_asks_nobody(project: Project) -> None:
    """The base to be built, the gateway, and both agents; with all of it recorded, nothing."""
    plan, references = images(project).decided({})
    assert [change.item.name for change in plan.changes] == [
        "al-shop-production/base",
        "al-shop-production/gateway",
        "al-shop-production-dev",
        "al-shop-production-plain",
    ]
    assert references[GATEWAY] is None
    assert not images(project).decided(recorded(images(project)))[0].changes


def test_a_changed_dockerfile_is_one_build_and_one_image(project: Project) -> None:
    """The other agent stays as it is."""
    facts = recorded(images(project))
    (project.agents[0].directory / "Dockerfile").write_text("FROM al-agent\nENV B=2\n")
    plan, _ = images(project).decided(facts)
    assert [change.item.name for change in plan.changes] == [
        "al-shop-production/base",
        "al-shop-production-dev",
    ]


def test_an_image_goes_upon_what_was_built(project: Project) -> None:
    """By the tag of the order, which never moves; the other agent's upon the base."""
    found = images(project)
    bases = found.known_base({})
    assert bases
    plans = found.planned({}, bases, ask=False)
    (order,) = found._builds.of(project.agents[0], bases["amd64"])
    assert plans["dev"].base == f"{HOST}/al-shop-production/base:{order.tag}"
    assert plans["plain"].base == bases["amd64"][0]
    assert "/app/static/SKILL.md" in plans["dev"].files
    assert isinstance(plans["dev"].files["/app/static/SKILL.md"], LayerFile)


def test_a_push_says_beforehand_which_dockerfiles_nobody_would_build(project: Project) -> None:
    """In an account without a builder the agent's, and the project's when it adds something; with one all are built."""
    (own,) = (a for a in project.agents if a.name == "dev")
    (plain,) = (a for a in project.agents if a.name == "plain")
    own = replace(own, dockerfile=True)
    (project.directory / "Dockerfile").write_text("FROM al-agent\nENV A=1\n")
    alone = Builds(services(project, base="b"), project)
    files = [str(error).partition(": ")[0] for a in (own, plain) if (error := alone.unbuilt(a))]
    assert files == [
        str(own.directory / "Dockerfile"),
        str(project.directory / "Dockerfile"),
    ]
    able = Builds(services(project, base="b", builder="codebuild"), project)
    assert [able.unbuilt(agent) for agent in (own, plain)] == [None, None]


def test_a_rehearsal_tells_that_the_projects_dockerfile_is_left_out(project: Project) -> None:
    """The sandbox has no system to build upon; in an account it is built, and one that adds nothing is no loss."""
    rehearsal = replace(CLOUD, endpoint="http://x")
    shared = project.directory / "Dockerfile"
    shared.write_text("FROM al-agent\nENV A=1\n")
    said = Builds(services(project, cloud=rehearsal), project).left_out
    assert said is not None
    assert str(shared) in said
    assert Builds(services(project, builder="codebuild"), project).left_out is None
    shared.write_text("FROM al-agent\n")
    assert Builds(services(project, cloud=rehearsal), project).left_out is None


def test_a_dockerfile_that_is_no_text_is_refused_in_words(project: Project) -> None:
    shared = project.directory / "Dockerfile"
    shared.write_bytes(b"FROM al-agent\nENV A=\xff\n")
    with pytest.raises(ConfigError, match="Dockerfile is not UTF-8"):
        _ = Builds(services(project, cloud=replace(CLOUD, endpoint="http://x")), project).left_out
