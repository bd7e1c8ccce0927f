"""Which images are due, pushing them, and removing those that nothing needs any more.

What was pushed is a fact of the environment (`image/<repository>`, on Google with where it is before it), so an unchanged
project is compared by hashes of its files and no registry is asked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

from toolkit.core.agent import Agent, Project
from toolkit.core.credential import CredentialType
from toolkit.core.environment import GcpCloud
from toolkit.core.names import BASE, GATEWAY
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.core.ports import Context
from toolkit.credentials import resolve
from toolkit.images import base as bases
from toolkit.images.architecture import AMD64, ARCHITECTURES
from toolkit.images.builders.append import Append, ImagePlan
from toolkit.images.homes import home_of
from toolkit.images.order import Note, Order
from toolkit.images.prune import delete, in_use, prunable, pushed
from toolkit.ops.builds import Builds
from toolkit.wiring import Services

Facts = dict[str, Any]
FACTS = "image/"  # what was pushed to each repository, and each image's digest
Bases = Mapping[str, tuple[str, str]]  # architecture -> (reference, digest)


def fact_name(context: Context, repository: str) -> str:
    """The fact that says what was pushed there: an image in another home is another one."""
    return f"{FACTS}{home_of(context.environment).records}{repository}"


def recorded(facts: Mapping[str, Any], fact: str, tag: str) -> str | None:
    """The digest that an earlier push recorded for this tag."""
    known = facts.get(fact) or {}
    return str(known["digest"]) if known.get("tag") == tag else None


@dataclass(frozen=True)
class Images:
    """The images of one push: of these agents, and the gateway's."""

    services: Services
    project: Project
    agents: tuple[Agent, ...]
    again: bool = False  # believe the registry, and not what an earlier push recorded
    _read: dict[tuple[object, ...], dict[str, ImagePlan]] = field(default_factory=dict)

    @cached_property
    def _builder(self) -> Append:
        builder: Append = self.services.builder("append")
        return builder

    @cached_property
    def _builds(self) -> Builds:
        return Builds(self.services, self.project)

    @cached_property
    def _types(self) -> dict[str, CredentialType]:
        return {
            ref.type: resolve.type_of(ref) for agent in self.agents for ref in agent.credentials
        }

    @cached_property
    def _architectures(self) -> tuple[str, ...]:
        """Those that a base is needed for: the gateway's, and what else agents ask for."""
        return tuple(dict.fromkeys([AMD64, *(ARCHITECTURES[a.arch] for a in self.agents)]))

    @cached_property
    def _base_tags(self) -> Mapping[str, str]:
        """Of the sandbox's own bases: hashing what is in them reads the toolkit."""
        return {one: bases.sandbox_tag(one) for one in self._architectures}

    def known_base(self, facts: Facts) -> Bases | None:
        """The bases, without pushing one; None when the sandbox's have yet to be made."""
        found = {one: self._known(facts, one) for one in self._architectures}
        known = {one: base for one, base in found.items() if base is not None}
        return known if len(known) == len(found) else None

    def _known(self, facts: Facts, architecture: str) -> tuple[str, str] | None:
        context = self.services.context
        if self._builds.makes_base:
            return self._builds.reference(self._builds.base(architecture))
        if not context.environment.embedded:
            return bases.base_reference(context, self._registry, architecture=architecture)
        tag = self._base_tags[architecture]
        digest = recorded(facts, self._fact(self._base_repository(architecture)), tag)
        if digest is None:
            return None
        return bases.image(context, context.names.repository(BASE), digest), digest

    def _base_repository(self, architecture: str) -> str:
        """What the sandbox's base is recorded under: both architectures share a repository."""
        name = self.services.context.names.repository(BASE)
        return name if architecture == AMD64 else f"{name}:{architecture}"

    @property
    def _registry(self) -> Any:
        return self.services.registry

    def planned(self, facts: Facts, base: Bases, *, ask: bool) -> dict[str, ImagePlan]:
        """part -> its image as it should be; `ask` the registry about those that no fact knows."""

        def with_digest(plan: ImagePlan) -> ImagePlan:
            digest = recorded(facts, self._fact(plan.repository), plan.tag)
            if ask and (digest is None or self.again):
                digest = self._found(plan.repository, plan.tag, digest)
            return replace(plan, digest=digest)

        return {part: with_digest(plan) for part, plan in self._plans(base).items()}

    def _found(self, repository: str, tag: str, known: str | None) -> str | None:
        """The digest in the registry; None when it is not the one that was pushed."""
        found: str | None = self._registry.digest(repository, tag)
        return found if known in (None, found) else None

    def _plans(self, base: Bases) -> dict[str, ImagePlan]:
        """The images upon these bases, whatever is there already: read and hashed once for them."""
        key = tuple(sorted(base.items()))
        if key not in self._read:
            plans = {
                GATEWAY: self._builder.plan_gateway(
                    self._deployment, base=self._gateway_base(base[AMD64])
                )
            }
            for agent in self.agents:
                plans[str(agent.name)] = self._builder.plan(
                    self.project, agent, types=self._types, base=self._upon(agent, base)
                )
            self._read[key] = plans
        return self._read[key]

    def _gateway_base(self, base: tuple[str, str]) -> tuple[str, str]:
        """What the gateway is built upon: `[images] gateway` where it is named, else what agents are."""
        if "gateway" not in self.services.environment.images:
            return (
                self._builds.reference(self._builds.gateway())
                if self._builds.makes_gateways
                else base
            )
        return bases.base_reference(self.services.context, self._registry, part="gateway")

    def _upon(self, agent: Agent, base: Bases) -> tuple[str, str]:
        """What the agent's own layer goes upon: what its Dockerfiles make of the base."""
        below = base[ARCHITECTURES[agent.arch]]
        orders = self._builds.of(agent, below)
        return self._builds.reference(orders[-1]) if orders else below

    def _due(self, facts: Facts, base: Bases) -> Order | None:
        """One that no earlier push has recorded."""
        orders = chain.from_iterable(self._builds.waves(self.agents, base))
        due = (one for one in orders if recorded(facts, self._order(one), one.tag) is None)
        return next(due, None)

    def build(self, facts: Facts, base: Bases, note: Note) -> None:
        """Make what is not there, and record it."""
        waves = self._builds.waves(self.agents, base)
        made = self._builds.make(waves, note)
        for one in chain.from_iterable(waves):
            self._record(facts, f"{self._builds.repository}:{one.name}", one.tag, made[one.tag])

    def _order(self, one: Order) -> str:
        return self._fact(f"{self._builds.repository}:{one.name}")

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
        order = self._due(facts, base)
        built = Plan((_create(self._builds.repository, order.tag),)) if order else Plan()
        references = {
            part: self.reference(p, p.digest) if p.digest else None for part, p in plans.items()
        }
        needed = Plan(tuple(_create(p.repository, p.tag) for p in plans.values() if p.needed))
        return built + needed, references

    def base(self, facts: Facts) -> Bases:
        """The bases, pushed where they have to be."""
        return {one: self._based(facts, one) for one in self._architectures}

    def _based(self, facts: Facts, architecture: str) -> tuple[str, str]:
        if (known := self._known(facts, architecture)) is not None:
            return known
        context = self.services.context
        reference, digest = bases.base_reference(context, self._registry, architecture=architecture)
        tag = self._base_tags[architecture]
        self._record(facts, self._base_repository(architecture), tag, digest)
        return reference, digest

    def push(self, plan: ImagePlan, facts: Facts) -> str:
        """Build and push one image, and record it; its reference by digest."""
        digest = self._builder.build(plan, self._registry)
        self._record(facts, plan.repository, plan.tag, digest)
        return self.reference(plan, digest)

    def reference(self, plan: ImagePlan, digest: str) -> str:
        return bases.image(self.services.context, plan.repository, digest)

    def _record(self, facts: Facts, repository: str, tag: str, digest: str) -> None:
        key, fact = self._fact(repository), {"tag": tag, "digest": digest}
        if facts.get(key) != fact:
            self.services.ledger.set_fact(key, fact)
            facts[key] = fact

    def _fact(self, repository: str) -> str:
        return fact_name(self.services.context, repository)


