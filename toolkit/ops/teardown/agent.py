"""What one agent has of an environment for itself: what goes with it, and what others still need.  Pure but for the project.

Its log lines go, too: whoever only wants it out of the way removes it from the project and pushes, and keeps them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.errors import UsageError
from toolkit.core.plan import Item
from toolkit.core.ports import Holdings, Left
from toolkit.credentials import resolve
from toolkit.ops.credentials import cloud_name
from toolkit.ops.owners import by_name, key_of, owner
from toolkit.ops.pushed_facts import BEGUN
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One agent's share."""

    items: tuple[Item, ...]
    left: tuple[Left, ...]
    notes: tuple[str, ...]


def part(
    services: Services,
    agent: str,
    holdings: Holdings,
    facts: Mapping[str, Any],
    known: tuple[str, ...],
) -> Part:
    """Raises UsageError for an agent that neither the account, nor what was recorded, nor the project knows."""
    AgentName.parse(agent)
    owners = by_name(services, facts)
    tagged = [item for item in holdings.ours if item.tags.get("al:agent") == agent]
    own = [item for item in tagged if owner(owners, item) == agent]
    _require_known(services, agent, holdings, known, found=bool(tagged))
    needs = dict(_others(services, agent, facts))
    credentials = {cloud_name(services.context.names, path): path for path in used(facts, agent)}
    theirs = [item for item in holdings.ours if item.name in credentials and item not in own]
    free = [item for item in theirs if not _user(credentials[item.name], needs)]
    kept = [
        Left(item=item, why=f"agent {user} uses it, too")
        for item in theirs
        if (user := _user(credentials[item.name], needs))
    ]
    chosen = {item.key for item in (*own, *free)}
    return Part(
        items=tuple(item for item in holdings.ours if item.key in chosen),
        left=(*kept, *_misnamed(agent, holdings, owners)),
        notes=tuple(_notes(services, agent, facts)) if own else (),
    )


def _misnamed(
    agent: str, holdings: Holdings, owners: Mapping[tuple[str, str], str]
) -> Iterator[Left]:
    """What its tag or its name says to be this agent's, and not both."""
    for item in holdings.ours:
        tag, named = item.tags.get("al:agent"), owners.get(key_of(item))
        if tag != named and tag and named and agent in (tag, named):
            why = f"its name is that of agent {named}, and its tag al:agent says {tag!r}"
            yield Left(item=item, why=why)
    yield from (left for left in holdings.left if owners.get(key_of(left.item)) == agent)


def _require_known(
    services: Services, agent: str, holdings: Holdings, known: tuple[str, ...], *, found: bool
) -> None:
    project = {str(one.name) for one in services.project.agents} if services.project else set()
    if found or agent in known or agent in project:
        return
    there = {item.tags["al:agent"] for item in holdings.ours if "al:agent" in item.tags}
    choices = ", ".join(sorted({*there, *known, *project})) or "none"
    raise UsageError(
        f"{services.environment.name} has nothing of an agent named {agent!r}, and the project has no such agent",
        hint=f"known agents: {choices}",
    )


def used(facts: Mapping[str, Any], agent: str) -> tuple[str, ...]:
    """`<type>/<instance>/<field>` of the credentials that its definition gives it, or gave it before a teardown."""
    if definition := facts.get(fact_key(agent)):
        return tuple(definition["credentials"])
    return tuple((facts.get(BEGUN) or {}).get("used", {}).get(agent, ()))


def _others(services: Services, agent: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the other agents need, and one that does: as they are defined, and as the project wants them."""
    prefix = fact_key("")
    for other in (key.removeprefix(prefix) for key in facts if key.startswith(prefix)):
        if other != agent:
            yield from ((path, other) for path in used(facts, other))
    if services.project is None:
        return
    rest = tuple(one for one in services.project.agents if one.name != agent)
    for ref in resolve.project_credentials(replace(services.project, agents=rest)):
        yield f"{ref.type}/{ref.instance}/", f"of the project that needs {ref}"


def _user(path: str, needs: Mapping[str, str]) -> str | None:
    """Who else needs the credential's field."""
    return next((who for need, who in needs.items() if path.startswith(need)), None)


def _notes(services: Services, agent: str, facts: Mapping[str, Any]) -> Iterator[str]:
    if services.project and any(one.name == agent for one in services.project.agents):
        yield (
            f"{agent} is still in the project: the next push makes all of this again; to be rid of it, remove "
            f"agents/{agent} first"
        )
    if fact_key(agent) not in facts and not used(facts, agent):
        yield f"which credentials {agent} used is not recorded, so those stay"
    yield "the records of its runs stay in the shared state until they expire"
