"""Deciding on a teardown and carrying it out, with the real ledger, inventory and engine on moto."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from moto_tests import deployed, leaving
from moto_tests.answers import answer, refusal
from moto_tests.holding import Client, make
from moto_tests.leaving import BOTH, dies, left_in, services_of, torn_down
from moto_tests.picture import picture
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import ConfigError, Conflict
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.core.secrets import Secret
from toolkit.ops import deploy_lease, teardown
from toolkit.ops.push import PUSHED_AS
from toolkit.ops.pushed_facts import BEGUN
from toolkit.ops.teardown import local as teardown_local
from toolkit.ops.teardown import steps as teardown_steps


@pytest.fixture
def client(aws_context: Context) -> Client:
    return clients_for(cloud_of(aws_context.environment)).client


@pytest.fixture
def push(aws_context: Context, client: Client) -> Callable[[], None]:
    return partial(leaving.push, aws_context, client)


def test_an_environment_goes_whole(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Nothing of it is left, and the receipt names each thing once."""
    push()
    receipt = torn_down(aws_context)
    assert left_in(client) == set()
    assert receipt.verified_absent
    assert (receipt.failed, receipt.absent) == ([], ())
    named = [item.key for item in receipt.removed]
    assert len(named) == len(set(named)) == 21


def test_a_second_one_finds_nothing_and_is_fine(
    aws_context: Context, push: Callable[[], None]
) -> None:
    """Nothing is there, nothing is removed, and nobody need be asked."""
    push()
    torn_down(aws_context)
    again = teardown.decide(services_of(aws_context))
    assert not again.due
    assert torn_down(aws_context).to_dict()["removed"] == []


