"""What ECS on Fargate refuses.

Pages: API reference (RegisterTaskDefinition, RunTask, ContainerDefinition), and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from .calls import Call, Refusal
from .cloud import Cloud
from .refusal_table import Rules

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{0,128}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}")
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/")
LARGEST_DEFINITION, LARGEST_OVERRIDES = 64 * 1024, 8192
LONGEST_STOP = 120  # seconds, on Fargate
MOST_CONTAINERS, MOST_TASKS, MOST_DESCRIBED, MOST_TAGS = 10, 10, 100, 50

# CPU units -> memory in MiB: (least, most, step); the smallest has three values of its own
_SIZES = {
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}


def fargate_size(cpu: int, memory: int) -> bool:
    """Whether Fargate has tasks of this size (CPU units, MiB)."""
    if cpu == 256:
        return memory in {512, 1024, 2048}
    least, most, step = _SIZES.get(cpu, (1, 0, 1))
    return least <= memory <= most and (memory - least) % step == 0


def _units(text: str, *, word: str) -> int:
    """`256`, `.25 vCPU`, `512`, `0.5 GB`: as CPU units or MiB."""
    match = re.fullmatch(rf"\s*([\d.]+)\s*({word})?\s*", text, re.IGNORECASE)
    if not match:
        return -1
    return round(float(match[1]) * 1024) if match[2] else round(float(match[1]))


def _size(cpu: str, memory: str) -> None:
    units, mib = _units(cpu, word="vCPU"), _units(memory, word="GB")
    if not fargate_size(units, mib):
        raise Refusal(
            "ClientException",
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
            "documentation for the valid values.",
        )


def _fargate(asked: Mapping[str, Any]) -> bool:
    return "FARGATE" in (asked.get("requiresCompatibilities") or ())


def needs_size_and_network(call: Call, _: Cloud) -> None:
    asked = call.parameters
    if not _fargate(asked):
        return
    if asked.get("networkMode") != "awsvpc":
        raise Refusal("ClientException", "Fargate only supports network mode ‘awsvpc’.")
    for name in ("cpu", "memory"):
        if not asked.get(name):
            raise Refusal(
                "ClientException", f"Fargate requires that '{name}' be defined at the task level."
            )
    _size(asked["cpu"], asked["memory"])


def storage(call: Call, _: Cloud) -> None:
    wanted = (call.parameters.get("ephemeralStorage") or {}).get("sizeInGiB")
    if wanted is not None and not 21 <= wanted <= 200:
        raise Refusal(
            "ClientException",
            "The ephemeral storage size must be between 21 GiB and 200 GiB, both included.",
        )


def definition_names(call: Call, _: Cloud) -> None:
    asked = call.parameters
    names = [("Family", asked["family"])]
    names += [("Container.name", c.get("name", "")) for c in asked["containerDefinitions"]]
    for what, name in names:
        if not _NAME.fullmatch(name):
            raise Refusal("ClientException", f"{what} contains invalid characters.")


def cluster_name(call: Call, _: Cloud) -> None:
    if not _NAME.fullmatch(call.parameters.get("clusterName") or "default"):
        raise Refusal(
            "InvalidParameterException", "Cluster name contains invalid characters or is too long."
        )


def definition_size(call: Call, _: Cloud) -> None:
    size = len(json.dumps(call.parameters, separators=(",", ":")).encode())
    if size > LARGEST_DEFINITION:
        raise Refusal(
            "ClientException",
            f"Actual length: '{size}'. Max allowed length is '{LARGEST_DEFINITION}' bytes.",
        )
    if len(call.parameters["containerDefinitions"]) > MOST_CONTAINERS:
        raise Refusal(
            "ClientException", f"A task definition may have at most {MOST_CONTAINERS} containers."
        )


def containers(call: Call, _: Cloud) -> None:
    asked, fargate = call.parameters, _fargate(call.parameters)
    for container in asked["containerDefinitions"]:
        _unique_names(container)
        _execution_role(container, asked.get("executionRoleArn"), fargate=fargate)
        if fargate:
            _fargate_container(container)


def _unique_names(container: Mapping[str, Any]) -> None:
    plain = {entry["name"] for entry in container.get("environment") or ()}
    for secret in container.get("secrets") or ():
        if secret["name"] in plain:
            raise Refusal(
                "ClientException",
                "The secret name must be unique and not shared with any new or existing environment variables set on "
                f"the container, such as '{secret['name']}'.",
            )


def _execution_role(container: Mapping[str, Any], role: str | None, *, fargate: bool) -> None:
    if role:
        return
    if container.get("secrets"):
        raise Refusal(
            "ClientException",
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        )
    if fargate and _ECR.match(container.get("image", "")):
        raise Refusal(
            "ClientException",
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        )
    if fargate and (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
        raise Refusal(
            "ClientException",
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        )


def _fargate_container(container: Mapping[str, Any]) -> None:
    if (container.get("stopTimeout") or 0) > LONGEST_STOP:
        raise Refusal(
            "ClientException", f"The max stop timeout value on Fargate is {LONGEST_STOP} seconds."
        )
    logging = container.get("logConfiguration") or {}
    if logging.get("logDriver") == "awslogs":
        for option in ("awslogs-group", "awslogs-region", "awslogs-stream-prefix"):
            if option not in (logging.get("options") or {}):
                raise Refusal("ClientException", f"Log driver awslogs requires options: {option}")
    if (container.get("linuxParameters") or {}).get("tmpfs") or container.get("privileged"):
        raise Refusal(
            "ClientException", "Fargate does not support the parameters tmpfs and privileged."
        )


# RunTask


def task_numbers(call: Call, _: Cloud) -> None:
    asked = call.parameters
    if not 1 <= asked.get("count", 1) <= MOST_TASKS:
        raise Refusal(
            "InvalidParameterException", f"Task count must be between 1 and {MOST_TASKS}."
        )
    if not _STARTED_BY.fullmatch(asked.get("startedBy") or ""):
        raise Refusal(
            "InvalidParameterException", "startedBy contains invalid characters or is too long."
        )
    if "clientToken" in asked and not _TOKEN.fullmatch(asked["clientToken"]):
        raise Refusal(
            "InvalidParameterException", "clientToken must be 1-64 characters from ASCII 33 to 126."
        )


def tags(call: Call, _: Cloud) -> None:
    given = call.parameters.get("tags") or ()
    if len(given) > MOST_TAGS:
        raise Refusal("InvalidParameterException", f"Tags can have a maximum of {MOST_TAGS} items.")
    for tag in given:
        key, value = tag.get("key", ""), tag.get("value", "")
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise Refusal("InvalidParameterException", f"The tag {key[:128]} is not valid.")


def network(call: Call, _: Cloud) -> None:
    wanted = (call.parameters.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if len(wanted.get("subnets") or ()) > 16:
        raise Refusal("InvalidParameterException", "subnets can have at most 16 items.")
    if len(wanted.get("securityGroups") or ()) > 5:
        raise Refusal("InvalidParameterException", "securityGroups can have at most 5 items.")


def capacity(call: Call, cloud: Cloud) -> None:
    """Only what is associated with the cluster can be asked for (API reference, CapacityProviderStrategyItem)."""
    wanted = {
        item["capacityProvider"] for item in call.parameters.get("capacityProviderStrategy") or ()
    }
    if not wanted:
        return
    name = (call.parameters.get("cluster") or "default").rpartition("/")[2]
    with cloud.backend("ecs", call.region) as backend:
        cluster = backend.clusters.get(name)
        known = set((cluster.capacity_providers if cluster else None) or ())
    if cluster and not wanted <= known:
        raise Refusal(
            "InvalidParameterException",
            "The specified capacity provider was not found. Specify a valid name or ARN and try again.",
        )


def overrides(call: Call, cloud: Cloud) -> None:
    wanted = call.parameters.get("overrides")
    if not wanted:
        return
    if len(json.dumps(wanted, separators=(",", ":"))) > LARGEST_OVERRIDES:
        raise Refusal(
            "InvalidParameterException",
            f"Container Overrides length must be at most {LARGEST_OVERRIDES}",
        )
    with cloud.backend("ecs", call.region) as backend:
        found = backend.describe_task_definition(call.parameters["taskDefinition"])
        known = {container["name"] for container in found.container_definitions}
        cpu, memory = found.cpu, found.memory
    for override in wanted.get("containerOverrides") or ():
        if override.get("name") not in known:
            raise Refusal(
                "InvalidParameterException",
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition.",
            )
    if "cpu" in wanted or "memory" in wanted:
        _size(wanted.get("cpu") or cpu, wanted.get("memory") or memory)


def described(call: Call, _: Cloud) -> None:
    if len(call.parameters.get("tasks") or ()) > MOST_DESCRIBED:
        raise Refusal(
            "InvalidParameterException", f"Tasks can have at most {MOST_DESCRIBED} items."
        )


def one_filter(call: Call, _: Cloud) -> None:
    """`startedBy` must be the only filter (API reference, ListTasks); callers do combine it with desiredStatus."""
    others = {"containerInstance", "family", "serviceName"} & set(call.parameters)
    if "startedBy" in call.parameters and others:
        raise Refusal("InvalidParameterException", "startedBy must be the only filter.")


RULES: Rules = {
    ("ecs", "CreateCluster"): (cluster_name, tags),
    ("ecs", "RegisterTaskDefinition"): (
        definition_names,
        needs_size_and_network,
        storage,
        definition_size,
        containers,
        tags,
    ),
    ("ecs", "RunTask"): (task_numbers, tags, network, capacity, overrides),
    ("ecs", "DescribeTasks"): (described,),
    ("ecs", "ListTasks"): (one_filter,),
}
