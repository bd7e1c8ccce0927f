"""Builds in CodeBuild: what it is told, what is heard of it, and that nothing goes on there without us."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.images.build_service import BuildService
from tests.images.served import HOST, Served, sandbox_registry, served
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import AlError, Conflict
from toolkit.core.names import BASE, Names
from toolkit.core.ports import Context, LayerFile
from toolkit.images.builders.codebuild import BUILDSPEC, PLUGIN, CodeBuild
from toolkit.images.order import Order, carried, order

SCOPE = Scope(project="shop", environment="production")
REPOSITORY = Names(SCOPE).repository(BASE)
ONE = order("dev", REPOSITORY, "FROM x\n", {"data.txt": LayerFile(b"brought along")})
ARM = order("arm", REPOSITORY, "FROM x\n", {}, architecture="arm64")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Served]:
    with sandbox_registry(tmp_path / "registry", repositories=(REPOSITORY,)) as made:
        yield made


@pytest.fixture
def service() -> BuildService:
    return BuildService([("IN_PROGRESS", ["Step 1"]), ("SUCCEEDED", ["Step 2"])])


@pytest.fixture
def builder(registry: Served, service: BuildService, tmp_path: Path) -> Iterator[CodeBuild]:
    with served(service) as url:
        cloud = AwsCloud(
            region="eu-west-1", account="123456789012", endpoint=url, registry=registry.url
        )
        environment = Environment(name="production", scope=SCOPE, cloud=cloud)
        context, clock = (
            Context(environment=environment, home=tmp_path, project=tmp_path),
            FakeClock(),
        )
        # an hour passes in some twenty looks
        made = PLUGIN(context, sleep=lambda s: clock.sleep(s * 100), clock=clock.monotonic)
        yield made
        made._registry.home.close()


def variables(service: BuildService, build: int = 0) -> dict[str, str]:
    asked = list(service.builds.values())[build]["asked"]
    return {one["name"]: one["value"] for one in asked["environmentVariablesOverride"]}


def test_a_build_is_told_where_all_is_and_nothing_secret(
    builder: CodeBuild, service: BuildService, registry: Served
) -> None:
    """The context is an image of the registry; target and platform are variables; the login is the role's own."""
    builder.make([ONE], lambda _: None)
    place, (tag, _) = f"{HOST}/{REPOSITORY}", carried(ONE)
    assert variables(service) == {
        "AL_CONTEXT": f"{place}:{tag}",
        "AL_PLATFORM": "linux/amd64",
        "AL_REGISTRY": HOST,
        "AL_TARGET": f"{place}:{ONE.tag}",
    }
    assert registry.registry.digest(REPOSITORY, tag)
    assert "get-login-password" in BUILDSPEC


def test_the_log_is_heard_while_it_is_built(builder: CodeBuild) -> None:
    """Line by line, once each, with whose it is."""
    said: list[str] = []
    builder.make([ONE], said.append)
    assert said == ["building dev", "dev: Step 1", "dev: Step 2"]


def test_a_failed_build_says_how_it_ended_and_the_others_are_stopped(
    builder: CodeBuild, service: BuildService
) -> None:
    """The phase, the log's last lines, and where all of it is."""
    service.steps = [("IN_PROGRESS", []), ("FAILED", ["no such file"])]
    with pytest.raises(
        AlError, match=r"dev could not be built \(BUILD: exit 1\):\nno such file"
    ) as caught:
        builder.make([ONE, ARM], lambda _: None)
    assert "https://console" in caught.value.hint
    assert [build.partition(":")[2] for build in service.stopped] == ["1"]


def test_who_goes_away_leaves_nothing_going_on(builder: CodeBuild, service: BuildService) -> None:
    """Ctrl-C stops the builds: somebody pays for them."""
    service.steps = [("IN_PROGRESS", ["Step 1"])]

    def interrupted(line: str) -> None:
        if "Step" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builder.make([ONE], interrupted)
    assert list(service.builds) == service.stopped


def test_a_build_without_end_is_given_up(builder: CodeBuild, service: BuildService) -> None:
    """And stopped, after an hour and more."""
    service.steps = [("IN_PROGRESS", [])]
    with pytest.raises(AlError, match="longer than 75 minutes"):
        builder.make([ONE], lambda _: None)
    assert service.stopped


def test_an_arm_image_is_built_on_arm(builder: CodeBuild, service: BuildService) -> None:
    """Emulated it would take an hour."""
    builder.make([ARM], lambda _: None)
    (build,) = service.builds.values()
    assert build["asked"]["environmentTypeOverride"] == "ARM_CONTAINER"
    assert variables(service)["AL_PLATFORM"] == "linux/arm64"


def test_the_project_is_made_once_and_changed_when_it_differs(
    builder: CodeBuild, service: BuildService
) -> None:
    """With our tags, our role, and the limits of ours."""
    builder.make([ONE], lambda _: None)
    builder.make([ONE], lambda _: None)
    (project,) = service.projects.values()
    assert (
        project["serviceRole"]
        == "arn:aws:iam::123456789012:role/al-shop-production--build-build-role"
    )
    assert service.calls.count("CreateProject") == 1
    project["timeoutInMinutes"] = 5
    builder.make([ONE], lambda _: None)
    assert service.calls.count("UpdateProject") == 1


def test_a_strangers_project_is_not_touched(builder: CodeBuild, service: BuildService) -> None:
    """It has the name, and not our tags."""
    name = Names(SCOPE).build_project
    service.projects[name] = {"name": name, "tags": []}
    with pytest.raises(Conflict, match="is not ours"):
        builder.make([ONE], lambda _: None)
    assert not service.builds


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, dockerfile="FROM y\n"),
        lambda one: replace(one, context={"data.txt": LayerFile(b"other")}),
        lambda one: replace(one, context={"data.txt": LayerFile(b"brought along", 0o755)}),
        lambda one: replace(one, architecture="arm64"),
    ],
)
def test_an_order_is_named_by_all_that_goes_in(change: Callable[[Order], Order]) -> None:
    """Another Dockerfile, file, mode or machine is another image."""
    other = change(ONE)
    again = order(
        other.name, REPOSITORY, other.dockerfile, other.context, architecture=other.architecture
    )
    assert again.tag != ONE.tag
    assert order("dev", REPOSITORY, ONE.dockerfile, ONE.context).tag == ONE.tag


def test_the_buildspec_is_what_codebuild_reads() -> None:
    """Version 0.2, and two phases with commands."""
    spec = json.loads(BUILDSPEC)
    assert (spec["version"], sorted(spec["phases"])) == (0.2, ["build", "pre_build"])
