"""Definitions: one per agent version, registered at push and named by every run (D1)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.core.agent import Agent, Project
from toolkit.core.placement import runtime_name
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.wiring import Services

KEPT = 10  # earlier images that a rollback can name


def define(
    services: Services, agent: Agent, image: str, facts: Mapping[str, Any], *, paths: Sequence[str]
) -> dict[str, Any] | None:
    """Register the agent's definition when it differs from the recorded one; the new fact, or None."""
    runtime = services.runtime_for(agent)
    item = runtime.definition(agent, image)
    mine = tuple(
        p
        for p in paths
        if any(p.startswith(f"{r.type}/{r.instance}/") for r in resolve.required(agent))
    )
    digest = _digest(item, mine, agent.timeout)
    before = facts.get(fact_key(agent.name))
    if before and before["hash"] == digest:
        return None
    reference = runtime.define(item)
    made = Definition(
        agent=agent.name, runtime=runtime_name(agent, services.environment), ref=reference, image=image, hash=digest,
        timeout=agent.timeout, credentials=mine, previous=_previous(before),
    )  # fmt: skip
    fact = made.to_fact()
    services.ledger.set_fact(fact_key(agent.name), fact)
    return fact


def _digest(item: Item, credentials: Sequence[str], timeout: int) -> str:
    content = json.dumps(
        [item.kind, item.name, item.attributes, list(credentials), timeout], sort_keys=True
    )
    return hashlib.sha256(content.encode()).hexdigest()


def _previous(before: Mapping[str, Any] | None) -> tuple[Mapping[str, str], ...]:
    if not before:
        return ()
    return ({"image": before["image"], "ref": before["ref"]}, *before["previous"])[:KEPT]


def gone(facts: Mapping[str, Any], project: Project) -> list[str]:
    """Agents that were pushed once and are no longer in the project."""
    known = {str(agent.name) for agent in project.agents}
    return sorted(
        name
        for key in facts
        if key.startswith("definition/") and (name := key.split("/", 1)[1]) not in known
    )
