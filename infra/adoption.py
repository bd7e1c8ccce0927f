"""What is there already under a name that we want or would remove: ours to work on, taken over, or refused.  Pure.

A killed push leaves things that its state does not know, and so does a lost state.  With our tags such a thing is
ours: Pulumi imports it (docs/adr/0005).  Without them it is somebody else's, and no name of theirs is ever written to.
That holds for what the state knows as well: it knows most things by their names, and who has removed one of ours and
made another in its place has not given it to us.

Import ids are those of the "Import" section of each resource of https://www.pulumi.com/registry/packages/aws/.
Inline policies, lifecycle rules, repository policies, settings of events and targets of rules need none: creating one overwrites what is there.
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
    "event_rule": "aws:cloudwatch/eventRule:EventRule",
}
# a function's parts, which AWS refuses to create twice
URL = "aws:lambda/functionUrl:FunctionUrl"
PERMISSION = "aws:lambda/permission:Permission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands under the name of an item.  `imports` are import ids, of the whole and of its parts.

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


def whole(item: Item, wholes: Mapping[str, str] = WHOLES) -> Key:
    """The resource that carries the item's tags, and whose name can be taken.  `wholes` are the types of the cloud."""
    return wholes[item.kind], item.name


def recorded(resources: Iterable[Mapping[str, Any]]) -> Mapping[Key, str]:
    """The resources that a state knows, with their ids: `resources` of an exported deployment."""
    return {(r["type"], r["urn"].rpartition("::")[2]): str(r.get("id", "")) for r in resources}


def at_stake(
    desired: Iterable[Item], state: Collection[Key], wholes: Mapping[str, str] = WHOLES
) -> tuple[Item, ...]:
    """The wholes that a run may write to or remove: those desired, and those that the state knows besides."""
    wanted = [item for item in desired if item.kind in wholes]
    keys = {whole(item, wholes) for item in wanted}
    kinds = {token: kind for kind, token in wholes.items()}
    besides = (key for key in state if key[0] in kinds and key not in keys)
    return (*wanted, *(Item(kind=kinds[token], name=name) for token, name in besides))


def decide(
    names: Names,
    found: Sequence[Found],
    desired: Iterable[Item],
    state: Mapping[Key, str],
    wholes: Mapping[str, str] = WHOLES,
) -> Adoption:
    """What to take over.  Raises Conflict naming everything that is not ours, before anything is changed."""

    def key(of: Item) -> Key:
        return whole(of, wholes)

    keys = {key(item) for item in desired if item.kind in wholes}
    wanted = [f for f in found if key(f.item) in keys]
    # of what would be removed: a group of that name in another network is nobody's concern
    known = [f for f in found if (k := key(f.item)) not in keys and f.imports[k] == state[k]]
    foreign = [f for f in (*wanted, *known) if not names.owns(dict(f.tags))]
    if foreign:
        raise _refusal(names, foreign, forgettable=any(f in known for f in foreign))
    imports = {k: ref for f in wanted for k, ref in f.imports.items() if k not in state}
    return Adoption(imports=imports, restore=tuple(f.restore for f in wanted if f.restore))


def _refusal(names: Names, foreign: Sequence[Found], *, forgettable: bool) -> Conflict:
    things = ", ".join(f"{f.item.kind.replace('_', ' ')} {f.item.name}" for f in foreign)
    scope, tags = names.scope, ", ".join(f"{key}={value}" for key, value in names.tags().items())
    forget = (
        "; what the project no longer names, take out of Pulumi's state (`pulumi state delete`, docs/pulumi.md)"
        if forgettable
        else ""
    )
    return Conflict(
        f"there already, and not of {scope.project}/{scope.environment}: {things}",
        hint="rename the project, the environment or the agent; or, to hand them over, or where somebody took our tags "
        f"away, tag them {tags}{forget}",
    )