def test_the_engine_forgets_what_is_gone(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Its journal goes too, and what it is asked to make next is made."""
    push()
    torn_down(aws_context)
    assert not deployed.journal(aws_context).exists()
    deployed.apply(aws_context, deployed.items(aws_context, BOTH))
    assert ("role", aws_context.names.role("dev", "lambda")) in left_in(client)


def test_one_that_dies_again_and_again_gets_there(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Each attempt removes one thing and dies: wherever it stopped, the next goes on, until nothing is there.  Of what
    may be gone nothing is recorded meanwhile, so that a push in between would make it again."""
    push()
    attempts = 0
    while dies(aws_context):
        attempts += 1
        decided = teardown.decide(services_of(aws_context))
        assert set(decided.facts) <= {"project", BEGUN}
    assert left_in(client) == set()
    assert attempts == 20


@pytest.mark.parametrize("kind", ["table", "role", "secret", "repository", "function", "cluster"])
def test_it_works_when_things_are_gone_already(
    aws_context: Context, client: Client, push: Callable[[], None], kind: str
) -> None:
    """Somebody removed them by hand; where a push recorded them, the receipt says that they were gone."""
    push()
    services = services_of(aws_context)
    gone = [item for item in services.inventory.found().ours if item.kind == kind]
    for item in gone:
        services.inventory.remove(item)
    receipt = torn_down(aws_context)
    assert left_in(client) == set()
    recorded = {item.key for item in receipt.absent}
    assert recorded <= {item.key for item in gone}
    assert bool(recorded) is (kind != "table")


@pytest.mark.parametrize("gone", [("al:environment",), ("al:project", "al:environment")])
def test_what_has_only_some_of_the_tags_is_left_and_never_absent(
    aws_context: Context, client: Client, push: Callable[[], None], gone: tuple[str, ...]
) -> None:
    """It is there, and nothing proves whose it is."""
    push()
    role = aws_context.names.role("dev", "lambda")
    client("iam").untag_role(RoleName=role, TagKeys=list(gone))
    receipt = torn_down(aws_context)
    assert {key for key in left_in(client) if key[0] == "role"} == {("role", role)}
    assert role in {left.item.name for left in receipt.left}
    assert receipt.absent == ()


def test_what_was_given_to_another_environment_is_left_and_never_absent(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """A push recorded it as ours, so that it stays is said."""
    push()
    role = aws_context.names.role("dev", "lambda")
    client("iam").tag_role(RoleName=role, Tags=[{"Key": "al:environment", "Value": "other"}])
    receipt = torn_down(aws_context, "dev")
    assert role in {left.item.name for left in receipt.left}
    assert receipt.absent == ()


def test_a_table_of_a_stranger_s_is_neither_read_nor_held(
    aws_context: Context, client: Client
) -> None:
    """Ours is gone and somebody else has the name: what is ours goes, the table stays as it is."""
    names = aws_context.names
    make(client, "table", names.table, {})
    make(client, "role", names.role("dev", "task"), names.tags(agent="dev"))
    before = {k: v for k, v in picture(client).items() if k[0] == "table"}
    receipt = torn_down(aws_context)
    assert picture(client) == before
    assert [left.item.key for left in receipt.left] == [("table", names.table)]
    assert receipt.verified_absent


def test_it_waits_for_nobody_who_holds_the_environment(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """While somebody pushes, nothing is removed, and the error names them."""
    push()
    before, services = left_in(client), services_of(aws_context)
    decided = teardown.decide(services)
    with (
        deploy_lease.held(services.ledger, deploy_lease.holder()),
        pytest.raises(Conflict, match="pid"),
    ):
        teardown_steps.carry_out(decided, lambda _: None)
    assert left_in(client) == before


def test_what_was_decided_before_somebody_pushed_is_not_carried_out(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """The user agreed to another list."""
    push()
    services = services_of(aws_context)
    decided = teardown.decide(services)
    services.ledger.set_fact("gateway", {"url": "https://new", "healthy": True})
    before = left_in(client)
    with pytest.raises(Conflict, match="since this was decided"):
        teardown_steps.carry_out(decided, lambda _: None)
    assert left_in(client) == before


def test_what_resists_keeps_the_table_and_nothing_else(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Everything else goes; the error and its remedy are in the receipt; the next attempt finishes."""
    push()
    denied = refusal("AccessDeniedException", "not authorized to perform: ecr:DeleteRepository")
    answer(client("ecr"), "DeleteRepository", *[denied] * 4)
    receipt = torn_down(aws_context)
    assert {kind for kind, _ in left_in(client)} == {"repository", "table"}
    assert {failure.item.kind for failure in receipt.failed} == {"repository", "table"}
    assert "ecr:DeleteRepository" in receipt.failed[0].message
    assert receipt.verified_absent is None
    assert torn_down(aws_context).verified_absent
    assert left_in(client) == set()


def test_roles_wait_for_the_security_group_that_lambda_leaves_as_them(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Without its role Lambda could not take a function's network interfaces away
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html)."""
    push()
    names = aws_context.names
    make(client, "security_group", names.security_group("functions"), names.tags())
    denied = refusal("UnauthorizedOperation", "not now")
    answer(client("ec2"), "DeleteSecurityGroup", denied)
    torn_down(aws_context)
    assert {kind for kind, _ in left_in(client)} == {"security_group", "role", "table"}
    torn_down(aws_context)
    assert left_in(client) == set()


def test_a_log_group_that_a_last_run_makes_again_goes_as_well(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """A function that was still ending writes once more, and Lambda makes the group without tags; the second look finds
    it by the agent's name (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html)."""
    push()
    services, name = services_of(aws_context), aws_context.names.lambda_log_group("dev")
    decided = teardown.decide(services)

    def progress(text: str) -> None:
        if text == f"removed table {aws_context.names.table}":
            client("logs").create_log_group(logGroupName=name)

    receipt = teardown_steps.carry_out(decided, progress, sleep=lambda _: None)
    assert left_in(client) == set()
    assert receipt.verified_absent


def test_this_machine_s_own_files_go_last(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """The checkout's word that it was pushed there, and the copy of the gateway's key; other environments' stay."""
    push()
    services = services_of(aws_context)
    place = aws_context.project / PUSHED_AS
    place.parent.mkdir(parents=True)
    place.write_text('{"staging": "shop", "production": "shop"}')
    for key in ("gateway_api_key/shop.staging/key", "gateway_api_key/shop.production/key"):
        services.local_store.put(key, Secret("k"), tags={})
    torn_down(aws_context)
    assert place.read_text() == '{"production": "shop"}'
    assert [s.name for s in services.local_store.list("")] == [
        "gateway_api_key/shop.production/key"
    ]
    assert teardown_local.found(services) == ()


def test_a_renamed_project_is_asked_for_its_name(aws_context: Context) -> None:
    """What is there is under the old name; under the new one nothing would be found."""
    place = aws_context.project / PUSHED_AS
    place.parent.mkdir(parents=True)
    place.write_text('{"staging": "store"}')
    with pytest.raises(ConfigError, match="'store', and it is now called 'shop'"):
        teardown.decide(services_of(aws_context))


def test_what_is_the_user_s_own_is_said_to_stay(aws_context: Context) -> None:
    """A cluster, roles and groups that the environment's file names were never ours."""
    cloud = replace(
        cloud_of(aws_context.environment), cluster="mine", task_role="their-role",
        security_groups=("sg-1",), permission_boundary="arn:aws:iam::123456789012:policy/edge",
    )  # fmt: skip
    context = replace(aws_context, environment=replace(aws_context.environment, cloud=cloud))
    decided = teardown.decide(services_of(context))
    assert {(left.item.kind, left.item.name) for left in decided.left} == {
        ("cluster", "mine"), ("role", "their-role"), ("security_group", "sg-1"),
        ("policy", "arn:aws:iam::123456789012:policy/edge"),
    }  # fmt: skip


def test_runs_are_asked_to_stop(
    aws_context: Context, client: Client, push: Callable[[], None]
) -> None:
    """Nothing can end an invocation of Lambda from outside: its stop flag is up before its function goes."""
    push()
    services = services_of(aws_context)
    services.ledger.add(leaving.run_of("dev-1a2b3c4d"))
    seen: set[bool] = set()

    def progress(text: str) -> None:
        if text.startswith("removed function"):
            seen.add(services.ledger.mailbox(RunId("dev-1a2b3c4d")).stop)

    decided, clock = teardown.decide(services), count(0, 20).__next__
    teardown_steps.carry_out(decided, progress, sleep=lambda _: None, clock=clock)
    assert seen == {True}
