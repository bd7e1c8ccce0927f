"""Definitions: one per agent version, registered at push and named by every run (D1)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.core.agent import Agent, Project
from toolkit.core.placement import runtime_name
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.ops import images
from toolkit.scheduler.dispatch import VERSION, Definition, fact_key
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
        known = facts.get(fact_key(self.agent.name)) or {}
        return known.get("hash") != self.hash or bool(known.get("leftover"))

    def reason(self, facts: Mapping[str, Any]) -> str:
        """What a reader of the plan could not guess: that the environment was rolled back."""
        known = facts.get(fact_key(self.agent.name)) or {}
        if not known.get("newer"):
            return ""
        again = [old["ref"] for old in known["newer"] if old["hash"] == self.hash]
        forward = f"forward again to {again[0]}" if again else "forward to a new version"
        return f"was rolled back to {known['ref']}: {forward}"


def wanted(services: Services, agent: Agent, image: str, *, paths: Sequence[str]) -> Wanted:
    """Pure: what the agent's definition should be.  `paths` are all credential fields that are there."""
    return Wanted(
        agent=agent,
        runtime=runtime_name(agent, services.environment),
        item=services.runtime_for(agent).definition(agent, image),
        image=image,
        credentials=_credentials(agent, paths),
    )


def _credentials(agent: Agent, paths: Sequence[str]) -> tuple[str, ...]:
    """What a run is to be given.  A required field is named also where it is not there yet, so that a run is refused
    rather than started without it."""
    refs = resolve.required(agent)
    beginnings = tuple(f"{ref.type}/{ref.instance}/" for ref in refs)
    return tuple(
        sorted({*resolve.required_fields(refs), *(p for p in paths if p.startswith(beginnings))})
    )


def define(
    services: Services, new: Wanted, facts: Mapping[str, Any], *, moment: str
) -> dict[str, Any]:
    """Register it, record that it is, and forget what neither it nor a rollback names; the new fact.

    An agent that moved to another runtime leaves everything there behind: `leftover` says so until it is removed.
    """
    before = facts.get(fact_key(new.agent.name))
    made = Definition(
        agent=new.agent.name,
        runtime=new.runtime,
        ref=services.runtime(new.runtime).define(new.item),
        image=new.image,
        hash=new.hash,
        timeout=new.agent.timeout,
        credentials=new.credentials,
        pushed=moment,
        leftover=_leftover(before, new.runtime),
    )
    made = (
        _after(Definition.from_fact(before), made, services.environment.keep_images)
        if before
        else made
    )
    services.ledger.set_fact(fact_key(new.agent.name), made.to_fact())
    return pruned(services, made)


def pruned(services: Services, made: Definition) -> dict[str, Any]:
    """Remove what the definition's runtime, and one that the agent came from, need no longer; its fact."""
    keep = {made.ref, *(earlier["ref"] for earlier in made.previous)}
    services.runtime(made.runtime).prune(made.agent, keep)
    if made.leftover:
        services.runtime(made.leftover).prune(made.agent, ())
        made = replace(made, leftover=None)
        services.ledger.set_fact(fact_key(made.agent), made.to_fact())
    return made.to_fact()


def remove(services: Services, agent: str, fact: Mapping[str, Any]) -> None:
    """Take away everything that `define` made for an agent that is gone, its images, then the record of it."""
    for runtime in filter(None, {fact["runtime"], fact.get("leftover")}):
        services.runtime(runtime).prune(agent, ())
    images.forget(services, agent)
    services.ledger.set_fact(fact_key(agent), None)


def _leftover(before: Mapping[str, Any] | None, runtime: str) -> str | None:
    if not before:
        return None
    moved: str | None = (
        before["runtime"] if before["runtime"] != runtime else before.get("leftover")
    )
    return moved


def _after(before: Definition, made: Definition, keep: int) -> Definition:
    """`made` with its history: what a rollback can return to, the newest `keep` before it on the same runtime.

    The same version again keeps the history that it had.  Those that were rolled back from are not returned to.
    """
    if before.runtime != made.runtime:
        return made
    if before.ref == made.ref:
        return replace(made, pushed=before.pushed, previous=before.previous)
    return replace(made, previous=(before.version(), *before.previous)[:keep])


def rolled_back(now: Definition) -> Definition:
    """The version before this one, which is kept as a newer one.  Raises IndexError when there is none."""
    earlier = {name: value for name, value in now.previous[0].items() if name in VERSION}
    older = replace(now, **{**earlier, "credentials": tuple(earlier["credentials"])})
    return replace(older, previous=now.previous[1:], newer=(now.version(), *now.newer))


def gone(facts: Mapping[str, Any], project: Project) -> list[str]:
    """Agents that were pushed once and are no longer in the project."""
    known = {str(agent.name) for agent in project.agents} | {str(name) for name in project.others}
    return sorted(
        name
        for key in facts
        if key.startswith("definition/") and (name := key.split("/", 1)[1]) not in known
    )
