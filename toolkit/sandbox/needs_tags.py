"""The tags of what a call names, as the condition key aws:ResourceTag: of tables, repositories, tasks and their definitions,
clusters, functions, rules of EventBridge, and log groups.  A function's versions have its tags, as Lambda has it
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html).

What does not exist has no tags, and then there is no such key.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from infra.reconcile.policy import Need

from .cloud import Cloud
from .need_parts import pairs, resource_tags

Tags = Mapping[str, str]


def with_tags(found: Iterable[Need], cloud: Cloud) -> Iterator[Need]:
    """The needs, each with the tags of its resource."""
    for need in found:
        tags = _tags(need.resource, cloud)
        service = need.action.partition(":")[0]
        yield replace(need, keys={**need.keys, **resource_tags(tags, service)}) if tags else need


def _tags(resource: str, cloud: Cloud) -> Tags:
    parts = resource.split(":", 5)
    look = _LOOKS.get(parts[2]) if len(parts) == len(("arn", "", "", "", "", "rest")) else None
    if look is None:
        return {}
    with cloud.backend(parts[2], parts[3]) as backend:
        return look(backend, resource, parts[5])


def _table(backend: Any, _: str, rest: str) -> Tags:
    table = backend.tables.get(rest.split("/")[1])
    return pairs(table.tags) if table else {}


def _repository(backend: Any, arn: str, _: str) -> Tags:
    return pairs(backend.tagger.list_tags_for_resource(arn)["tags"])


def _of_ecs(backend: Any, arn: str, rest: str) -> Tags:
    kind, _, name = rest.partition("/")
    there: Iterable[Any] = ()
    if kind == "cluster":
        there = filter(None, [backend.clusters.get(name)])
    elif kind == "task":
        there = backend.tasks.get(name.partition("/")[0], {}).values()
    elif kind == "task-definition":
        there = backend.task_definitions.get(name.rpartition(":")[0], {}).values()
    return next((pairs(thing.tags or ()) for thing in there if _arn(thing) == arn), {})


def _arn(thing: Any) -> str:
    """moto calls a task's and a definition's differently."""
    return str(thing.task_arn if hasattr(thing, "task_arn") else thing.arn)


def _function(backend: Any, _: str, rest: str) -> Tags:
    name = rest.split(":")[1]
    return pairs(
        next((f.tags or {} for f in backend.list_functions() if f.function_name == name), {})
    )


def _rule(backend: Any, arn: str, _: str) -> Tags:
    return pairs(backend.tagger.list_tags_for_resource(arn)["Tags"])


def _log_group(backend: Any, _: str, rest: str) -> Tags:
    group = backend.groups.get(rest.removeprefix("log-group:").partition(":")[0])
    return pairs(backend.tagger.get_tag_dict_for_resource(group.arn)) if group else {}


_LOOKS: Mapping[str, Callable[[Any, str, str], Tags]] = {
    "dynamodb": _table,
    "ecr": _repository,
    "ecs": _of_ecs,
    "events": _rule,
    "lambda": _function,
    "logs": _log_group,
}
