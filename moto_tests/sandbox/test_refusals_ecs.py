"""What ECS on Fargate refuses and moto accepts."""

from typing import Any

import pytest

from . import programs
from .refused import accepted, code
from .world import World

REFERENCE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tests/program@sha256:" + "0" * 64


@pytest.fixture
def asked(world: World) -> dict[str, Any]:
    """A task definition that is accepted."""
    return world.definition(REFERENCE, family="refusals")


@pytest.mark.parametrize(
    ("cpu", "memory"), [("512", "512"), ("256", "4096"), ("8192", "17408"), ("300", "512")]
)
def test_a_size_that_fargate_does_not_have(
    world: World, asked: dict[str, Any], cpu: str, memory: str
) -> None:
    """ "No Fargate configuration exists for given values"
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html)."""
    register = world.client("ecs").register_task_definition
    assert code(register, **{**asked, "cpu": cpu, "memory": memory}) == "ClientException"


@pytest.mark.parametrize(
    ("cpu", "memory"), [("256", "512"), ("1024", "8192"), ("16384", "122880"), (".5 vCPU", "1 GB")]
)
def test_a_size_that_fargate_has(
    world: World, asked: dict[str, Any], cpu: str, memory: str
) -> None:
    """Both spellings of a size are accepted (ECS API reference, RegisterTaskDefinition, cpu and memory)."""
    register = world.client("ecs").register_task_definition
    assert accepted(register, **{**asked, "cpu": cpu, "memory": memory})


@pytest.mark.parametrize("absent", ["cpu", "memory"])
def test_fargate_needs_a_size_of_the_task(world: World, asked: dict[str, Any], absent: str) -> None:
    """ "Fargate requires that 'cpu' be defined at the task level" (ECS API reference, RegisterTaskDefinition)."""
    del asked[absent]
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


def test_fargate_needs_its_own_network_mode(world: World, asked: dict[str, Any]) -> None:
    """networkMode must be awsvpc (ECS API reference, RegisterTaskDefinition)."""
    asked["networkMode"] = "bridge"
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


def test_a_container_needs_no_memory_of_its_own(world: World, asked: dict[str, Any]) -> None:
    """With memory on the task the container's is optional (ECS API reference, ContainerDefinition.memory)."""
    assert "memory" not in asked["containerDefinitions"][0]
    made = world.client("ecs").register_task_definition(**asked)["taskDefinition"]
    assert world.run(made["taskDefinitionArn"])["failures"] == []


@pytest.mark.parametrize("size", [20, 201])
def test_ephemeral_storage_is_21_to_200_gib(world: World, asked: dict[str, Any], size: int) -> None:
    """The default of 20 cannot be asked for (ECS API reference, EphemeralStorage)."""
    asked["ephemeralStorage"] = {"sizeInGiB": size}
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


@pytest.mark.parametrize("name", ["a.b", "a/b", "a b", "x" * 256])
def test_names_are_letters_digits_and_hyphens(
    world: World, asked: dict[str, Any], name: str
) -> None:
    """Up to 255 letters, digits, underscores and hyphens (ECS API reference, family, name, clusterName)."""
    ecs = world.client("ecs")
    assert code(ecs.register_task_definition, **{**asked, "family": name}) == "ClientException"
    assert code(ecs.create_cluster, clusterName=name) == "InvalidParameterException"


def test_a_definition_is_at_most_64_kib(world: World, asked: dict[str, Any]) -> None:
    """Task definition size (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html)."""
    asked["containerDefinitions"][0]["environment"] = [{"name": "A", "value": "x" * 65536}]
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


def test_a_name_is_not_both_a_variable_and_a_secret(world: World, asked: dict[str, Any]) -> None:
    """ "The secret name must be unique" (ECS developer guide, secrets-envvar)."""
    asked["containerDefinitions"][0] |= {
        "environment": [{"name": "A", "value": "x"}],
        "secrets": [
            {"name": "A", "valueFrom": "arn:aws:secretsmanager:us-east-1:1:secret:a-AbCdEf"}
        ],
    }
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


def test_an_ecr_image_needs_an_execution_role(world: World, asked: dict[str, Any]) -> None:
    """ "Fargate requires task definition to have execution role ARN to support ECR images"
    (ECS developer guide, task_execution_IAM_role)."""
    del asked["executionRoleArn"]
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


