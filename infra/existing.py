"""Looks in an account for what stands under the names of desired items.  Reads only; who may have it is decided in
adoption.py.

One listing for each service, whatever the number of agents; tags are asked for only where a name is taken.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from toolkit.clouds.aws import Clients, translated
from toolkit.core.errors import NotFound
from toolkit.core.plan import Item

from .adoption import PERMISSION, URL, Found, whole

Named = Mapping[str, Item]  # items of one kind by name
Look = Callable[[Clients, Named], Iterator[Found]]


def find(clients: Clients, items: Iterable[Item]) -> tuple[Found, ...]:
    """What is there of these items.  Raises AccessDenied and the like, in AWS's words."""
    kinds: dict[str, dict[str, Item]] = {}
    for item in items:
        kinds.setdefault(item.kind, {})[item.name] = item

    def look(kind: str) -> Sequence[Found]:
        with translated(f"looking for what is there of each {kind.replace('_', ' ')}"):
            return tuple(_LOOKS[kind](clients, kinds[kind]))

    with ThreadPoolExecutor(len(_LOOKS)) as pool:
        return tuple(found for several in pool.map(look, kinds) for found in several)


def restore(clients: Clients, arn: str) -> None:
    """Keep a secret that waits for its deletion: until then CreateSecret is refused for its name
    (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html)."""
    with translated(f"restoring the secret {arn}"):
        clients.client("secretsmanager").restore_secret(SecretId=arn)


def _found(item: Item, tags: Mapping[str, str], ref: str) -> Found:
    return Found(item=item, tags=tags, imports={whole(item): ref})


def _roles(clients: Clients, wanted: Named) -> Iterator[Found]:
    iam = clients.client("iam")
    for role in _pages(iam, "list_roles", "Roles", PaginationConfig={"PageSize": 1000}):
        name = role["RoleName"]
        if name in wanted:  # a listing leaves tags out
            tags = _pages(iam, "list_role_tags", "Tags", RoleName=name)
            yield _found(wanted[name], _mapping(tags), name)


def _repositories(clients: Clients, wanted: Named) -> Iterator[Found]:
    ecr = clients.client("ecr")
    for repository in _pages(ecr, "describe_repositories", "repositories"):
        name = repository["repositoryName"]
        if name in wanted:
            tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
            yield _found(wanted[name], _mapping(tags), name)


def _log_groups(clients: Clients, wanted: Named) -> Iterator[Found]:
    logs = clients.client("logs")
    for prefix in _prefixes(wanted):
        for group in _pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=prefix):
            name = group["logGroupName"]
            if name in wanted:
                arn = group["arn"].removesuffix(":*")  # tagging wants it without
                tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
                yield _found(wanted[name], tags, name)


def _secrets(clients: Clients, wanted: Named) -> Iterator[Found]:
    """Also those that wait for their deletion: CreateSecret refuses their names too."""
    manager = clients.client("secretsmanager")
    prefix = _beginning(wanted)
    pages = _pages(
        manager,
        "list_secrets",
        "SecretList",
        IncludePlannedDeletion=True,
        Filters=[{"Key": "name", "Values": [prefix]}],
    )
    for secret in pages:
        item = wanted.get(secret["Name"])
        if item is not None:
            yield Found(
                item=item,
                tags=_mapping(secret.get("Tags", ())),
                imports={whole(item): secret["ARN"]},
                restore=secret["ARN"] if "DeletedDate" in secret else None,
            )


def _clusters(clients: Clients, wanted: Named) -> Iterator[Found]:
    """One that was deleted is told of for a while, as inactive, and its name is free
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html)."""
    answer = clients.client("ecs").describe_clusters(clusters=list(wanted), include=["TAGS"])
    for cluster in answer["clusters"]:
        if cluster["status"] != "INACTIVE":
            name = cluster["clusterName"]
            yield _found(wanted[name], _mapping(cluster.get("tags", ()), "key", "value"), name)


def _security_groups(clients: Clients, wanted: Named) -> Iterator[Found]:
    """A group's name is taken only within its VPC."""
    ec2 = clients.client("ec2")
    named = [{"Name": "group-name", "Values": list(wanted)}]
    for group in _pages(ec2, "describe_security_groups", "SecurityGroups", Filters=named):
        item = wanted[group["GroupName"]]
        if group.get("VpcId") == item.attributes["vpc"]:
            yield _found(item, _mapping(group.get("Tags", ())), group["GroupId"])


def _functions(clients: Clients, wanted: Named) -> Iterator[Found]:
    for name, item in wanted.items():
        function = _or_none(clients.client("lambda").get_function, FunctionName=name)
        if function is not None:
            parts = _url(clients, name) | _permissions(clients, item)
            tags = function.get("Tags", {})
            yield Found(item=item, tags=tags, imports={whole(item): name} | parts)


def _url(clients: Clients, name: str) -> dict[tuple[str, str], str]:
    there = _or_none(clients.client("lambda").get_function_url_config, FunctionName=name)
    return {(URL, name): name} if there else {}


def _permissions(clients: Clients, item: Item) -> dict[tuple[str, str], str]:
    answer = _or_none(clients.client("lambda").get_policy, FunctionName=item.name)
    statements = json.loads(answer["Policy"])["Statement"] if answer else []
    there = {statement["Sid"] for statement in statements}
    wanted = {permission["id"] for permission in item.attributes["permissions"]}
    return {
        (PERMISSION, f"{item.name}-{sid}"): f"{item.name}/{sid}" for sid in sorted(wanted & there)
    }


_LOOKS: Mapping[str, Look] = {
    "role": _roles,
    "repository": _repositories,
    "log_group": _log_groups,
    "secret": _secrets,
    "cluster": _clusters,
    "security_group": _security_groups,
    "function": _functions,
}


def _pages(client: Any, call: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(call).paginate(**arguments):
        yield from page[key]


def _or_none(call: Callable[..., Any], **arguments: Any) -> Any | None:
    try:
        with translated("looking at the gateway"):
            return call(**arguments)
    except NotFound:
        return None


def _prefixes(names: Iterable[str]) -> list[str]:
    """What the names of each directory (`/ecs/`, `/aws/lambda/`) begin with."""
    directories: dict[str, list[str]] = {}
    for name in names:
        directories.setdefault(name.rpartition("/")[0], []).append(name)
    return [_beginning(several) for several in directories.values()]


def _beginning(names: Collection[str]) -> str:
    """The longest text that all of them begin with."""
    first, last = min(names), max(names)
    for at, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return first[:at]
    return first


def _mapping(
    tags: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    return {tag[key]: tag[value] for tag in tags}
