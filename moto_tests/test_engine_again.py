"""The sandbox's engine keeps what it made in step: again, changed, interrupted, removed."""

import json
from dataclasses import replace

import httpx
import pytest

from moto_tests.deployed import (
    GATEWAY,
    ON_FARGATE,
    ON_LAMBDA,
    TWO,
    Count,
    apply,
    client,
    items,
    journal,
    overtaken_after,
    repositories,
    roles,
    writes,
)
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import Conflict
from toolkit.core.plan import Action
from toolkit.core.ports import Context
from toolkit.sandbox.engine import Engine


def test_applying_again_writes_nothing(aws_context: Context, counted: Count) -> None:
    """A second push of the same project costs a few reads."""
    first, _ = apply(aws_context, items(aws_context))
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    second, lines = apply(aws_context, items(aws_context))
    assert (writes(calls), lines) == ([], [])
    assert second == first


def test_one_attribute_changes_one_thing(aws_context: Context, counted: Count) -> None:
    """Only what differs is written."""
    apply(aws_context, items(aws_context))
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    _, lines = apply(aws_context, items(aws_context, digit="1"))
    assert lines == ["updated function al-shop-staging--gateway"]
    assert {c.partition(".")[0] for c in writes(calls)} == {"lambda"}
    code = client(aws_context, "lambda").get_function(FunctionName="al-shop-staging--gateway")
    assert code["Code"]["ImageUri"] == GATEWAY + "1" * 64


def test_a_changed_retention_is_set_in_every_group(aws_context: Context) -> None:
    """An environment's setting reaches what is there already."""
    apply(aws_context, items(aws_context))
    longer = replace(
        aws_context, environment=replace(aws_context.environment, log_retention_days=60)
    )
    _, lines = apply(longer, items(longer))
    groups = client(aws_context, "logs").describe_log_groups()["logGroups"]
    assert {g["retentionInDays"] for g in groups} == {60}
    assert len(lines) == 3


def test_an_agent_that_is_gone_leaves_nothing(aws_context: Context) -> None:
    """Its repository, roles and log group go; the others' stay."""
    apply(aws_context, items(aws_context))
    _, lines = apply(aws_context, items(aws_context, {"dev": ON_LAMBDA}))
    assert "al-shop-staging-long" not in repositories(aws_context)
    assert [name for name in roles(aws_context) if "long" in name] == []
    assert "al-shop-staging-dev-lambda-role" in roles(aws_context)
    # it may start one agent less, and nobody can call another any more
    gateways = [line for line in lines if "--gateway" in line or "--timer" in line]
    assert {line.split()[0] for line in lines if line not in gateways} == {"deleted"}
    assert {line.split()[0] for line in gateways} == {"updated"}


def test_a_role_is_emptied_before_it_goes(aws_context: Context) -> None:
    """IAM refuses to delete a role that has policies, also one that a user has added
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html)."""
    apply(aws_context, items(aws_context))
    client(aws_context, "iam").put_role_policy(
        RoleName="al-shop-staging-long-task-role",
        PolicyName="added",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
            }
        ),
    )
    apply(aws_context, items(aws_context, {"dev": ON_LAMBDA}))
    assert "al-shop-staging-long-task-role" not in roles(aws_context)


def test_an_agent_that_grows_moves_to_fargate(aws_context: Context) -> None:
    """A longer timeout is another runtime: other roles, and no leftovers of the old ones."""
    apply(aws_context, items(aws_context, {"dev": ON_LAMBDA}))
    apply(aws_context, items(aws_context, {"dev": ON_FARGATE}))
    assert [name for name in roles(aws_context) if "-dev-" in name] == [
        "al-shop-staging-dev-execution-role",
        "al-shop-staging-dev-task-role",
    ]


def test_a_failure_in_the_middle_is_finished_by_the_next_call(aws_context: Context) -> None:
    """What was made is remembered, and is not made again."""
    told: list[str] = []
    with pytest.raises(Conflict):
        Engine(aws_context).apply(
            items(aws_context), progress=told.append, check=overtaken_after(told, 3)
        )
    _, lines = apply(aws_context, items(aws_context))
    assert len(told) == 3
    assert not {*told} & {*lines}
    assert "al-shop-staging-long-task-role" in roles(aws_context)


def test_a_run_that_lost_its_memory_adopts_what_is_ours(aws_context: Context) -> None:
    """Killed before it could write, or on another machine: tags say whose it is."""
    first, _ = apply(aws_context, items(aws_context))
    journal(aws_context).unlink()
    second, _ = apply(aws_context, items(aws_context))
    assert second == first
    apply(aws_context, items(aws_context, {"dev": ON_LAMBDA}))
    assert [name for name in roles(aws_context) if "long" in name] == []


def test_a_permission_that_is_there_is_not_added_twice(aws_context: Context) -> None:
    """AddPermission refuses a statement id that is taken
    (https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html)."""
    apply(aws_context, items(aws_context))
    journal(aws_context).unlink()
    apply(aws_context, items(aws_context))
    policy = client(aws_context, "lambda").get_policy(FunctionName="al-shop-staging--gateway")
    ids = [s["Sid"] for s in json.loads(policy["Policy"])["Statement"]]
    assert sorted(ids) == ["al-ends", "al-timer", "al-url", "al-url-invoke"]