def test_a_stop_timeout_is_at_most_120_seconds(world: World, asked: dict[str, Any]) -> None:
    """The maximum on Fargate (ECS API reference, ContainerDefinition.stopTimeout)."""
    asked["containerDefinitions"][0]["stopTimeout"] = 121
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


def test_a_stream_prefix_is_required(world: World, asked: dict[str, Any]) -> None:
    """awslogs-stream-prefix is required on Fargate (ECS API reference, LogConfiguration.options)."""
    del asked["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-stream-prefix"]
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


def test_fargate_has_no_tmpfs(world: World, asked: dict[str, Any]) -> None:
    """tmpfs is not supported on Fargate (ECS API reference, LinuxParameters.tmpfs)."""
    tmpfs = {"tmpfs": [{"containerPath": "/x", "size": 1}]}
    asked["containerDefinitions"][0]["linuxParameters"] = tmpfs
    assert code(world.client("ecs").register_task_definition, **asked) == "ClientException"


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 11},
        {"startedBy": "x" * 129},
        {"startedBy": "run:1.2"},
        {"clientToken": "x" * 65},
        {"tags": [{"key": f"k{n}", "value": "v"} for n in range(51)]},
        {"tags": [{"key": "aws:x", "value": "v"}]},
    ],
    ids=["count", "startedBy-length", "startedBy-characters", "clientToken", "tags", "aws-tag"],
)
def test_numbers_and_names_of_a_run(world: World, wrong: dict[str, Any]) -> None:
    """count 1-10, startedBy 128 of letters, digits, - _ /, clientToken 64, 50 tags (ECS API reference, RunTask)."""
    definition = world.program(programs.SAY)
    assert code(world.run, definition=definition, **wrong) == "InvalidParameterException"


def test_overrides_hold_8192_characters_with_their_punctuation(world: World) -> None:
    """ "Container Overrides length must be at most 8192" (ECS API reference, TaskOverride)."""
    definition = world.program(programs.SAY)
    wrong = {"definition": definition, "env": {"PROMPT": "x" * 8192}}
    assert code(world.run, **wrong) == "InvalidParameterException"


def test_an_override_names_a_container_of_the_definition(world: World) -> None:
    """ "Override for container named X is not a container in the TaskDefinition" (ECS, RunTask)."""
    overrides = {"containerOverrides": [{"name": "other", "environment": []}]}
    definition = world.program(programs.SAY)
    assert (
        code(world.run, definition=definition, overrides=overrides) == "InvalidParameterException"
    )


def test_at_most_100_tasks_are_described(world: World) -> None:
    """DescribeTasks takes 100 ids (ECS API reference)."""
    tasks = [f"{n:032x}" for n in range(101)]
    assert (
        code(world.client("ecs").describe_tasks, cluster="tests", tasks=tasks)
        == "InvalidParameterException"
    )


def test_started_by_is_the_only_filter(world: World) -> None:
    """ "When you specify startedBy as the filter, it must be the only filter" (ECS API reference, ListTasks)."""
    wrong = {"cluster": "tests", "startedBy": "x", "family": "program"}
    assert code(world.client("ecs").list_tasks, **wrong) == "InvalidParameterException"


def test_an_inactive_definition_is_not_run(world: World) -> None:
    """ "TaskDefinition is inactive" (ECS API reference, DeregisterTaskDefinition)."""
    definition = world.program(programs.SAY, family="inactive")
    world.client("ecs").deregister_task_definition(taskDefinition=definition)
    assert code(world.run, definition=definition) == "ClientException"


def test_a_task_may_ask_for_the_capacity_of_its_cluster_only(
    world: World, asked: dict[str, Any]
) -> None:
    """A provider must be associated with the cluster
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html)."""
    ecs = world.client("ecs")
    ecs.create_cluster(clusterName="without")
    ecs.create_cluster(clusterName="with", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    made = ecs.register_task_definition(**asked)["taskDefinition"]
    wanted = {
        "taskDefinition": made["taskDefinitionArn"],
        "networkConfiguration": world.network(),
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    }
    assert code(ecs.run_task, cluster="without", **wanted) == "InvalidParameterException"
    assert accepted(ecs.run_task, cluster="with", **wanted)
    both = {**wanted, "launchType": "FARGATE"}
    assert code(ecs.run_task, cluster="with", **both) == "InvalidParameterException"
