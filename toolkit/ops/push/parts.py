"""The single steps of a push.  Each looks at what is there, does what is missing, and records it: any may be the last
one of a push that dies, and the first one of the next.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from toolkit.core.agent import Agent
from toolkit.core.errors import CredentialError
from toolkit.core.names import BASE, GATEWAY
from toolkit.core.parallel import WAITING, at_once
from toolkit.core.plan import Action, Item
from toolkit.core.secrets import Secret
from toolkit.ops import credentials, definitions, infrastructure, state
from toolkit.ops.deploy_lease import Lease
from toolkit.ops.gateway import wait_healthy
from toolkit.ops.images import prune
from toolkit.ops.push import PUSHED_AS, Push, pushed_as
from toolkit.ops.push import credentials as push_credentials
from toolkit.ops.push import plan as push_plan
from toolkit.ops.push import roster as push_roster
from toolkit.ops.push.report import Report
from toolkit.scheduler import roster
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services

Progress = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = (
    8  # images and definitions in flight; AWS allows 15 control calls a second (Lambda quotas page)
)
# of a plan's items, those that no engine makes
OTHER_KINDS = {
    *state.KINDS,
    *("image", "definition", "credential value", "gateway", push_roster.KIND),
}


@dataclass
class Work:
    """A push under way: what is known so far, and what has been done."""

    push: Push
    lease: Lease
    facts: dict[str, Any]
    report: Report
    progress: Progress
    moment: str

    @property
    def services(self) -> Services:
        return self.push.services

    def begin(self, text: str) -> None:
        """Say what comes next, unless it is no longer ours to do.  Raises Conflict."""
        self.lease.check()
        self.progress(text)

    def note_fact(self, key: str, value: Any) -> None:
        if self.facts.get(key) != value:
            self.services.ledger.set_fact(key, value)
            self.facts[key] = value


def remember_name(push: Push) -> None:
    """A help for people who rename projects; a checkout that cannot be written, as in some CI, goes without it."""
    path = push.project.directory / PUSHED_AS
    known = {**pushed_as(push.project.directory), push.services.environment.name: push.project.name}
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(known), encoding="utf-8")


def apply(work: Work, image: str | None, *, removals: bool = False, again: bool = False) -> None:
    full = push_plan.wanted_items(work.push, work.facts, image)
    wanted = full if removals else infrastructure.additive(full, work.facts)
    if again or infrastructure.due(work.facts, wanted):
        what = "removing what is no longer wanted" if removals else "identities, registries, logs"
        work.begin(f"infrastructure: {what}")
        _revive(work, wanted)
        infrastructure.apply(
            work.services, wanted, work.facts, progress=work.progress, check=work.lease.check
        )
        work.report.infrastructure = True
    _mark_applied(work, wanted, removals=removals)


def _revive(work: Work, wanted: Sequence[Item]) -> None:
    """No engine can make a secret whose name is taken by one that somebody has scheduled for deletion."""
    places = {item.name for item in wanted if item.kind == "secret"}
    for name in work.services.store.revive(places):
        work.progress(f"restored the secret {name}, which was to be deleted")


def _mark_applied(work: Work, wanted: Sequence[Item], *, removals: bool) -> None:
    """After the removals, which come last, all of it is done; also what only the engine knew of."""
    there = {item.key for item in wanted}
    for change in work.push.plan.changes:
        if change.item.kind in OTHER_KINDS:
            continue
        made = change.action is not Action.DELETE and change.item.key in there
        if removals or made or change.item.kind == push_plan.FURNITURE:
            work.report.mark(*change.item.key)


def push_images(work: Work) -> dict[str, str]:
    """part -> reference by digest, of every image; those that were not there are pushed, several at a time."""
    images, names = work.push.images, work.services.context.names
    if images.known_base(work.facts) is None:
        work.begin("image: the base")
    base = images.base(work.facts)
    images.build(work.facts, base, work.begin)
    work.report.mark("image", names.repository(BASE))
    plans = images.planned(work.facts, base, ask=True)

    def one(part: str) -> str:
        if plans[part].needed:
            work.begin(f"image: {part.lstrip('-')}")
            work.report.images[part] = plans[part].tag
        reference = images.push(plans[part], work.facts)
        work.report.mark("image", names.repository(part))
        return reference

    return dict(zip(plans, _at_once(work, one, list(plans)), strict=True))


def _at_once(work: Work, do: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """Interrupted, nothing further begins, and the user is told what is waited for."""
    return at_once(do, things, most=AT_ONCE, interrupted=lambda: work.progress(WAITING))


def define(work: Work, references: Mapping[str, str]) -> None:
    paths = push_credentials.paths(work.push, work.facts)

    def one(agent: Agent) -> None:
        new = definitions.wanted(work.services, agent, references[agent.name], paths=paths)
        if work.push.extent.again or new.due(work.facts):
            work.lease.check()
            fact = definitions.define(work.services, new, work.facts, moment=work.moment)
            work.progress(f"definition: {agent.name} is {fact['ref']}")
            work.report.definitions[str(agent.name)] = fact["ref"]
            work.facts[fact_key(agent.name)] = fact
        work.report.mark("definition", str(agent.name))

    _at_once(work, one, work.push.agents)
    for gone in push_plan.gone(work.push, work.facts):
        work.begin(f"definition: {gone} is no longer in the project")
        definitions.remove(work.services, gone, work.facts.pop(fact_key(gone)))
        work.report.mark("definition", gone)


def record_roster(work: Work) -> None:
    """After the definitions: whoever schedules finds every agent of it pushed."""
    work.note_fact(roster.FACT, push_roster.wanted(work.push, work.facts))
    work.report.mark_all(push_roster.KIND)


def write_credentials(work: Work) -> None:
    """Values whose fingerprint differs, and no others: Secrets Manager asks to write a secret seldom."""
    services, names = work.services, work.services.context.names
    key = credentials.make_fingerprint_key(services.store, names)
    values = dict(work.push.values)
    if push_credentials.lacks_gateway_key(work.push, work.facts):
        values[credentials.GATEWAY_PATH] = _gateway_key(services)
    for path, fingerprint in credentials.fingerprints(values, key).items():
        fact = f"{credentials.PUSHED}{path}"
        if work.push.extent.again or work.facts.get(fact) != fingerprint:
            work.begin(f"credential: {path}")
            services.store.put(credentials.cloud_name(names, path), values[path], tags=names.tags())
            work.note_fact(fact, fingerprint)
            work.report.credentials.append(path)
        work.report.mark("credential value", path)


def _gateway_key(services: Services) -> Secret:
    """The gateway's first key, kept on this machine too where that can be: elsewhere it is read from the environment."""
    names = services.context.names
    key = credentials.first_gateway_key(services.local_store, names)
    with suppress(CredentialError):  # CI may have no home
        services.local_store.put(credentials.own_key_name(names), key, tags={})
    return key


def finish(work: Work) -> None:
    """The gateway answers, and images that nothing needs go; both only when something changed."""
    gateway = work.facts.get(infrastructure.GATEWAY) or {}
    work.report.gateway_url = gateway.get("url")
    if gateway.get("url") and (work.push.extent.again or not gateway["healthy"]):
        work.begin(f"gateway: waiting for {gateway['url']}")
        wait_healthy(gateway["url"])
        work.note_fact(infrastructure.GATEWAY, {**gateway, "healthy": True})
    work.report.mark_all("gateway")
    work.lease.check()
    agents = [part for part in work.report.images if part != GATEWAY]
    work.report.pruned += prune(work.services, agents, work.facts)
