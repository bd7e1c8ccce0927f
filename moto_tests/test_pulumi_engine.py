"""The real Pulumi engine and its AWS provider, on moto's AWS and a state in a directory.

It needs the Pulumi CLI and the provider's plug-in, which pulumi.com hands out; where they cannot be had these tests are
skipped, and say why.  They have never run so far: what they claim is what we expect of Pulumi.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from infra import workspace
from infra.diagnosis import Diagnosis
from infra.provider_aws import AwsProvider
from infra.pulumi_cli import PulumiCli
from infra.pulumi_process import Cli
from infra.secrets_provider import NOTHING
from infra.stack import Stack
from moto_tests.pulumi_double import settings
from tests.infra.scenes import items
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import AlError
from toolkit.core.plan import ADOPTED, Action, Item, Plan
from toolkit.core.ports import Context

pytestmark = [pytest.mark.needs_pulumi_cli]
ROLE = "al-shop-staging-dev-lambda-role"


@pytest.fixture
def context(aws_context: Context, tmp_path: Path) -> Context:
    """The environment, with a state in a directory; skipped with the reason where Pulumi is not to be had."""
    (tmp_path / "state").mkdir()
    chosen = settings(aws_context, backend=str(tmp_path / "state"))
    try:
        _fetch(chosen, PulumiCli(chosen).command())
    except AlError as error:
        pytest.skip(f"the real Pulumi is not here: {error.message}")
    return chosen


def _fetch(context: Context, cli: Cli) -> None:
    """The provider's plug-in, downloaded when it is not there."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    scope, provider = context.environment.scope, AwsProvider(context)
    with (
        TemporaryDirectory() as place,
        workspace.opened(
            cli, scope, provider, backend=Path(place).as_uri(), protection=NOTHING, create=True
        ) as stack,
    ):
        workspace.fetch_provider(stack, home, Diagnosis(), provider)


@pytest.fixture
def desired(context: Context) -> Sequence[Item]:
    """Two agents' infrastructure, before there is an image for the gateway."""
    return items(context.environment, gateway=None, networks=())


@pytest.fixture
def pushed(context: Context, desired: Sequence[Item]) -> Iterator[list[str]]:
    """It has been applied; what was told."""
    told: list[str] = []
    Stack(context).apply(desired, progress=told.append)
    yield told
    Stack(context).apply([], progress=lambda _: None)


def iam(context: Context) -> Any:
    return clients_for(cloud_of(context.environment)).client("iam")


def roles(context: Context) -> set[str]:
    return {role["RoleName"] for role in iam(context).list_roles()["Roles"]}


def wholes(desired: Sequence[Item]) -> set[tuple[str, str]]:
    return {item.key for item in desired}


def test_a_preview_announces_everything_and_makes_nothing(
    context: Context, desired: Sequence[Item]
) -> None:
    """Pulumi's own words for it become our plan."""
    plan = Stack(context).preview(desired)
    assert {c.action for c in plan.changes} == {Action.CREATE}
    assert wholes(desired) <= {c.item.key for c in plan.changes}
    assert roles(context) == set()


def test_applying_makes_what_is_desired_and_tells_of_it(
    context: Context, desired: Sequence[Item], pushed: list[str]
) -> None:
    """With our names, our tags and the one inline policy."""
    assert roles(context) == {item.name for item in desired if item.kind == "role"}
    tags = iam(context).list_role_tags(RoleName=ROLE)["Tags"]
    assert {t["Key"]: t["Value"] for t in tags}.items() >= context.names.tags().items()
    assert iam(context).list_role_policies(RoleName=ROLE)["PolicyNames"] == ["grants"]
    assert f"created role {ROLE}" in pushed


def test_applied_again_there_is_nothing_to_do(
    context: Context, desired: Sequence[Item], pushed: list[str]
) -> None:
    """An input that AWS gives back differently would be a change for ever."""
    assert Stack(context).preview(desired) == Plan()
    told: list[str] = []
    Stack(context).apply(desired, progress=told.append)
    assert told == []


def test_what_somebody_changed_is_changed_back(
    context: Context, desired: Sequence[Item], pushed: list[str]
) -> None:
    """The account is read before the program is compared with it."""
    iam(context).delete_role_policy(RoleName=ROLE, PolicyName="grants")
    Stack(context).apply(desired, progress=lambda _: None)
    assert iam(context).list_role_policies(RoleName=ROLE)["PolicyNames"] == ["grants"]


def test_with_a_lost_state_everything_is_taken_over(
    context: Context, desired: Sequence[Item], pushed: list[str], tmp_path: Path
) -> None:
    """Imported and brought up to date in one run, and nothing is made twice."""
    (tmp_path / "another").mkdir()
    lost = settings(context, backend=str(tmp_path / "another"))
    plan = Stack(lost).preview(desired)
    adopted = {c.item.key for c in plan.changes if c.reason == ADOPTED}
    assert wholes(desired) <= adopted
    Stack(lost).apply(desired, progress=lambda _: None)
    assert Stack(lost).preview(desired) == Plan()


def test_wanting_nothing_leaves_nothing_and_may_be_repeated(
    context: Context, desired: Sequence[Item]
) -> None:
    """Also when something is gone already."""
    Stack(context).apply(desired, progress=lambda _: None)
    iam(context).delete_role_policy(RoleName=ROLE, PolicyName="grants")
    iam(context).delete_role(RoleName=ROLE)
    Stack(context).apply([], progress=lambda _: None)
    Stack(context).apply([], progress=lambda _: None)
    assert roles(context) == set()
