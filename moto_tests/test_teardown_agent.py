"""Tearing down one agent: what only it has goes, what others need stays, and a push knows what is missing."""

from collections.abc import Callable
from functools import partial

import pytest

from moto_tests import deployed, leaving
from moto_tests.holding import Client
from moto_tests.leaving import (
    BOTH,
    TOKEN,
    dies,
    left_in,
    needing,
    project_of,
    services_of,
    torn_down,
)
from moto_tests.picture import picture
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import UsageError
from toolkit.core.ports import Context
from toolkit.ops import infrastructure, teardown
from toolkit.ops.push import read_facts
from toolkit.ops.pushed_facts import BEGUN


@pytest.fixture
def client(aws_context: Context) -> Client:
    return clients_for(cloud_of(aws_context.environment)).client


@pytest.fixture
def push(aws_context: Context, client: Client) -> Callable[[], None]:
    return partial(leaving.push, aws_context, client)


def test_one_agent_goes_and_the_others_stay(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """What carries its name goes; what is shared, and what the other has, is as it was."""
    push()
    before = picture(client)
    receipt = torn_down(aws_context, "dev")
    after = left_in(client)
    gone = {("function", "al-shop-staging-dev"), ("log_group", "/aws/lambda/al-shop-staging-dev"),
            ("repository", "al-shop-staging-dev"), ("role", "al-shop-staging-dev-lambda-role")}  # fmt: skip
    assert {key for key in before if "lender" not in key[1]} - after == gone
    assert {item.key for item in receipt.removed} == gone
    assert receipt.verified_absent
    assert {left.item.name: left.why for left in receipt.left} == {
        f"{aws_context.names.secrets}{TOKEN}": "agent long uses it, too"
    }


def test_a_role_with_another_s_tag_stays_with_the_agent_of_its_name(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Somebody changed the tag of `dev`'s: tearing down `other`, which owns nothing else, must not take it."""
    push()
    role = aws_context.names.role("dev", "lambda")
    client("iam").tag_role(RoleName=role, Tags=[{"Key": "al:agent", "Value": "other"}])
    receipt = torn_down(aws_context, "other")
    assert ("role", role) in left_in(client)
    assert receipt.removed == []
    why = "its name is that of agent dev, and its tag al:agent says 'other'"
    assert [(left.item.name, left.why) for left in receipt.left] == [(role, why)]


def test_another_s_thing_stays_while_the_rest_of_an_agent_goes(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Also when it is looked for again after the removals."""
    push()
    role = aws_context.names.role("dev", "lambda")
    client("iam").tag_role(RoleName=role, Tags=[{"Key": "al:agent", "Value": "long"}])
    receipt = torn_down(aws_context, "long")
    assert ("role", role) in left_in(client)
    assert {item.kind for item in receipt.removed} >= {"role", "task_definition"}
    assert role in {left.item.name for left in receipt.left}


def test_a_credential_goes_with_the_last_agent_that_uses_it(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Both are gone, and so is what only they needed; its recorded fingerprint with it."""
    push()
    torn_down(aws_context, "dev")
    torn_down(aws_context, "long")
    facts = read_facts(services_of(aws_context))
    assert ("secret", f"{aws_context.names.secrets}{TOKEN}") not in left_in(client)
    assert ("secret", f"{aws_context.names.secrets}fingerprint-key") in left_in(client)
    assert [key for key in facts if key.startswith(("definition/", "credential/", BEGUN))] == []


def test_a_credential_that_the_project_wants_for_another_agent_stays(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Also when that agent has not been pushed yet."""
    push()
    torn_down(aws_context, "dev")
    receipt = torn_down(aws_context, "long", project_of(needing("new"), needing("long")))
    assert ("secret", f"{aws_context.names.secrets}{TOKEN}") in left_in(client)
    assert "of the project that needs github_token" in receipt.left[0].why
    assert "long is still in the project" in receipt.notes[0]


def test_one_agent_s_interrupted_teardown_still_knows_its_credentials(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Its definition is forgotten first, and what it used is kept until the end."""
    push()
    torn_down(aws_context, "long")
    while dies(aws_context, "dev"):
        pass
    assert not [name for kind, name in left_in(client) if "dev" in name or TOKEN in name]


def test_after_one_agent_s_teardown_a_push_sees_what_is_missing(
    aws_context: Context, push: Callable[[], None]
) -> None:
    """What was applied is recorded without it, so that nothing is believed to be there."""
    push()
    torn_down(aws_context, "dev")
    facts = read_facts(services_of(aws_context))
    wanted = deployed.items(aws_context, BOTH)
    assert {c.item.key for c in infrastructure.plan(facts, wanted).changes} == {
        ("log_group", "/aws/lambda/al-shop-staging-dev"),
        ("repository", "al-shop-staging-dev"),
        ("role", "al-shop-staging-dev-lambda-role"),
    }


def test_an_agent_that_nobody_knows_is_wrong_use(
    aws_context: Context, push: Callable[[], None]
) -> None:
    """A slip of the pen must not look like success; the known ones are named."""
    push()
    with pytest.raises(UsageError) as raised:
        teardown.decide(services_of(aws_context), "devv")
    assert raised.value.hint == "known agents: dev, long"


def test_an_agent_that_is_in_the_project_and_not_pushed_has_nothing(
    aws_context: Context, push: Callable[[], None]
) -> None:
    """Nothing to do is no error."""
    push()
    assert not teardown.decide(services_of(aws_context, project_of(needing("new"))), "new").due
