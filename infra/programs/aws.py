"""The Pulumi program for AWS: every item of infra/desired/aws.py as a component.

It runs unchanged in Pulumi's engine and in the sandbox's.  Names are explicit everywhere: a generated one
could not be found again by the runtimes, nor told from a stranger's.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi

from infra.components.cluster import Cluster
from infra.components.credential import Credential
from infra.components.event_rule import EventRule
from infra.components.gateway import Gateway
from infra.components.identity import Identity
from infra.components.logs import LogGroup
from infra.components.network import SecurityGroup
from infra.components.registry import Registry
from toolkit.core.plan import Item

from .importing import NOTHING_ADOPTED, importing


def program(
    items: Iterable[Item], adopted: Mapping[tuple[str, str], str] = NOTHING_ADOPTED
) -> Callable[[], None]:
    """What Pulumi runs.  Exports `role_arns`, `repositories` (name to URL) and, with a gateway, `gateway_url`.

    `adopted` are the import ids, by type token and name, of resources that are there and not in the state.

    A `network` is found, not made: it has no part in this.
    """
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)

    def run() -> None:
        if adopted:
            pulumi.runtime.register_stack_transformation(importing(adopted))
        repositories = _each(by_kind, "repository", Registry)
        groups = _each(by_kind, "log_group", LogGroup)
        _each(by_kind, "security_group", SecurityGroup)
        _each(by_kind, "cluster", Cluster)
        _each(by_kind, "secret", Credential)
        identities = _each(by_kind, "role", Identity)
        pulumi.export("role_arns", {name: i.role.arn for name, i in identities.items()})
        pulumi.export(
            "repositories", {n: r.repository.repository_url for n, r in repositories.items()}
        )
        for function in by_kind.get("function", ()):
            gateway = _gateway(function, repositories, groups, identities)
            pulumi.export("gateway_url", gateway.url)
            for rule in by_kind.get("event_rule", ()):
                EventRule(rule, function=gateway.function.arn)

    return run


def _each(
    by_kind: Mapping[str, Iterable[Item]], kind: str, component: Callable[[Item], Any]
) -> dict[str, Any]:
    return {item.name: component(item) for item in by_kind.get(kind, ())}


def _gateway(
    item: Item,
    repositories: Mapping[str, Registry],
    groups: Mapping[str, LogGroup],
    identities: Mapping[str, Identity],
) -> Gateway:
    """After the policy that lets Lambda pull, the role's grants and the log group, all of which it needs at once."""
    identity = identities[item.attributes["role"]]
    needs = [identity, groups[item.attributes["log_group"]]]
    repository = item.attributes["image"].partition("@")[0].partition("/")[2]
    if repository in repositories:
        needs.append(repositories[repository])
    return Gateway(item, role=identity.role.arn, needs=needs)
