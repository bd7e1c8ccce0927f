"""What is there already under a name that we want, and is not in Pulumi's state: taken over, or refused.  Pure.

A killed push leaves things that its state does not know, and so does a lost state.  With our tags such a thing is
ours: Pulumi imports it (docs/adr/0005).  Without them it is somebody else's, and no name of theirs is ever written to.

Import ids are those of the "Import" section of each resource of https://www.pulumi.com/registry/packages/aws/.
Inline policies, lifecycle rules and repository policies need none: creating one overwrites what is there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Item

Key = tuple[str, str]  # a resource's type token and its name in the program

WHOLES: Mapping[str, str] = {
    "role": "aws:iam/role:Role",
    "repository": "aws:ecr/repository:Repository",
    "log_group": "aws:cloudwatch/logGroup:LogGroup",
    "secret": "aws:secretsmanager/secret:Secret",
    "cluster": "aws:ecs/cluster:Cluster",
    "security_group": "aws:ec2/securityGroup:SecurityGroup",
    "function": "aws:lambda/function:Function",
}
URL = "aws:lambda/functionUrl:FunctionUrl"
PERMISSION = "aws:lambda/permission:Permission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands under the name of a desired item.  `imports` are import ids, of the whole and of its parts.

    `restore` is the ARN of a secret that waits for its deletion: its name stays taken until it is restored.
    """

    item: Item
    tags: Mapping[str, str]
    imports: Mapping[Key, str]
    restore: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What the program imports, and the ARNs of the secrets that must be restored before it can."""

    imports: Mapping[Key, str] = field(default_factory=dict)
    restore: tuple[str, ...] = ()


NONE = Adoption()


def whole(item: Item) -> Key:
    """The resource that carries the item's tags, and whose name can be taken."""
    return WHOLES[item.kind], item.name


def parts(item: Item) -> tuple[Key, ...]:
    """The item's other resources that AWS refuses to create twice."""
    if item.kind != "function":
        return ()
    permissions = item.attributes["permissions"]
    return (URL, item.name), *((PERMISSION, f"{item.name}-{p['id']}") for p in permissions)


def recorded(resources: Iterable[Mapping[str, Any]]) -> frozenset[Key]:
    """The resources that a state knows: `resources` of an exported deployment."""
    return frozenset((r["type"], r["urn"].rpartition("::")[2]) for r in resources)


def lacking(desired: Iterable[Item], state: Collection[Key]) -> tuple[Item, ...]:
    """The items of which the state lacks something that may be in the account: those to look for."""
    return tuple(
        item
        for item in desired
        if item.kind in WHOLES and any(key not in state for key in (whole(item), *parts(item)))
    )


def decide(names: Names, found: Sequence[Found], state: Collection[Key]) -> Adoption:
    """What to take over.  Raises Conflict naming everything that is not ours, before anything is changed."""
    new = [f for f in found if whole(f.item) not in state]
    foreign = [f for f in new if not names.owns(dict(f.tags))]
    if foreign:
        _refuse(names, foreign)
    imports = {k: ref for f in found for k, ref in f.imports.items() if k not in state}
    return Adoption(imports=imports, restore=tuple(f.restore for f in new if f.restore))


def _refuse(names: Names, foreign: Sequence[Found]) -> None:
    things = ", ".join(f"{f.item.kind.replace('_', ' ')} {f.item.name}" for f in foreign)
    scope, tags = names.scope, ", ".join(f"{key}={value}" for key, value in names.tags().items())
    raise Conflict(
        f"there already, and not of {scope.project}/{scope.environment}: {things}",
        hint=f"rename the project, the environment or the agent; or, to hand them over, tag them {tags}",
    )