def gateway_image(services: Services, facts: Mapping[str, Any]) -> str | None:
    """The image that the gateway should run: the last one that was pushed."""
    repository = services.context.names.repository(GATEWAY)
    known = facts.get(fact_name(services.context, repository))
    return bases.image(services.context, repository, known["digest"]) if known else None


def _create(repository: str, tag: str) -> Change:
    return Change(
        action=Action.CREATE, item=Item(kind="image", name=repository, attributes={"tag": tag})
    )


def prune(services: Services, agents: Sequence[str], facts: Mapping[str, Any]) -> list[str]:
    """Delete what is older than the newest `keepImages` and named by no definition, past ones and live ones included."""
    named = {*_named(facts), *in_use(services.context)} if agents else set()
    gone = [gone for agent in agents for gone in _pruned(services, agent, named)]
    built = _built(services, facts) if agents else set()
    return gone + (_pruned(services, BASE, built) if built else [])


def _built(services: Services, facts: Mapping[str, Any]) -> set[str]:
    """What the next image may go upon; what it was built from, and earlier ones, go as agents' images do."""
    if services.environment.embedded:  # its base is made, and recorded, in another way
        return set()
    begins = fact_name(services.context, f"{services.context.names.repository(BASE)}:")
    return {fact["digest"] for key, fact in facts.items() if key.startswith(begins) and fact}


def _pruned(services: Services, agent: str, named: Collection[str]) -> list[str]:
    context = services.context
    repository = context.names.repository(agent)
    gone = prunable(pushed(context, repository), named=named, keep=services.environment.keep_images)
    deleted = delete(context, repository, gone) if gone else ()
    return [f"{repository}@{digest}" for digest in deleted]


def forget(services: Services, agent: str) -> None:
    """An agent that is gone: its images go, unless they are in a repository of its own, which goes with them; and what
    is recorded of them, so that they are pushed anew should it come back."""
    context = services.context
    repository = context.names.repository(agent)
    if isinstance(context.environment.cloud, GcpCloud):
        digests = [image.digest for image in pushed(context, repository)]
        delete(context, repository, digests)
        services.ledger.set_fact(fact_name(context, repository), None)


def _named(facts: Mapping[str, Any]) -> set[str]:
    """The digests that definitions name, those of every agent: what a rollback may return to is among them."""
    definitions = [fact for key, fact in facts.items() if key.startswith("definition/")]
    images = [fact["image"] for fact in definitions]
    images += [earlier["image"] for fact in definitions for earlier in fact.get("previous", ())]
    return {image.rpartition("@")[2] for image in images}
