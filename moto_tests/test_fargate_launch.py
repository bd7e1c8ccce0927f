"""A run is one RunTask: sent once, measured before, and refused in two ways."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from moto_tests.given import CLUSTER, MOMENT_MS, TASK, spec, with_cloud
from runtimes.ecs_fargate import EcsFargate
from toolkit.clouds.aws import Clients
from toolkit.core.errors import AccessDenied, LaunchError, LimitExceeded, NotFound, Throttled
from toolkit.core.ports import Context
from toolkit.core.run import Cause, RunId

RUN = RunId("dev-1a2b3c4d")


def ecs(fargate: EcsFargate) -> Any:
    return fargate.clients.client("ecs")


def test_a_launch_registers_and_creates_nothing(
    fargate: EcsFargate, counted: Callable[[Clients], list[str]], pushed: str
) -> None:
    """One RunTask per run; where the subnets and the security group are is asked once per process."""
    calls = counted(fargate.clients)
    fargate.launch(spec(pushed))
    fargate.launch(spec(pushed, run="dev-00000002"))
    assert calls == ["ec2.DescribeSubnets", "ec2.DescribeSecurityGroups", *["ecs.RunTask"] * 2]


def test_a_task_gets_its_run_and_the_name_of_its_secret(fargate: EcsFargate, pushed: str) -> None:
    """By override of the container `agent`, and nothing else; the task says in two places whose it is."""
    task_arn = fargate.launch(spec(pushed, secret="the/name_")).ids["task_arn"]
    task = ecs(fargate).describe_tasks(cluster=CLUSTER, tasks=[task_arn], include=["TAGS"])[
        "tasks"
    ][0]
    assert task["overrides"]["containerOverrides"] == [
        {
            "name": "agent",
            "environment": [
                {"name": "AL_RUN_ID", "value": "dev-1a2b3c4d"},
                {"name": "AL_SECRET", "value": "the/name_"},
            ],
        }
    ]
    assert task["startedBy"] == "dev-1a2b3c4d"
    assert {"key": "al:run", "value": "dev-1a2b3c4d"} in task["tags"]


def test_the_handle_says_where_everything_is(fargate: EcsFargate, pushed: str) -> None:
    """Any process finds the task and its log stream, `prefix/container/task`, from the handle alone."""
    found = fargate.launch(spec(pushed))
    task = found.ids["task_arn"].rsplit("/", 1)[1]
    assert found.ids["log_group"] == "/ecs/al-shop-staging"
    assert found.ids["log_stream"] == f"dev/agent/{task}"
    assert found.ids["launched"] == str(MOMENT_MS)


def test_the_request_names_revision_token_and_network(aws_context: Context) -> None:
    """`family:revision`, since a bare family runs whatever is newest; the run's id as clientToken, so that sending
    it twice starts one task; the environment's network as it is (API reference, RunTask)."""
    context = with_cloud(
        aws_context, subnets=("subnet-1",), security_groups=("sg-1",), assign_public_ip=False
    )
    fargate = EcsFargate(context)
    expected = {
        "cluster": CLUSTER,
        "taskDefinition": "al-shop-staging-dev:7",
        "count": 1,
        "launchType": "FARGATE",
        "clientToken": RUN,
        "startedBy": RUN,
        "tags": ANY,
        "overrides": ANY,
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-1"],
                "securityGroups": ["sg-1"],
                "assignPublicIp": "DISABLED",
            }
        },
    }
    with Stubber(ecs(fargate)) as service:
        service.add_response("run_task", {"tasks": [{"taskArn": TASK}]}, expected)
        assert fargate.launch(spec("al-shop-staging-dev:7")).ids["task_arn"] == TASK


def test_the_longest_run_id_still_makes_a_token(aws_context: Context) -> None:
    """clientToken has at most 64 characters (API reference, RunTask), a run id up to 73; two runs never share one."""
    fargate = EcsFargate(with_cloud(aws_context, subnets=("s",), security_groups=("g",)))
    name = "a" * 64
    tokens = {
        fargate._run_request(spec("d:1", run=f"{name}-{n:08x}"))["clientToken"] for n in range(50)
    }
    assert len(tokens) == 50
    assert max(map(len, tokens)) <= 64


