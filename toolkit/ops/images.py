"""Which images are due, pushing them, and removing those that nothing needs any more.

What was pushed is a fact of the environment (`image/<repository>`), so an unchanged project is compared by
hashes of its files and no registry is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from toolkit.core.agent import Agent, Project
from toolkit.core.credential import CredentialType
from toolkit.core.environment import AwsCloud
from toolkit.core.names import BASE, GATEWAY
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.credentials import resolve
from toolkit.images import base as bases
from toolkit.images.builders.append import Append, ImagePlan
from toolkit.images.context import AGENT_CONFIG, base_files, content_hash
from toolkit.images.prune import prunable, pushed
from toolkit.wiring import Services

Facts = dict[str, Any]


def recorded(facts: Mapping[str, Any], repository: str, tag: str) -> str | None:
    """The digest that an earlier push recorded for this tag."""
    known = facts.get(f"image/{repository}") or {}
    return str(known["digest"]) if known.get("tag") == tag else None


@dataclass(frozen=True)
class Images:
    """The images of one push: of these agents, and the gateway's."""

    services: Services
    project: Project
    agents: tuple[Agent, ...]
    _read: dict[tuple[str, str], dict[str, ImagePlan]] = field(default_factory=dict)

    @cached_property
    def _builder(self) -> Append:
        builder: Append = self.services.builder("append")
        return builder

    @cached_property
    def _types(self) -> dict[str, CredentialType]:
        return {
            ref.type: resolve.type_of(ref) for agent in self.agents for ref in agent.credentials
        }

    @cached_property
    def _base_tag(self) -> str:
        return content_hash("", base_files(), AGENT_CONFIG)

    def known_base(self, facts: Facts) -> tuple[str, str] | None:
        """(reference, digest) of the base, without pushing one; None when the sandbox's has yet to be made."""
        cloud = self.services.environment.cloud
        if not (isinstance(cloud, AwsCloud) and cloud.endpoint):
            return bases.base_reference(self.services.context, self._registry)
        repository = self.services.context.names.repository(BASE)
        digest = recorded(facts, repository, self._base_tag)
        return (bases.image(self.services.context, repository, digest), digest) if digest else None

    @property
    def _registry(self) -> Any:
        return self.services.registry

    def planned(self, facts: Facts, base: tuple[str, str], *, ask: bool) -> dict[str, ImagePlan]:
        """part -> its image as it should be; `ask` the registry about those that no fact knows."""

        def with_digest(plan: ImagePlan) -> ImagePlan:
            digest = recorded(facts, plan.repository, plan.tag)
            if digest is None and ask:
                digest = self._registry.digest(plan.repository, plan.tag)
            return replace(plan, digest=digest)

        return {part: with_digest(plan) for part, plan in self._plans(base).items()}

    def _plans(self, base: tuple[str, str]) -> dict[str, ImagePlan]:
        """The images upon this base, whatever is there already: read and hashed once for each base."""
        if base not in self._read:
            plans = {
                GATEWAY: self._builder.plan_gateway(self._deployment, base=self._gateway_base(base))
            }
            for agent in self.agents:
                plans[str(agent.name)] = self._builder.plan(
                    self.project, agent, types=self._types, base=base
                )
            self._read[base] = plans
        return self._read[base]

    def _gateway_base(self, base: tuple[str, str]) -> tuple[str, str]:
        """What the gateway is built upon: `[images] gateway` where it is named, else what agents are."""
        if "gateway" not in self.services.environment.images:
            return base
        return bases.base_reference(self.services.context, self._registry, part="gateway")

    @cached_property
    def _deployment(self) -> Mapping[str, Any]:
        from gateway.deployment import dump

        return dump(self.services.environment)

    def decided(self, facts: Facts) -> tuple[Plan, dict[str, str | None]]:
        """What would be pushed, and part -> reference of what is there; from files and facts alone."""
        names = self.services.context.names
        if (base := self.known_base(facts)) is None:
            due = [BASE, GATEWAY, *(str(a.name) for a in self.agents)]
            plan = Plan(tuple(_create(names.repository(part), "") for part in due))
            return plan, dict.fromkeys(due)
        plans = self.planned(facts, base, ask=False)
        references = {
            part: self.reference(p, p.digest) if p.digest else None for part, p in plans.items()
        }
        return Plan(
            tuple(_create(p.repository, p.tag) for p in plans.values() if p.needed)
        ), references

    def base(self, facts: Facts) -> tuple[str, str]:
        """The base, pushed when it has to be."""
        if (known := self.known_base(facts)) is not None:
            return known
        reference, digest = bases.base_reference(self.services.context, self._registry)
        self._record(facts, self.services.context.names.repository(BASE), self._base_tag, digest)
        return reference, digest

    def push(self, plan: ImagePlan, facts: Facts) -> str:
        """Build and push one image, and record it; its reference by digest."""
        digest = self._builder.build(plan, self._registry)
        self._record(facts, plan.repository, plan.tag, digest)
        return self.reference(plan, digest)

    def reference(self, plan: ImagePlan, digest: str) -> str:
        return bases.image(self.services.context, plan.repository, digest)

    def _record(self, facts: Facts, repository: str, tag: str, digest: str) -> None:
        fact = {"tag": tag, "digest": digest}
        if facts.get(f"image/{repository}") != fact:
            self.services.ledger.set_fact(f"image/{repository}", fact)
            facts[f"image/{repository}"] = fact


def gateway_image(services: Services, facts: Mapping[str, Any]) -> str | None:
    """The image that the gateway should run: the last one that was pushed."""
    repository = services.context.names.repository(GATEWAY)
    known = facts.get(f"image/{repository}")
    return bases.image(services.context, repository, known["digest"]) if known else None


def _create(repository: str, tag: str) -> Change:
    return Change(
        action=Action.CREATE, item=Item(kind="image", name=repository, attributes={"tag": tag})
    )


def prune(services: Services, agent: str, facts: Mapping[str, Any]) -> list[str]:
    """Delete what is older than the newest `keepImages` and named by no definition, past ones included."""
    repository = services.context.names.repository(agent)
    fact = facts.get(f"definition/{agent}") or {}
    named = {
        image.rpartition("@")[2]
        for image in (fact.get("image", ""), *(p["image"] for p in fact.get("previous", ())))
    }
    gone = prunable(
        pushed(services.context, repository), named=named, keep=services.environment.keep_images
    )
    if gone:
        services.registry.delete(repository, gone)
    return [f"{repository}@{digest}" for digest in gone]
