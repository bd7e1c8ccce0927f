"""Definitions: one per agent version, registered at push and named by every run (D1)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.core.agent import Agent, Project
from toolkit.core.placement import runtime_name
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An agent's definition as it should be, before it is registered."""

    agent: Agent
    runtime: str
    item: Item
    image: str
    credentials: tuple[str, ...]

    @property
    def hash(self) -> str:
        content = [
            self.item.kind,
            self.item.name,
            self.item.attributes,
            list(self.credentials),
            self.agent.timeout,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def due(self, facts: Mapping[str, Any]) -> bool:
        """Whether it differs from the recorded one."""
        return (facts.get(fact_key(self.agent.name)) or {}).get("hash") != self.hash


def wanted(services: Services, agent: Agent, image: str, *, paths: Sequence[str]) -> Wanted:
    """Pure: what the agent's definition should be.  `paths` are all credential fields that are there."""
    return Wanted(
        agent=agent,
        runtime=runtime_name(agent, services.environment),
        item=services.runtime_for(agent).definition(agent, image),
        image=image,
        credentials=tuple(
            p
            for p in paths
            if any(p.startswith(f"{r.type}/{r.instance}/") for r in resolve.required(agent))
        ),
    )


def define(services: Services, new: Wanted, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Register it and record that it is; the new fact."""
    made = Definition(
        agent=new.agent.name,
        runtime=new.runtime,
        ref=services.runtime(new.runtime).define(new.item),
        image=new.image,
        hash=new.hash,
        timeout=new.agent.timeout,
        credentials=new.credentials,
        previous=_previous(
            facts.get(fact_key(new.agent.name)), new.runtime, services.environment.keep_images
        ),
    )
    fact = made.to_fact()
    services.ledger.set_fact(fact_key(new.agent.name), fact)
    return fact


def _previous(
    before: Mapping[str, Any] | None, runtime: str, keep: int
) -> tuple[Mapping[str, str], ...]:
    """The definitions that a rollback can name: the newest `keep` before this one, on the same runtime."""
    if not before or before["runtime"] != runtime:
        return ()
    return ({"image": before["image"], "ref": before["ref"]}, *before["previous"])[:keep]


def prune(
    services: Services,
    agent: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Forget what neither the present definition nor a rollback names; everything where the agent has moved or gone."""
    if before and (after is None or before["runtime"] != after["runtime"]):
        services.runtime(before["runtime"]).prune(agent, ())
    if after:
        keep = {after["ref"], *(earlier["ref"] for earlier in after["previous"])}
        services.runtime(after["runtime"]).prune(agent, keep)


def gone(facts: Mapping[str, Any], project: Project) -> list[str]:
    """Agents that were pushed once and are no longer in the project."""
    known = {str(agent.name) for agent in project.agents}
    return sorted(
        name
        for key in facts
        if key.startswith("definition/") and (name := key.split("/", 1)[1]) not in known
    )
