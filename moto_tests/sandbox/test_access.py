"""A role's session may do what its policies allow, and nothing else; any other key may do everything."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from toolkit.sandbox.state import Sandbox

from . import programs
from .refused import accepted, code
from .world import World, make_role

ACCOUNT = "123456789012"


@pytest.fixture
def session(
    client: Callable[..., Any], sandbox: Sandbox, request: pytest.FixtureRequest
) -> Callable[..., Callable[[str], Any]]:
    """Clients of a session of a new role with these statements."""

    def make(*statements: dict[str, Any]) -> Callable[[str], Any]:
        role = make_role(
            client("iam"), f"session-{abs(hash(request.node.name))}", "lambda", *statements
        )
        found = client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return lambda service: boto3.client(
            service,
            region_name=sandbox.region,
            endpoint_url=sandbox.endpoint,
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    return make


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{rest}"


def test_a_session_reads_the_secrets_of_its_prefix_only(
    client: Callable[..., Any], session: Callable[..., Any]
) -> None:
    """Policies end in the wildcard of the ARN's random suffix (Secrets Manager user guide, auth-and-access_examples)."""
    for name in ("access/mine/one", "access/theirs/one"):
        client("secretsmanager").create_secret(Name=name, SecretString="x")
    resource = arn("secretsmanager", "secret:access/mine/*")
    secrets = session({"Action": "secretsmanager:GetSecretValue", "Resource": resource})(
        "secretsmanager"
    )
    assert accepted(secrets.get_secret_value, SecretId="access/mine/one")
    assert code(secrets.get_secret_value, SecretId="access/theirs/one") == "AccessDeniedException"
    assert code(secrets.delete_secret, SecretId="access/mine/one") == "AccessDeniedException"
    assert code(secrets.list_secrets) == "AccessDeniedException"


