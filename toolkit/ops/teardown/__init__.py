"""The deciding half of a teardown: what an account holds of an environment, or of one agent in it, as a plan.

It goes by the account, and by what pushes recorded there; the project's files may say something else by now, or be
gone.  Nothing is changed here; `teardown_steps` does what was decided.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.environment import AwsCloud, Environment, GcpCloud
from toolkit.core.errors import ConfigError, UsageError
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import Names
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.core.ports import Holdings, Left
from toolkit.ops import infrastructure, state
from toolkit.ops.owners import key_of
from toolkit.ops.push import pushed_as, read_facts
from toolkit.ops.pushed_facts import BEGUN
from toolkit.ops.teardown import agent as teardown_agent
from toolkit.ops.teardown import local as teardown_local
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services

_FOUND = ("network",)  # kinds of desired items that are found and used, not made
NOT_OURS = "not ours any more: a push made it, and its tags name another environment"
_YOURS = "yours: the environment's file names it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """Everything decided, nothing done.  `agent` is None for the whole environment."""

    services: Services
    agent: str | None
    table: bool  # whether there is shared state of ours, so that facts and the lease can be kept
    facts: Mapping[str, Any]
    known: tuple[str, ...]  # agents that the environment is recorded to have, or to have had
    items: tuple[Item, ...]  # in the order in which they can be removed
    local: tuple[Item, ...] = ()
    absent: tuple[Item, ...] = ()  # what pushes recorded and is not there any more
    left: tuple[Left, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        return Plan(tuple(map(_removal, (*self.items, *self.local))))

    @property
    def due(self) -> bool:
        """Whether there is anything to remove, or to forget; an earlier one may have been interrupted in between."""
        recorded = self.agent is not None and fact_key(self.agent) in self.facts
        return bool(self.plan) or BEGUN in self.facts or recorded

    def to_dict(self) -> dict[str, Any]:
        """For `--dry-run --json`."""
        return {
            "remove": [named(item) for item in (*self.items, *self.local)],
            "absent": [named(item) for item in self.absent],
            "left": [left_to_dict(left) for left in self.left],
        }


def decide(services: Services, agent: str | None = None) -> Teardown:
    """Look, and change nothing.  Raises UsageError for an agent that nobody knows, and where there is no cloud."""
    if agent is not None:
        _require_name(agent)
    _check(services)
    holdings = services.inventory.found(agent)
    table = any(_usable(item) for item in holdings.ours)
    facts = read_facts(services) if table else {}
    known = _known(facts)
    if known and any(left.item.kind == "log_group" for left in holdings.left):
        holdings = services.inventory.found(agent, known=known)
    holdings = _with_others(holdings, services, facts)
    if agent is None:
        return _whole(services, holdings, facts, known, table=table)
    part = teardown_agent.part(services, agent, holdings, facts, known)
    return Teardown(
        services=services,
        agent=agent,
        table=table,
        facts=facts,
        known=known,
        items=part.items,
        absent=_absent(services, facts, holdings, agent),
        left=part.left,
        notes=part.notes,
    )


def _whole(
    services: Services,
    holdings: Holdings,
    facts: Mapping[str, Any],
    known: tuple[str, ...],
    *,
    table: bool,
) -> Teardown:
    return Teardown(
        services=services,
        agent=None,
        table=table,
        facts=facts,
        known=known,
        items=holdings.ours,
        local=teardown_local.found(services),
        absent=_absent(services, facts, holdings),
        left=(*holdings.left, *_on_purpose(services, facts), *_apis(facts)),
    )


def _check(services: Services) -> None:
    """Raises UsageError or ConfigError where it is not clear what is to go."""
    environment = services.environment
    if environment.cloud is None:
        raise UsageError(
            f"there is nothing to tear down in {environment.name!r}: it is this machine",
            hint="name the environment with -E, e.g. -E production",
        )
    name = environment.scope.project
    before = pushed_as(services.context.project).get(environment.name)
    if before not in (None, name):
        raise ConfigError(
            f"{environment.name} holds this project as {before!r}, and it is now called {name!r}",
            hint=f"set `name` in config.toml back to {before!r}, so that it is clear what is to go",
        )


def _usable(item: Item) -> bool:
    return item.kind in state.KINDS and item.attributes.get("status") != "DELETING"


def _known(facts: Mapping[str, Any]) -> tuple[str, ...]:
    prefix = fact_key("")
    defined = {key.removeprefix(prefix) for key in facts if key.startswith(prefix)}
    return tuple(sorted({*defined, *(facts.get(BEGUN) or {}).get("agents", ())}))


def _absent(
    services: Services, facts: Mapping[str, Any], holdings: Holdings, agent: str | None = None
) -> tuple[Item, ...]:
    """What pushes recorded, and the account does not have under any tags."""
    there = {key_of(item) for item in (*holdings.ours, *(left.item for left in holdings.left))}
    return tuple(
        item
        for item in _recorded(services, facts)
        if item.key not in there and agent in (None, item.tags.get("al:agent"))
    )


def _recorded(services: Services, facts: Mapping[str, Any]) -> Iterator[Item]:
    """What pushes made: found things and what stays enabled are not among it."""
    yield from (i for i in infrastructure.applied(facts) if i.kind not in (*_FOUND, "api"))
    yield from _definitions(services, facts)


def _with_others(holdings: Holdings, services: Services, facts: Mapping[str, Any]) -> Holdings:
    """What a push of ours made, and now has another environment's tags, is left and named."""
    recorded = {item.key for item in _recorded(services, facts)}
    lost = [Left(item=i, why=NOT_OURS) for i in holdings.others if key_of(i) in recorded]
    return replace(holdings, left=(*holdings.left, *lost))