def test_another_attempt_of_a_run_has_another_token(aws_context: Context) -> None:
    """ECS answers a known clientToken with its task, also when that could not be started (API reference, RunTask)."""
    fargate = EcsFargate(with_cloud(aws_context, subnets=("s",), security_groups=("g",)))
    first = spec("d:1")
    again = replace(first, again=True)
    assert fargate._run_request(first)["clientToken"] == RUN
    assert fargate._run_request(again)["clientToken"] != RUN
    assert fargate._run_request(again) == fargate._run_request(again)


def test_a_launch_that_was_made_before_finds_its_task(fargate: EcsFargate, pushed: str) -> None:
    """The same token with another request is a ConflictException that names the task (API reference, RunTask): the
    run is not started again."""
    with Stubber(ecs(fargate)) as service:
        service.add_client_error(
            "run_task",
            "ConflictException",
            "another request",
            400,
            modeled_fields={"resourceIds": [TASK]},
        )
        assert fargate.launch(spec(pushed)).ids["task_arn"] == TASK


@pytest.mark.parametrize(
    ("reason", "cause", "temporary"),
    [
        ("Capacity is unavailable at this time. Please try again later", Cause.CAPACITY, True),
        ("RESOURCE:MEMORY", Cause.CAPACITY, True),
        (
            "You've reached the limit on the number of vCPUs you can run concurrently",
            Cause.CAPACITY,
            True,
        ),
        ("INACTIVE", Cause.NEVER_STARTED, False),
    ],
)
def test_a_success_without_a_task_is_an_error(
    fargate: EcsFargate, pushed: str, reason: str, cause: Cause, temporary: bool
) -> None:
    """RunTask answers 200 with `failures` too
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html)."""
    with Stubber(ecs(fargate)) as service:
        service.add_response("run_task", {"tasks": [], "failures": [{"reason": reason}]})
        with pytest.raises(LaunchError, match="dev-1a2b3c4d") as caught:
            fargate.launch(spec(pushed))
    assert reason in caught.value.message
    assert (caught.value.cause, caught.value.temporary) == (cause, temporary)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("ThrottlingException", "Rate exceeded", Throttled),
        ("AccessDeniedException", "not authorized to perform: iam:PassRole", AccessDenied),
        ("InvalidParameterException", "subnets are of several VPCs", LaunchError),
        ("ClientException", "You've reached the limit on the number of tasks", LaunchError),
        ("ClientException", "TaskDefinition is inactive", NotFound),
    ],
)
def test_a_refusal_is_classified(
    fargate: EcsFargate, pushed: str, code: str, message: str, kind: type[Exception]
) -> None:
    """RunTask's exceptions (API reference): what says more than "not launched" keeps its own class."""
    with Stubber(ecs(fargate)) as service:
        service.add_client_error("run_task", code, message, 400)
        with pytest.raises(kind, match=message[:20]):
            fargate.launch(spec(pushed))


def test_without_a_cluster_the_error_says_to_push(aws_context: Context) -> None:
    """An environment that was never pushed has no cluster."""
    own = with_cloud(aws_context, subnets=("subnet-1",), security_groups=("sg-1",))
    with pytest.raises(NotFound) as caught:
        EcsFargate(own).launch(spec("al-shop-staging-dev:1"))
    assert caught.value.hint == "run `al push -E staging` first"


def test_a_role_that_was_just_made_is_waited_for(fargate: EcsFargate, pushed: str) -> None:
    """ECS says that it cannot assume a role whose creation has not reached it yet
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html)."""
    fargate.clients.client("iam").create_role(
        RoleName="al-shop-staging-dev-task-role", AssumeRolePolicyDocument="{}"
    )
    with Stubber(ecs(fargate)) as service:
        service.add_client_error(
            "run_task", "ClientException", "ECS was unable to assume the role 'x'", 400
        )
        service.add_response("run_task", {"tasks": [{"taskArn": TASK}]})
        assert fargate.launch(spec(pushed)).ids["task_arn"] == TASK


def test_overrides_are_measured_before_the_call(fargate: EcsFargate, pushed: str) -> None:
    """8192 characters, the JSON's punctuation included (API reference, RunTask); the emulator takes any number."""
    with pytest.raises(LimitExceeded, match="ECS takes 8192"):
        fargate.launch(spec(pushed, secret="s" * 8192))
