"""`al push --rollback`: agents go back to the definitions that they had before the last push changed them.

A definition's version is still there with its image, so nothing is built and no infrastructure changes: a fact does.
Credentials, the gateway and the infrastructure stay as they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from toolkit.core.errors import NotFound, UsageError
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.images.prune import pushed
from toolkit.ops import credentials, deploy_lease, push
from toolkit.ops.definitions import rolled_back
from toolkit.ops.push import steps as push_steps
from toolkit.ops.push.report import Report
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.wiring import Services

FACTS = fact_key("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Everything decided, nothing done: the definitions as they are going to be."""

    services: Services
    facts: Mapping[str, Any]
    older: tuple[Definition, ...]
    plan: Plan
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ("`al push` goes forward again",)


def decide(services: Services, agent: str | None = None) -> Rollback:
    """What the last push changed, or one agent's definition.  Looks whether what is gone back to is all there.

    Raises UsageError for an unknown agent, and NotFound when there is nothing to go back to or when a part of it is
    gone; nothing is changed.
    """
    facts = push.read_facts(services)
    deployed = [Definition.from_fact(facts[key]) for key in sorted(facts) if key.startswith(FACTS)]
    chosen = _last_pushed(deployed) if agent is None else [_named(deployed, agent)]
    if not chosen or not all(one.previous for one in chosen):
        raise NotFound(
            f"there is no earlier definition of {agent or 'any agent'} in {services.environment.name}",
            hint="`keepImages` earlier ones are kept, each on the runtime that it was pushed for",
        )
    older = tuple(rolled_back(one) for one in chosen)
    _check(services, facts, older)
    changes = tuple(_change(now, then) for now, then in zip(chosen, older, strict=True))
    return Rollback(services=services, facts=facts, older=older, plan=Plan(changes))


def carry_out(
    rollback: Rollback, progress: Callable[[str], None], report: Report | None = None
) -> Report:
    """Do it, agent by agent.  Raises Busy when somebody else changes the environment, or has done so meanwhile."""
    report = report if report is not None else Report()
    services = rollback.services
    with (
        push_steps.reported(report, services, rollback.plan, rollback.facts),
        deploy_lease.held(services.ledger, deploy_lease.holder()) as lease,
    ):
        push_steps.require_unchanged(services, rollback.facts)
        for definition in rollback.older:
            lease.set_fact(fact_key(definition.agent), definition.to_fact())
            progress(f"definition: {definition.agent} is {definition.ref} again")
            report.definitions[definition.agent] = definition.ref
            report.mark("definition", definition.agent)
    return report


def _named(deployed: Sequence[Definition], agent: str) -> Definition:
    for definition in deployed:
        if definition.agent == agent:
            return definition
    known = [definition.agent for definition in deployed]
    close = get_close_matches(agent, known, n=1)
    raise UsageError(
        f"no agent named {agent!r} has been pushed",
        hint=f"did you mean {close[0]!r}?" if close else f"pushed: {', '.join(known) or 'none'}",
    )


def _last_pushed(deployed: Sequence[Definition]) -> list[Definition]:
    """Those of the latest push, as far as they replaced others: a second rollback undoes the push before it."""
    candidates = [definition for definition in deployed if definition.previous]
    latest = max((definition.pushed for definition in candidates), default="")
    return [definition for definition in candidates if definition.pushed == latest]


def _change(now: Definition, then: Definition) -> Change:
    def item(definition: Definition) -> Item:
        what = {"ref": definition.ref, "image": definition.image}
        return Item(kind="definition", name=definition.agent, attributes=what)

    reason = f"{now.ref} → {then.ref}" + (f", of {then.pushed}" if then.pushed else "")
    return Change(action=Action.UPDATE, item=item(then), before=item(now), reason=reason)


def _check(services: Services, facts: Mapping[str, Any], older: Sequence[Definition]) -> None:
    """Raises NotFound with everything that is missing, before anything is changed."""
    lacks = [line for definition in older for line in _lacks(services, facts, definition)]
    if lacks:
        raise NotFound(
            f"cannot roll back: {'; '.join(lacks)}",
            hint="change the project to what it was, and push that",
        )


def _lacks(services: Services, facts: Mapping[str, Any], then: Definition) -> Iterator[str]:
    if trouble := services.runtime(then.runtime).trouble(then.ref):
        yield f"{then.agent}: {trouble}"
    repository = services.context.names.repository(then.agent)
    digest = then.image.rpartition("@")[2]
    if digest not in {image.digest for image in pushed(services.context, repository)}:
        yield f"{then.agent}: the image {digest[:19]}… is no longer in {repository}, or is archived there"
    if gone := sorted(set(then.credentials) - credentials.known(facts)):
        yield f"{then.agent}: it used {', '.join(gone)}, which the environment no longer has"