def test_a_functions_log_group_goes_after_it(aws_context: Context, counted: Count) -> None:
    """A function that is still finishing makes its group again, without retention
    (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html)."""
    apply(aws_context, items(aws_context))
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    Engine(aws_context).apply([], progress=lambda _: None)
    assert calls.index("lambda.DeleteFunction") < calls.index("logs.DeleteLogGroup")


def test_a_line_that_was_cut_off_is_not_believed(aws_context: Context) -> None:
    """kill -9 in the middle of a write."""
    first, _ = apply(aws_context, items(aws_context))
    text = journal(aws_context).read_text()
    journal(aws_context).write_text(text[:-20])
    second, _ = apply(aws_context, items(aws_context))
    assert second == first
    assert journal(aws_context).read_text() == text


def test_a_journal_with_lines_after_a_cut_is_read_on(aws_context: Context) -> None:
    """The next run appends to what was cut off; neither line may make the journal unreadable."""
    apply(aws_context, items(aws_context))
    text = journal(aws_context).read_text()
    journal(aws_context).write_text(text[:-20])
    iam = client(aws_context, "iam")
    iam.delete_role_policy(RoleName="al-shop-staging-dev-lambda-role", PolicyName="grants")
    iam.delete_role(RoleName="al-shop-staging-dev-lambda-role")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName="al-shop-staging-zoe-lambda-role", AssumeRolePolicyDocument=trust)
    with pytest.raises(Conflict):
        apply(aws_context, items(aws_context, {**TWO, "zoe": ON_LAMBDA}))
    iam.delete_role(RoleName="al-shop-staging-zoe-lambda-role")
    apply(aws_context, items(aws_context, {**TWO, "zoe": ON_LAMBDA}))
    assert "al-shop-staging-zoe-lambda-role" in roles(aws_context)


def test_a_sandbox_that_lost_its_contents_is_filled_again(
    aws_context: Context, aws_endpoint: str
) -> None:
    """Its contents are gone when it stops; what the engine remembers is then not true any more."""
    apply(aws_context, items(aws_context))
    httpx.post(f"{aws_endpoint}/moto-api/reset", timeout=60).raise_for_status()
    apply(aws_context, items(aws_context))
    assert len(roles(aws_context)) == 4


def test_what_a_user_removed_by_hand_comes_back(aws_context: Context) -> None:
    """Present is what the account says."""
    apply(aws_context, items(aws_context))
    client(aws_context, "ecr").delete_repository(repositoryName="al-shop-staging-dev", force=True)
    _, lines = apply(aws_context, items(aws_context))
    assert sorted(lines) == [
        "created lifecycle policy al-shop-staging-dev",
        "created repository al-shop-staging-dev",
        "created repository policy al-shop-staging-dev",
    ]


def test_a_preview_changes_nothing_and_tells_all(aws_context: Context, counted: Count) -> None:
    """What it announces is what apply does, in that order."""
    apply(aws_context, items(aws_context))
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    wanted = items(aws_context, {"dev": ON_LAMBDA}, digit="1")
    plan = Engine(aws_context).preview(wanted)
    assert writes(calls) == []
    _, lines = apply(aws_context, wanted)
    done = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
    told = [f"{done[c.action]} {c.item.kind.replace('_', ' ')} {c.item.name}" for c in plan.changes]
    assert told == lines


def test_a_preview_of_what_is_there_is_empty(aws_context: Context) -> None:
    """Nothing to do is said as nothing."""
    apply(aws_context, items(aws_context))
    assert not Engine(aws_context).preview(items(aws_context))


def test_wanting_nothing_leaves_nothing(aws_context: Context) -> None:
    """Dependents go first."""
    apply(aws_context, items(aws_context))
    Engine(aws_context).apply([], progress=lambda _: None)
    assert (roles(aws_context), repositories(aws_context)) == ([], [])
    assert client(aws_context, "logs").describe_log_groups()["logGroups"] == []
    assert client(aws_context, "secretsmanager").list_secrets()["SecretList"] == []
    assert client(aws_context, "lambda").list_functions()["Functions"] == []
    assert journal(aws_context).read_text() == ""


def test_what_is_removed_and_not_ours_any_more_is_let_go_of(aws_context: Context) -> None:
    """A thing of the same name that somebody else made since is left alone."""
    apply(aws_context, items(aws_context))
    ecr = client(aws_context, "ecr")
    ecr.delete_repository(repositoryName="al-shop-staging-dev", force=True)
    ecr.create_repository(repositoryName="al-shop-staging-dev")
    lines: list[str] = []
    Engine(aws_context).apply([], progress=lines.append)
    assert repositories(aws_context) == ["al-shop-staging-dev"]
    assert "left the repository al-shop-staging-dev: not ours" in lines
