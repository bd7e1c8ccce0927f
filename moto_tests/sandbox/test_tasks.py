"""ECS tasks that run: their output, their environment, their end, and what the API says of it."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import programs
from .world import World, eventually

TMP = "/tmp"  # noqa: S108 - the container's, not ours


def test_a_task_ends_with_its_programs_exit_code(world: World) -> None:
    """exitCode and stopCode are the container's own (ECS API reference, Container.exitCode)."""
    task, _ = world.finished(programs.SAY, {"CODE": "42"})
    assert task["containers"][0]["exitCode"] == 42
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"


def test_both_streams_of_output_are_in_the_log_in_order(world: World) -> None:
    """The awslogs driver writes stdout and stderr to `prefix/container/task id`, line by line."""
    _, lines = world.finished(programs.SAY, {"SAY": "one|two|"})
    assert lines == ["one", "two", " ", "to stderr"]


def test_a_task_tells_when_it_was_created_started_and_stopped(world: World) -> None:
    """createdAt <= startedAt <= stoppedAt (ECS API reference, Task)."""
    task, _ = world.finished(programs.SAY)
    assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]


def test_a_long_line_becomes_several_events(world: World) -> None:
    """Docker cuts lines at 16 KiB (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html)."""
    _, lines = world.finished("print('x' * 40000)")
    assert [len(line) for line in lines] == [16384, 16384, 7232]


def test_a_task_sees_the_definitions_and_the_overrides_environment_and_no_other(
    world: World,
) -> None:
    """What the caller's own environment holds is not the container's."""
    definition = {
        "environment": [{"name": "A", "value": "definition"}, {"name": "B", "value": "definition"}]
    }
    _, lines = world.finished(programs.TELL_ENVIRONMENT, {"B": "override"}, container=definition)
    env = json.loads("".join(lines))["env"]
    assert (env["A"], env["B"]) == ("definition", "override")
    assert not {"PYTEST_CURRENT_TEST", "LOGNAME", "SHELL"} & set(env)


def test_paths_of_the_container_are_private_directories(world: World) -> None:
    """A declared volume and /tmp are the task's own, and the working directory is the image's."""
    volumes = [{"name": "credentials"}]
    container = {
        "mountPoints": [{"sourceVolume": "credentials", "containerPath": "/credentials"}],
        "environment": [
            {"name": "AL_CREDENTIALS_PATH", "value": "/credentials"},
            {"name": "CACHE", "value": f"{TMP}/cache"},
        ],
    }
    task, lines = world.finished(programs.TELL_ENVIRONMENT, volumes=volumes, container=container)
    told, id_ = json.loads("".join(lines)), task["taskArn"].rpartition("/")[2]
    assert f"work/{id_}/" in told["env"]["AL_CREDENTIALS_PATH"]
    assert f"work/{id_}{TMP}/cache" in told["env"]["CACHE"]
    assert told["cwd"].endswith("/app")


def test_a_task_is_its_role(world: World) -> None:
    """The SDK in a task fetches a session of the task role through the container credentials endpoint."""
    task, lines = world.finished(programs.WHO_AM_I)
    id_ = task["taskArn"].rpartition("/")[2]
    assert lines == [f"arn:aws:sts::123456789012:assumed-role/tests-task/{id_}"]


def test_stopping_sends_sigterm_and_the_task_says_who_stopped_it(world: World) -> None:
    """StopTask: SIGTERM, then UserInitiated with the caller's reason (ECS API reference)."""
    arn = world.run(world.program(programs.WAIT_FOR_TERM))["tasks"][0]["taskArn"]
    eventually(lambda: world.lines(arn) == ["ready"])
    world.client("ecs").stop_task(cluster="tests", task=arn, reason="enough")
    task = world.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 7
    assert world.lines(arn) == ["ready", "terminated"]


def test_what_ignores_sigterm_is_killed_after_its_stop_timeout(world: World) -> None:
    """SIGKILL after stopTimeout: exit code 137 (ECS API reference, ContainerDefinition.stopTimeout)."""
    definition = world.program(programs.IGNORE_TERM, container={"stopTimeout": 1})
    arn = world.run(definition)["tasks"][0]["taskArn"]
    eventually(lambda: world.lines(arn) == ["ready"])
    world.client("ecs").stop_task(cluster="tests", task=arn)
    assert world.stopped(arn)["containers"][0]["exitCode"] == 137


