"""What a call needs: its IAM action, the resources that it names, and the condition keys that it brings.

From https://docs.aws.amazon.com/service-authorization/latest/reference/ for the services that `al` uses; every other
call needs its action on `*`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.reconcile.policy import Need

from . import needs_furniture as furniture
from .calls import Call
from .cloud import Cloud
from .need_parts import Keys, arn, one, pairs, passing, request_tags, resource_tags, with_tagging
from .needs_tags import with_tags


def needs(call: Call, cloud: Cloud) -> tuple[Need, ...]:
    """All of them must be allowed."""
    keys: Keys = {"aws:requestedregion": [call.region], **request_tags(call.parameters)}
    find = _FINDERS.get(call.service)
    named = with_tagging(call, find(call, cloud, keys)) if find else ()
    found = tuple(with_tags(named, cloud))
    return found or (one(call, "*", keys),)


def _secrets(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    asked = call.parameters
    if call.operation == "CreateSecret":
        # six characters follow every name; which ones is not known yet
        yield one(call, arn(call, cloud, f"secret:{asked['Name']}-AbCdEf"), keys)
    for id_ in [asked["SecretId"]] if "SecretId" in asked else asked.get("SecretIdList", ()):
        with cloud.backend("secretsmanager", call.region) as backend:
            known = backend.secrets.get(id_)
        named = id_ if id_.startswith("arn:") else arn(call, cloud, f"secret:{id_}")
        resource = known.arn if known else named
        mine = resource_tags(pairs((known.tags if known else None) or ()), "secretsmanager")
        yield one(call, resource, {**keys, **mine, "secretsmanager:secretid": [resource]})


def _tables(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    asked, at = call.parameters, _Tables(call, cloud, keys)
    if "RequestItems" in asked:
        for name, wanted in asked["RequestItems"].items():
            items = wanted["Keys"] if isinstance(wanted, Mapping) else [_written(w) for w in wanted]
            yield at.need(call.operation, name, items)
    elif "TransactItems" in asked:
        for entry in asked["TransactItems"]:
            for kind, part in entry.items():
                item = part.get("Key") or part.get("Item") or {}
                yield at.need(_TRANSACTED[kind], part["TableName"], [item])
    elif "TableName" in asked:
        item = asked.get("Key") or asked.get("Item") or _queried(asked, cloud, call.region)
        yield at.need(call.operation, asked["TableName"], [item] if item else [])
    elif "ResourceArn" in asked:
        yield one(call, asked["ResourceArn"], keys)


_TRANSACTED = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _written(request: Mapping[str, Any]) -> Mapping[str, Any]:
    found = request.get("PutRequest", {}).get("Item") or request.get("DeleteRequest", {}).get("Key")
    return dict(found or {})


@dataclass(frozen=True, slots=True)
class _Tables:
    """The needs of one call on tables."""

    call: Call
    cloud: Cloud
    keys: Keys

    def need(self, operation: str, name: str, items: Sequence[Mapping[str, Any]]) -> Need:
        """`items` have at least their keys; their partition keys are the condition key LeadingKeys."""
        call, bare = self.call, name.rpartition("/")[2]
        index = f"/index/{call.parameters['IndexName']}" if "IndexName" in call.parameters else ""
        hash_key = _hash_key(self.cloud, call.region, bare)
        leading = [str(next(iter(i[hash_key].values()))) for i in items if hash_key in i]
        mine: Keys = {"dynamodb:leadingkeys": leading} if leading else {}
        resource = arn(call, self.cloud, f"table/{bare}{index}")
        return Need(action=f"dynamodb:{operation}", resource=resource, keys={**self.keys, **mine})


def _hash_key(cloud: Cloud, region: str, name: str) -> str:
    with cloud.backend("dynamodb", region) as backend:
        table = backend.tables.get(name)
        return str(table.hash_key_attr) if table else ""


def _queried(asked: Mapping[str, Any], cloud: Cloud, region: str) -> dict[str, Any]:
    """The partition key that a Query is about, from its key condition."""
    hash_key = _hash_key(cloud, region, asked["TableName"].rpartition("/")[2])
    names, values = (
        asked.get("ExpressionAttributeNames") or {},
        asked.get("ExpressionAttributeValues") or {},
    )
    for name, value in re.findall(
        r"([#\w.-]+)\s*=\s*(:\w+)", asked.get("KeyConditionExpression") or ""
    ):
        if names.get(name, name) == hash_key and value in values:
            return {hash_key: values[value]}
    return {}


_STREAMS = frozenset({"CreateLogStream", "DeleteLogStream", "PutLogEvents", "GetLogEvents"})


def _logs(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    asked = call.parameters
    group = str(asked.get("logGroupName") or asked.get("logGroupIdentifier") or "")
    group = (
        group.partition(":log-group:")[2].removesuffix(":*") if group.startswith("arn:") else group
    )
    stream = asked.get("logStreamName", "") if call.operation in _STREAMS else ""
    if "resourceArn" in asked:
        yield one(call, asked["resourceArn"], keys)
    else:
        yield one(call, arn(call, cloud, f"log-group:{group}:log-stream:{stream}"), keys)


def _tasks(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    asked = call.parameters
    cluster = str(asked.get("cluster") or asked.get("clusterName") or "default").rpartition("/")[2]
    where = {**keys, "ecs:cluster": [arn(call, cloud, f"cluster/{cluster}")]}
    match call.operation:
        case "RunTask":
            definition, roles = _definition(cloud, call)
            yield one(call, definition, where)
            yield from (passing(role, "ecs-tasks.amazonaws.com") for role in roles)
        case "RegisterTaskDefinition":
            yield one(call, arn(call, cloud, f"task-definition/{asked['family']}:*"), keys)
            wanted = (asked.get("taskRoleArn"), asked.get("executionRoleArn"))
            yield from (passing(role, "ecs-tasks.amazonaws.com") for role in wanted if role)
        case "StopTask" | "DescribeTasks":
            for task in [asked["task"]] if "task" in asked else asked.get("tasks") or ():
                id_ = task.rpartition("/")[2]
                yield one(call, arn(call, cloud, f"task/{cluster}/{id_}"), where)
        case "ListTasks":
            yield one(call, arn(call, cloud, f"container-instance/{cluster}/*"), where)
        case "CreateCluster" | "DeleteCluster" | "UpdateCluster" | "PutClusterCapacityProviders":
            yield one(call, arn(call, cloud, f"cluster/{cluster}"), keys)
        case "TagResource" | "UntagResource" | "ListTagsForResource":
            yield one(call, asked["resourceArn"], keys)
        case _:
            for kind, member in (("cluster", "clusters"), ("task-definition", "taskDefinitions")):
                for name in asked.get(member) or ():
                    yield one(call, arn(call, cloud, f"{kind}/{name.rpartition('/')[2]}"), keys)


def _definition(cloud: Cloud, call: Call) -> tuple[str, list[str]]:
    """The task definition with its revision, and the roles that the task will have."""
    asked, overrides = call.parameters, call.parameters.get("overrides") or {}
    with cloud.backend("ecs", call.region) as backend:
        found = backend.describe_task_definition(asked["taskDefinition"])
    roles = (
        overrides.get("taskRoleArn") or found.task_role_arn,
        overrides.get("executionRoleArn") or found.execution_role_arn,
    )
    return found.arn, [role for role in roles if role]


def _functions(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    """A qualifier is part of the resource: permission for a function is none for its version."""
    asked = call.parameters
    action = "lambda:InvokeFunction" if call.operation == "Invoke" else f"lambda:{call.operation}"
    if "FunctionName" in asked:
        name = asked["FunctionName"].rsplit(":function:", 1)[-1]
        qualifier = f":{asked['Qualifier']}" if asked.get("Qualifier") and ":" not in name else ""
        resource = arn(call, cloud, f"function:{name}{qualifier}")
        yield Need(action=action, resource=resource, keys=keys)
    elif "Resource" in asked:
        yield Need(action=action, resource=asked["Resource"], keys=keys)
    if asked.get("Role"):
        yield passing(asked["Role"], "lambda.amazonaws.com")


def _events(call: Call, cloud: Cloud, keys: Keys) -> Iterator[Need]:
    asked = call.parameters
    name = asked.get("Rule") or (asked.get("Name") if "Rule" in call.operation else None)
    if name:
        yield one(call, arn(call, cloud, f"rule/{name}"), keys)
    elif "ResourceARN" in asked:
        yield one(call, asked["ResourceARN"], keys)


_FINDERS: Mapping[str, Callable[[Call, Cloud, Keys], Iterator[Need]]] = {
    "dynamodb": _tables,
    "ec2": furniture.networks,
    "ecr": furniture.repositories,
    "ecs": _tasks,
    "events": _events,
    "iam": furniture.identities,
    "lambda": _functions,
    "logs": _logs,
    "secretsmanager": _secrets,
    "s3": furniture.buckets,
    "sts": furniture.identities,
}
