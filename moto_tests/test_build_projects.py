"""The project in CodeBuild, as teardown finds and removes it; the API is moto's."""

from pathlib import Path
from typing import Any

import pytest

from infra.inventory.account import Account
from infra.inventory.aws import AwsInventory
from infra.inventory.build_projects import BuildProjects
from moto_tests.given import REGION
from toolkit.clouds.aws import clients_for
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.ports import Context

NAMES = Names(Scope(project="shop", environment="builds"))


@pytest.fixture
def service(aws_cloud: AwsCloud) -> Any:
    return clients_for(aws_cloud).client("codebuild")


@pytest.fixture
def projects(aws_cloud: AwsCloud) -> BuildProjects:
    return BuildProjects(Account(clients=clients_for(aws_cloud), names=NAMES, sleep=lambda _: None))


def make(service: Any, tags: dict[str, str]) -> None:
    service.create_project(
        name=NAMES.build_project,
        # moto wants a location for every source
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2", "location": "none"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "i",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=f"arn:aws:iam::123456789012:role/{REGION}",
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )


def test_ours_is_found_and_removed(service: Any, projects: BuildProjects) -> None:
    """And once it is gone there is none; removing it again is no error."""
    make(service, NAMES.tags())
    (item,) = projects.observe()
    assert (item.kind, item.name, item.tags) == ("build_project", NAMES.build_project, NAMES.tags())
    projects.remove(item)
    projects.remove(item)
    assert list(projects.observe()) == []


def test_a_strangers_is_left(service: Any, projects: BuildProjects) -> None:
    """It has the name, and not our tags."""
    make(service, {})
    with pytest.raises(Conflict):
        projects.remove(Item(kind="build_project", name=NAMES.build_project, tags=NAMES.tags()))
    service.delete_project(name=NAMES.build_project)


@pytest.mark.parametrize(("builder", "kinds"), [("codebuild", 1), ("docker", 0)])
def test_who_never_named_it_needs_no_right_to_look(
    aws_cloud: AwsCloud, tmp_path: Path, builder: str, kinds: int
) -> None:
    """The inventory asks CodeBuild only where it builds."""
    environment = Environment(
        name="builds", scope=NAMES.scope, cloud=aws_cloud, images={"builder": builder}
    )
    found = AwsInventory(Context(environment=environment, home=tmp_path, project=tmp_path))
    assert [noun.kind for noun in found._nouns].count("build_project") == kinds