def test_stopping_drops_the_tasks_tags(world: World) -> None:
    """ "Any tags associated with the task will be deleted" (ECS API reference, StopTask)."""
    definition = world.program(programs.WAIT_FOR_TERM)
    arn = world.run(definition, tags=[{"key": "al:run", "value": "r"}])["tasks"][0]["taskArn"]
    ecs = world.client("ecs")
    ecs.stop_task(cluster="tests", task=arn)
    world.stopped(arn)
    described = ecs.describe_tasks(cluster="tests", tasks=[arn], include=["TAGS"])["tasks"][0]
    assert described.get("tags", []) == []


def test_nothing_that_a_task_started_outlives_it(world: World) -> None:
    """When a container's first process ends, so does every other process of it."""
    _, lines = world.finished(programs.LEAVE_CHILDREN)
    with pytest.raises(ProcessLookupError):
        os.kill(int(lines[0].split()[1]), 0)


def test_one_client_token_starts_one_task(world: World) -> None:
    """The same token and request answer with the same task (ECS API reference, RunTask, clientToken)."""
    definition = world.program(programs.SAY)
    first = world.run(definition, clientToken="run-1")["tasks"][0]["taskArn"]
    assert world.run(definition, clientToken="run-1")["tasks"][0]["taskArn"] == first


def test_one_client_token_for_two_requests_is_a_conflict(world: World) -> None:
    """ConflictException with the tasks of the first request (ECS API reference, RunTask)."""
    definition = world.program(programs.SAY)
    first = world.run(definition, clientToken="run-2")["tasks"][0]["taskArn"]
    with pytest.raises(ClientError) as refused:
        world.run(definition, {"OTHER": "request"}, clientToken="run-2")
    assert refused.value.response["Error"]["Code"] == "ConflictException"
    assert refused.value.response["resourceIds"] == [first]


def test_a_missing_image_fails_the_task_and_not_the_call(world: World) -> None:
    """CannotPullContainerError: no exit code and no start time (ECS developer guide, stopped task error codes)."""
    host = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    asked = world.definition(f"{host}/tests/program@sha256:{'0' * 64}")
    made = world.client("ecs").register_task_definition(**asked)["taskDefinition"]
    task = world.stopped(world.run(made["taskDefinitionArn"])["tasks"][0]["taskArn"])
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError")
    assert "exitCode" not in task["containers"][0]
    assert "startedAt" not in task


def test_a_missing_log_group_fails_the_task(world: World) -> None:
    """awslogs-create-group is false unless asked for: ResourceInitializationError
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html)."""
    options = {
        "awslogs-group": "/none",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "t",
    }
    logging = {"logDriver": "awslogs", "options": options}
    task, _ = world.finished(programs.SAY, container={"logConfiguration": logging})
    assert task["stoppedReason"].startswith("ResourceInitializationError")


def test_a_secret_of_the_definition_is_read_at_the_start(world: World) -> None:
    """`secrets` become variables, a JSON key alone when one is named (ECS developer guide, secrets-envvar)."""
    secret = world.client("secretsmanager").create_secret(
        Name="tests/one", SecretString='{"k": "v"}'
    )["ARN"]
    container = {"secrets": [{"name": "VALUE", "valueFrom": f"{secret}:k::"}]}
    _, lines = world.finished(programs.TELL_ENVIRONMENT, container=container)
    assert json.loads("".join(lines))["env"]["VALUE"] == "v"


def test_a_secret_that_is_missing_fails_the_task(world: World) -> None:
    """Not an API error: the task stops with ResourceInitializationError and no log stream."""
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf"
    container = {"secrets": [{"name": "VALUE", "valueFrom": arn}]}
    task, _ = world.finished(programs.SAY, container=container)
    assert task["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets")


def test_a_program_that_is_not_there_cannot_start(world: World) -> None:
    """CannotStartContainerError, not an exit code (ECS developer guide, stopped task error codes)."""
    task, _ = world.finished(programs.SAY, container={"entryPoint": ["no-such-program"]})
    assert task["stoppedReason"].startswith("CannotStartContainerError")
    assert task["stopCode"] == "TaskFailedToStart"


def test_a_role_that_does_not_trust_ecs_is_refused_at_once(
    world: World, role: Callable[..., str]
) -> None:
    """ClientException: ECS was unable to assume the role (ECS developer guide, task-iam-roles)."""
    definition = world.program(programs.SAY, taskRoleArn=role("tests-foreign", "lambda"))
    with pytest.raises(ClientError, match="ECS was unable to assume the role") as refused:
        world.run(definition)
    assert refused.value.response["Error"]["Code"] == "ClientException"