def _require_name(agent: str) -> None:
    """A pattern must not reach the account.  Raises UsageError."""
    try:
        AgentName.parse(agent)
    except ConfigError as error:
        raise UsageError(error.message, hint=error.hint) from None


def _definitions(services: Services, facts: Mapping[str, Any]) -> Iterator[Item]:
    names = services.context.names
    for key, fact in facts.items():
        if key.startswith(fact_key("")):
            kind, name = _defined(names, fact)
            yield Item(kind=kind, name=name, tags=names.tags(agent=fact["agent"]))


def _defined(names: Names, fact: Mapping[str, Any]) -> tuple[str, str]:
    """What a definition is in its cloud: kind and name."""
    match fact["runtime"]:
        case "aws_lambda":
            return "function", names.function(fact["agent"])
        case "ecs_fargate":
            return "task_definition", names.family(fact["agent"])
        case _:
            return "job", fact["ref"].partition(":")[0]


def _on_purpose(services: Services, facts: Mapping[str, Any]) -> Iterator[Left]:
    """What the environment uses and nobody made for it."""
    for kind, its in _brought(services.environment).items():
        for name in dict.fromkeys(filter(None, its)):
            yield Left(item=Item(kind=kind, name=name), why=_YOURS)
    for item in infrastructure.applied(facts):
        if item.kind in _FOUND:
            vpc = Item(kind=item.kind, name=item.attributes["vpc"])
            yield Left(
                item=vpc, why="it was there before: runs were in it, and nothing of it was made"
            )


def _apis(facts: Mapping[str, Any]) -> Iterator[Left]:
    """Those that a push has enabled, in one line."""
    if names := [item.name for item in infrastructure.applied(facts) if item.kind == "api"]:
        apis = Item(kind="api", name=", ".join(names))
        yield Left(item=apis, why="they stay enabled: others in the project may use them, too")


def _brought(environment: Environment) -> Mapping[str, tuple[str | None, ...]]:
    """By kind, the names of what is the user's own."""
    match environment.cloud:
        case AwsCloud() as cloud:
            roles = (cloud.execution_role, cloud.task_role, cloud.lambda_role)
            return {
                "cluster": (cloud.cluster,),
                "role": (*roles, *(role for _, _, role in cloud.agent_roles)),
                "policy": (cloud.permission_boundary,),
                "security_group": (*cloud.security_groups, *cloud.lambda_security_groups),
            }
        case GcpCloud() as cloud:
            own = GcpNames(environment.scope).repository
            repository = cloud.repository if cloud.repository != own else None
            return {"service_account": (cloud.service_account,), "image_repository": (repository,)}
    return {}


def _removal(item: Item) -> Change:
    return Change(action=Action.DELETE, item=item, before=item, reason=_holds(item))


def _holds(item: Item) -> str:
    """What goes with it, where its name does not tell."""
    if item.kind == "task":
        count = len(item.attributes.get("tasks", ()))
        return f"{count} running" if count else ""
    if revisions := item.attributes.get("revisions"):
        return f"revision {', '.join(revisions)}"
    return {
        "function": "with all its versions",
        "repository": "with its images",
        **dict.fromkeys(state.KINDS, "with the records of all runs"),
        "bucket": "with the state that Pulumi keeps in it",
    }.get(item.kind, "")


def named(item: Item) -> dict[str, Any]:
    return {"kind": item.kind, "name": item.name}


def left_to_dict(left: Left) -> dict[str, Any]:
    return {**named(left.item), "why": left.why}