def test_a_session_touches_the_items_of_its_leading_key_only(
    client: Callable[..., Any], session: Callable[..., Any]
) -> None:
    """dynamodb:LeadingKeys with ForAllValues, and Null for its presence
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)."""
    client("dynamodb").create_table(
        TableName="access",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    statement = {
        "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
        "Resource": arn("dynamodb", "table/access"),
        "Condition": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["box/mine/*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }
    table = session(statement)("dynamodb")
    query = {
        "TableName": "access",
        "KeyConditionExpression": "#k = :k",
        "ExpressionAttributeNames": {"#k": "pk"},
    }
    assert accepted(table.get_item, TableName="access", Key={"pk": {"S": "box/mine/1"}})
    assert accepted(table.query, **query, ExpressionAttributeValues={":k": {"S": "box/mine/1"}})
    assert (
        code(table.get_item, TableName="access", Key={"pk": {"S": "box/yours/1"}})
        == "AccessDeniedException"
    )
    theirs = {":k": {"S": "box/yours/1"}}
    assert code(table.query, **query, ExpressionAttributeValues=theirs) == "AccessDeniedException"
    assert code(table.scan, TableName="access") == "AccessDeniedException"


def test_permission_for_a_function_is_none_for_its_version(
    session: Callable[..., Any],
) -> None:
    """The qualifier is part of the resource (Lambda developer guide, lambda-api-permissions-ref)."""
    function = arn("lambda", "function:access")
    invoke = session({"Action": "lambda:InvokeFunction", "Resource": function})("lambda").invoke
    assert code(invoke, FunctionName="access") == "ResourceNotFoundException"
    assert code(invoke, FunctionName="access", Qualifier="1") == "AccessDeniedException"


def test_starting_a_task_needs_to_pass_its_roles(world: World, session: Callable[..., Any]) -> None:
    """iam:PassRole with iam:PassedToService (ECS developer guide, security_iam_id-based-policy-examples)."""
    definition = world.program(programs.SAY)
    run = {"Action": "ecs:RunTask", "Resource": arn("ecs", "task-definition/program:*")}
    passing = {
        "Action": "iam:PassRole",
        "Resource": f"arn:aws:iam::{ACCOUNT}:role/tests-task",
        "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    }
    call = {
        "cluster": "tests",
        "taskDefinition": definition,
        "launchType": "FARGATE",
        "networkConfiguration": world.network(),
    }
    assert code(session(run)("ecs").run_task, **call) == "AccessDeniedException"
    assert accepted(session(run, passing)("ecs").run_task, **call)


def test_iam_has_a_code_of_its_own(session: Callable[..., Any]) -> None:
    """AccessDenied, without the word Exception (IAM API reference, common errors)."""
    iam = session({"Action": "s3:GetObject", "Resource": "*"})("iam")
    assert code(iam.get_role, RoleName="tests-task") == "AccessDenied"


def test_everybody_may_ask_who_they_are(session: Callable[..., Any]) -> None:
    """GetCallerIdentity needs no permission (STS API reference)."""
    sts = session({"Action": "s3:GetObject", "Resource": "*"})("sts")
    assert accepted(sts.get_caller_identity)


def test_a_service_that_is_not_looked_into_needs_a_mention(session: Callable[..., Any]) -> None:
    """A session whose policies say nothing of SNS has nothing to do there."""
    logs_only = {"Action": "logs:PutLogEvents", "Resource": "*"}
    assert code(session(logs_only)("sns").list_topics) in {"AccessDenied", "403"}
    assert accepted(session({"Action": "sns:*", "Resource": "*"})("sns").list_topics)


def test_s3_has_a_code_of_its_own_too(session: Callable[..., Any]) -> None:
    """AccessDenied (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""
    own = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*"}
    s3 = session(own)("s3")
    assert code(s3.list_buckets) == "AccessDenied"
    assert code(s3.get_object, Bucket="theirs", Key="k") == "AccessDenied"
    assert code(s3.get_object, Bucket="mine", Key="k") == "NoSuchBucket"


def test_a_key_that_nobody_gave_out_is_no_session(sandbox: Sandbox) -> None:
    """The security token is invalid (STS API reference, common errors)."""
    sts = boto3.client(
        "sts",
        region_name=sandbox.region,
        endpoint_url=sandbox.endpoint,
        aws_access_key_id="ASIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x",
    )
    assert code(sts.get_caller_identity) in {"UnrecognizedClientException", "InvalidClientTokenId"}


# what the platform does with the roles


def test_a_task_whose_execution_role_may_not_pull_does_not_start(world: World) -> None:
    """ResourceInitializationError, unable to retrieve ecr registry auth (ECS developer guide, stopped task errors)."""
    role = make_role(
        world.client("iam"), "access-no-pull", "ecs-tasks", {"Action": "logs:*", "Resource": "*"}
    )
    task, _ = world.finished(programs.SAY, executionRoleArn=role)
    assert task["stoppedReason"].startswith(
        "ResourceInitializationError: unable to pull secrets or registry auth"
    )
    assert "ecr:GetAuthorizationToken" in task["stoppedReason"]


def test_a_task_whose_execution_role_may_not_log_does_not_start(world: World) -> None:
    """ResourceInitializationError: failed to validate logger args (ECS developer guide, stopped task errors)."""
    role = make_role(
        world.client("iam"), "access-no-logs", "ecs-tasks", {"Action": "ecr:*", "Resource": "*"}
    )
    task, _ = world.finished(programs.SAY, executionRoleArn=role)
    assert "failed to validate logger args" in task["stoppedReason"]


def test_a_function_that_may_not_log_is_silent(world: World) -> None:
    """Without permission there are no logs, and no error (Lambda developer guide, monitoring-cloudwatchlogs)."""
    role = make_role(
        world.client("iam"), "access-silent", "lambda", {"Action": "s3:GetObject", "Resource": "*"}
    )
    image = world.image("tests/function", {"app/main.py": programs.RUNTIME}, **programs.PYTHON)
    client = world.client("lambda")
    client.create_function(
        FunctionName="access-silent", PackageType="Image", Code={"ImageUri": image}, Role=role
    )
    assert "pid" in json.loads(client.invoke(FunctionName="access-silent")["Payload"].read())
    groups = world.client("logs").describe_log_groups(
        logGroupNamePrefix="/aws/lambda/access-silent"
    )
    assert groups["logGroups"] == []