def test_a_fresh_role_cannot_be_assumed_at_first(
    world: World, client: Callable[..., Any], settings: Callable[..., None]
) -> None:
    """IAM is eventually consistent (IAM user guide, troubleshooting)."""
    settings(fresh_role_calls=1)
    definition = world.program(programs.SAY, taskRoleArn=world.role("tests-fresh", "ecs-tasks"))
    with pytest.raises(ClientError, match="ECS was unable to assume the role"):
        world.run(definition)
    assert world.run(definition)["failures"] == []


def test_a_list_of_tasks_is_of_those_that_should_run(world: World) -> None:
    """Without `desiredStatus` ListTasks answers RUNNING ones only (ECS API reference, ListTasks)."""
    task, _ = world.finished(programs.SAY)
    ecs = world.client("ecs")
    assert task["taskArn"] not in ecs.list_tasks(cluster=task["clusterArn"])["taskArns"]
    ended = ecs.list_tasks(cluster=task["clusterArn"], desiredStatus="STOPPED")["taskArns"]
    assert task["taskArn"] in ended


def test_a_task_that_is_unknown_is_a_failure_in_the_answer(world: World) -> None:
    """DescribeTasks answers MISSING, it does not raise (ECS developer guide, API failure reasons)."""
    failures = world.client("ecs").describe_tasks(cluster="tests", tasks=["f" * 32])["failures"]
    assert [failure["reason"] for failure in failures] == ["MISSING"]


def test_a_new_task_can_be_missing_for_a_while(world: World, settings: Callable[..., None]) -> None:
    """ECS is eventually consistent (ECS API reference, RunTask): the first looks may not find the task."""
    settings(missing_calls=1)
    arn = world.run(world.program(programs.SAY))["tasks"][0]["taskArn"]
    ecs = world.client("ecs")
    assert ecs.describe_tasks(cluster="tests", tasks=[arn])["failures"][0]["reason"] == "MISSING"
    assert ecs.describe_tasks(cluster="tests", tasks=[arn])["failures"] == []


def test_start_failures_can_be_asked_for(world: World, settings: Callable[..., None]) -> None:
    """Fargate without capacity fails to start a task that it accepted (re:Post, ecs-fargate-runtask-capacity)."""
    settings(start_failure="capacity")
    task, _ = world.finished(programs.SAY)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("Capacity is unavailable")


def test_a_call_can_be_answered_with_failures(world: World, settings: Callable[..., None]) -> None:
    """HTTP 200 with no tasks (ECS developer guide, API failure reasons)."""
    settings(start_failure="refused")
    answer = world.run(world.program(programs.SAY))
    assert (answer["tasks"], len(answer["failures"])) == ([], 1)


def test_a_call_can_be_throttled(world: World, settings: Callable[..., None]) -> None:
    """ThrottlingException (https://docs.aws.amazon.com/AmazonECS/latest/userguide/throttling.html)."""
    settings(start_failure="throttled")
    with pytest.raises(ClientError) as refused:
        world.run(world.program(programs.SAY))
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"


def test_a_task_that_got_no_capacity_has_no_containers(
    world: World, settings: Callable[..., None]
) -> None:
    """`containers` may be empty when nothing was started: no exit code is not success."""
    settings(start_failure="capacity")
    task, _ = world.finished(programs.SAY)
    assert task["containers"] == []


def test_a_task_waits_in_provisioning_for_its_start_delay(
    world: World, settings: Callable[..., None]
) -> None:
    """A task that is stopped while it is being provisioned never runs."""
    settings(start_delay=600)
    arn = world.run(world.program(programs.SAY))["tasks"][0]["taskArn"]
    assert world.task(arn)["lastStatus"] == "PROVISIONING"
    world.client("ecs").stop_task(cluster="tests", task=arn, reason="changed my mind")
    task = world.stopped(arn)
    assert task["stoppedReason"] == "changed my mind"
    assert "exitCode" not in task["containers"][0]


def test_lines_appear_after_the_ingestion_delay_with_their_own_time(
    world: World, settings: Callable[..., None]
) -> None:
    """CloudWatch's events are late, their timestamps are not."""
    settings(ingestion_delay=1)
    task, early = world.finished(programs.SAY, {"SAY": "late"})
    assert early == []
    assert eventually(lambda: world.lines(task["taskArn"])) == ["late", "to stderr"]


def test_a_cluster_with_tasks_is_not_deleted(world: World) -> None:
    """ClusterContainsTasksException (ECS API reference, DeleteCluster)."""
    arn = world.run(world.program(programs.WAIT_FOR_TERM))["tasks"][0]["taskArn"]
    ecs = world.client("ecs")
    with pytest.raises(ecs.exceptions.ClusterContainsTasksException):
        ecs.delete_cluster(cluster="tests")
    ecs.stop_task(cluster="tests", task=arn)
    world.stopped(arn)
