"""What the Pulumi program tells the engine beside inputs: import ids, and the provider's version."""

from typing import Any

import pytest

from infra import versions
from infra.adoption import PERMISSION, URL, WHOLES, whole
from tests.infra.rendering import Registered, rendered
from tests.infra.scenes import items

ROLE = "al-shop-production-dev-lambda-role"
Keys = set[tuple[str, str]]


@pytest.fixture(scope="module")
def registered() -> list[Registered]:
    return rendered(items())


@pytest.fixture(scope="module")
def seen(registered: list[Registered]) -> Keys:
    return {(r.type, r.name) for r in registered}


def test_the_provider_is_the_one_of_the_installed_package(registered: list[Registered]) -> None:
    """Pulumi downloads the version that the program names, whatever newer one there is."""
    ours = [r for r in registered if r.type.startswith("aws:")]
    assert ours
    assert {r.version for r in ours} == {versions.provider()}


def test_what_is_adopted_gets_its_import_id_and_nothing_else_does() -> None:
    """Components know nothing of it: the option is given to the resource of that type and name."""
    found = rendered(items(), {(WHOLES["role"], ROLE): ROLE})
    assert {(r.type, r.name): r.import_id for r in found if r.import_id} == {
        (WHOLES["role"], ROLE): ROLE
    }


def test_an_adopted_resource_keeps_its_parent_and_its_inputs(registered: list[Registered]) -> None:
    """Its place in the tree is a part of its identity: without it Pulumi would make it again later."""
    adopted = rendered(items(), {(WHOLES["role"], ROLE): ROLE})
    assert by_key(adopted) == by_key(registered)


def by_key(found: list[Registered]) -> dict[tuple[str, str], Any]:
    """What does not wait for another registers in any order."""
    return {(r.type, r.name): r.inputs for r in found}


def test_everything_that_can_be_adopted_is_registered_under_that_key(seen: Keys) -> None:
    """The names that adoption looks for are those that the program gives."""
    adoptable = [item for item in items() if item.kind in WHOLES]
    assert {item.kind for item in adoptable} == set(WHOLES)
    assert {whole(item) for item in adoptable} <= seen
    gateway = "al-shop-production--gateway"
    parts = {
        (URL, gateway),
        *(
            (PERMISSION, f"{gateway}-{sid}")
            for sid in ("al-url", "al-url-invoke", "al-timer", "al-ends")
        ),
    }
    assert parts <= seen


def test_every_resource_is_adopted_overwritten_or_grouping(seen: Keys) -> None:
    """A type whose creation fails when it is there, and that adoption does not know, would stop a second push."""
    overwritten = {
        "aws:iam/rolePolicy:RolePolicy",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    }
    known = {*WHOLES.values(), URL, PERMISSION, *overwritten}
    assert {token for token, _ in seen if not token.startswith(("al:", "pulumi:"))} <= known
