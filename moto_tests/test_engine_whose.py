"""The sandbox's engine keeps to what is ours: in what it announces, and while it works."""

from typing import Any

import pytest

from moto_tests.deployed import apply, client, items, journal, overtaken_after, roles
from toolkit.core.errors import Conflict
from toolkit.core.plan import ADOPTED, Action
from toolkit.core.ports import Context
from toolkit.sandbox.engine import Engine

REPOSITORY = "al-shop-staging-dev"


def test_a_preview_says_what_is_taken_over(aws_context: Context) -> None:
    """A record that was lost: everything is there and ours, and nothing will be made."""
    apply(aws_context, items(aws_context))
    journal(aws_context).unlink()
    plan = Engine(aws_context).preview(items(aws_context))
    adopted = {c.item.name for c in plan.changes if c.reason == ADOPTED}
    assert {REPOSITORY, *roles(aws_context)} <= adopted
    assert {c.action for c in plan.changes if c.reason == ADOPTED} == {Action.UPDATE}


def test_a_preview_refuses_what_is_somebody_elses(aws_context: Context) -> None:
    """In the words in which the push would."""
    client(aws_context, "ecr").create_repository(repositoryName=REPOSITORY)
    with pytest.raises(
        Conflict, match=f"repository {REPOSITORY} is there, but not of shop/staging"
    ):
        Engine(aws_context).preview(items(aws_context))


def test_what_is_lost_in_the_middle_goes_no_further(aws_context: Context) -> None:
    """The environment was taken over meanwhile: the step under way is ended and kept, and none begins."""
    told: list[str] = []
    with pytest.raises(Conflict, match="overtaken"):
        Engine(aws_context).apply(
            items(aws_context), progress=told.append, check=overtaken_after(told, 3)
        )
    assert len(told) == 3
    assert len(journal(aws_context).read_text().splitlines()) == 3
    apply(aws_context, items(aws_context))
    assert len(roles(aws_context)) == 4


def test_removals_are_given_up_too(aws_context: Context) -> None:
    """Above all those."""
    apply(aws_context, items(aws_context))
    told: list[str] = []
    with pytest.raises(Conflict, match="overtaken"):
        Engine(aws_context).apply([], progress=told.append, check=overtaken_after(told, 1))
    assert len(told) == 1


def test_everything_foreign_is_refused_at_once_and_before_anything(aws_context: Context) -> None:
    """A role of ours was removed, and somebody made another of that name: remembered or not, it is theirs."""
    apply(aws_context, items(aws_context))
    iam, (role, *_) = client(aws_context, "iam"), roles(aws_context)
    iam.delete_role_policy(RoleName=role, PolicyName="grants")
    iam.delete_role(RoleName=role)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    ecr = client(aws_context, "ecr")
    ecr.untag_resource(resourceArn=arn_of(ecr), tagKeys=["al:project"])
    iam.delete_role_policy(RoleName=roles(aws_context)[-1], PolicyName="grants")
    with pytest.raises(Conflict, match="are there, but not of shop/staging") as refused:
        apply(aws_context, items(aws_context))
    assert f"role {role}" in refused.value.message
    assert f"repository {REPOSITORY}" in refused.value.message
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
    assert iam.list_role_policies(RoleName=roles(aws_context)[-1])["PolicyNames"] == []


def arn_of(ecr: Any) -> str:
    (found,) = ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
    return str(found["repositoryArn"])
