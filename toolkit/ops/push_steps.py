"""The doing half of a push: what was decided, in an order that can be resumed.

table -> lease -> additions to the infrastructure -> images -> (gateway function) -> definitions -> credential values
-> removals -> gateway health -> prune

Each step records what it did as a fact in the ledger, so the first failure stops, and the next push does the rest.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from toolkit.core.agent import Agent
from toolkit.core.errors import Conflict
from toolkit.core.names import GATEWAY
from toolkit.ops import credentials, definitions, deploy_lease, infrastructure
from toolkit.ops.gateway import wait_healthy
from toolkit.ops.images import gateway_image, prune
from toolkit.ops.push import PUSHED_AS, Push, pushed_as, read_facts
from toolkit.scheduler.dispatch import fact_key

Progress = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = (
    8  # images and definitions in flight; AWS allows 15 control calls a second (Lambda quotas page)
)


@dataclass(slots=True)
class Report:
    """What was done, for people and for `--json`."""

    environment: str
    project: str
    changes: int
    seconds: float = 0.0
    gateway_url: str | None = None
    infrastructure: bool = False
    images: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    credentials: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class _Work:
    """A push under way: what is known so far, and what has been done."""

    push: Push
    facts: dict[str, Any]
    report: Report
    progress: Progress

    def note_fact(self, key: str, value: Any) -> None:
        self.push.services.ledger.set_fact(key, value)
        self.facts[key] = value


def carry_out(
    push: Push, progress: Progress, clock: Callable[[], float] = time.monotonic
) -> Report:
    """Do what was decided.  The first failure stops; what was done is recorded, and a second push does the rest.

    Raises Conflict when somebody else is pushing, or has pushed since it was decided.
    """
    started, services = clock(), push.services
    report = Report(
        environment=services.environment.name,
        project=push.project.name,
        changes=len(push.plan.changes),
    )
    report.gateway_url = (push.facts.get(infrastructure.GATEWAY) or {}).get("url")
    if not push.plan:
        return report
    # where there are facts, there is the table that they are in
    if not push.facts and services.ledger.prepare():
        progress(f"created the state table {services.context.names.table}")
    with deploy_lease.held(services.ledger, deploy_lease.holder()):
        _require_unchanged(push)
        _steps(_Work(push, dict(push.facts), report, progress))
    report.seconds = round(clock() - started, 3)
    return report


def _require_unchanged(push: Push) -> None:
    if read_facts(push.services) != push.facts:
        raise Conflict(
            f"somebody has pushed to {push.services.environment.name} since this was decided",
            hint="push again, to see what is still to do",
        )


def _steps(work: _Work) -> None:
    """Additions first and removals last, so that what is there works until what replaces it does."""
    services = work.push.services
    work.note_fact("project", work.push.project.name)
    _remember_name(work.push)
    _apply(work, gateway_image(services, work.facts), removals=False)
    references = _push_images(work)
    _apply(work, references[GATEWAY], removals=False)
    _define(work, references)
    _write_credentials(work)
    _apply(work, references[GATEWAY], removals=True)
    _finish(work)


def _remember_name(push: Push) -> None:
    path = push.project.directory / PUSHED_AS
    path.parent.mkdir(exist_ok=True)
    known = {**pushed_as(push.project.directory), push.services.environment.name: push.project.name}
    path.write_text(json.dumps(known), encoding="utf-8")


def _apply(work: _Work, image: str | None, *, removals: bool) -> None:
    services = work.push.services
    wanted = infrastructure.items(services, work.push.project, work.facts, gateway_image=image)
    wanted = wanted if removals else infrastructure.additive(wanted, work.facts)
    if not infrastructure.due(work.facts, wanted):
        return
    work.progress(
        "infrastructure: "
        + ("removing what is no longer wanted" if removals else "identities, registries, logs")
    )
    infrastructure.apply(services, wanted, work.facts, progress=work.progress)
    work.report.infrastructure = True


def _push_images(work: _Work) -> dict[str, str]:
    """part -> reference by digest, of every image; those that were not there are pushed, several at a time."""
    images = work.push.images
    if images.known_base(work.facts) is None:
        work.progress("image: the base")
    base = images.base(work.facts)
    plans = images.planned(work.facts, base, ask=True)

    def one(part: str) -> str:
        if plans[part].needed:
            work.progress(f"image: {part.lstrip('-')}")
            work.report.images[part] = plans[part].tag
        return images.push(plans[part], work.facts)

    return dict(zip(plans, _at_once(work, one, list(plans)), strict=True))


def _at_once(work: _Work, do: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """Do it to all, several at a time.  Interrupted, nothing further begins, and the user is told what is waited for."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(do, things))
    except KeyboardInterrupt:
        work.progress("interrupted: waiting for the calls that are under way")
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _define(work: _Work, references: Mapping[str, str]) -> None:
    paths = sorted({*work.push.values, *credentials.known(work.facts)})

    def one(agent: Agent) -> None:
        new = definitions.wanted(work.push.services, agent, references[agent.name], paths=paths)
        if not new.due(work.facts):
            return
        fact = definitions.define(work.push.services, new, work.facts)
        work.progress(f"definition: {agent.name} is {fact['ref']}")
        work.report.definitions[str(agent.name)] = fact["ref"]
        work.facts[fact_key(agent.name)] = fact

    _at_once(work, one, work.push.images.agents)
    for gone in definitions.gone(work.facts, work.push.project):
        work.progress(f"definition: {gone} is no longer in the project")
        definitions.remove(work.push.services, gone, work.facts.pop(fact_key(gone)))


def _write_credentials(work: _Work) -> None:
    """Values whose fingerprint differs, and no others: Secrets Manager asks to write a secret seldom."""
    services, names = work.push.services, work.push.services.context.names
    key = credentials.make_fingerprint_key(services.store, names)
    values = dict(work.push.values)
    if credentials.GATEWAY_PATH not in credentials.known(work.facts):
        values[credentials.GATEWAY_PATH] = credentials.first_gateway_key(
            services.local_store, names
        )
        services.local_store.put(
            credentials.own_key_name(names), values[credentials.GATEWAY_PATH], tags={}
        )
    for path, fingerprint in credentials.fingerprints(values, key).items():
        if work.facts.get(f"{credentials.PUSHED}{path}") == fingerprint:
            continue
        work.progress(f"credential: {path}")
        services.store.put(credentials.cloud_name(names, path), values[path], tags=names.tags())
        work.note_fact(f"{credentials.PUSHED}{path}", fingerprint)
        work.report.credentials.append(path)


def _finish(work: _Work) -> None:
    """The gateway answers, and images that nothing needs go; both only when something changed."""
    gateway = work.facts.get(infrastructure.GATEWAY) or {}
    work.report.gateway_url = gateway.get("url")
    if gateway.get("url") and not gateway["healthy"]:
        work.progress(f"gateway: waiting for {gateway['url']}")
        wait_healthy(gateway["url"])
        work.note_fact(infrastructure.GATEWAY, {**gateway, "healthy": True})
    for part in work.report.images:
        if part != GATEWAY:
            work.report.pruned += prune(work.push.services, part, work.facts)
