"""The doing half of a push: what was decided, in an order that can be resumed.

table -> infrastructure -> images -> (gateway function) -> definitions -> credential values -> gateway -> prune

Each step records what it did as a fact in the ledger, so the first failure stops, and the next push does the rest.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from toolkit.core.agent import Agent
from toolkit.core.names import GATEWAY
from toolkit.ops import credentials, definitions, infrastructure
from toolkit.ops.gateway import wait_healthy
from toolkit.ops.images import prune
from toolkit.ops.push import Push, present_gateway
from toolkit.scheduler.dispatch import fact_key

Progress = Callable[[str], None]
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
    """Do what was decided.  The first failure stops; what was done is recorded, and a second push does the rest."""
    started = clock()
    services = push.services
    report = Report(
        environment=services.environment.name,
        project=push.project.name,
        changes=len(push.plan.changes),
    )
    if not push.plan:
        report.gateway_url = (push.facts.get("gateway") or {}).get("url")
        return report
    if (
        not push.facts and services.ledger.prepare()
    ):  # facts are in the table: where there are some, it is there
        progress(f"created the state table {services.context.names.table}")
    work = _Work(push, dict(push.facts), report, progress)
    if work.facts.get("project") is None:
        work.note_fact("project", push.project.name)
    _apply(work, present_gateway(work.facts))
    references = _push_images(work)
    _apply(work, references[GATEWAY])
    _define(work, references)
    _write_credentials(work)
    _finish(work)
    report.seconds = round(clock() - started, 3)
    return report


def _apply(work: _Work, gateway_image: str | None) -> None:
    wanted = infrastructure.items(
        work.push.services, work.push.project, gateway_image=gateway_image
    )
    if not infrastructure.due(work.facts, wanted):
        return
    work.progress(
        "infrastructure: identities, repositories, logs, secrets"
        + (", gateway" if gateway_image else "")
    )
    record = infrastructure.apply(work.push.services, wanted, progress=work.progress)
    work.facts[infrastructure.APPLIED] = record
    work.report.infrastructure = True
    if gateway_image:
        work.note_fact(
            "gateway", {"image": gateway_image, "url": record["outputs"].get("gateway_url")}
        )


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

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(plans, pool.map(one, plans), strict=True))


def _define(work: _Work, references: Mapping[str, str]) -> None:
    def one(agent: Agent) -> None:
        new = definitions.wanted(
            work.push.services,
            agent,
            references[agent.name],
            paths=sorted({*work.push.values, *credentials.known(work.facts)}),
        )
        if not new.due(work.facts):
            return
        before = work.facts.get(fact_key(agent.name))
        fact = definitions.define(work.push.services, new, work.facts)
        definitions.prune(work.push.services, agent.name, before, fact)
        work.progress(f"definition: {agent.name} is {fact['ref']}")
        work.report.definitions[str(agent.name)] = fact["ref"]
        work.facts[fact_key(agent.name)] = fact

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, work.push.images.agents))
    for gone in definitions.gone(work.facts, work.push.project):
        work.progress(f"definition: {gone} is no longer in the project")
        definitions.prune(work.push.services, gone, work.facts[fact_key(gone)], None)
        work.note_fact(fact_key(gone), None)


def _write_credentials(work: _Work) -> None:
    """Values whose fingerprint differs, and no others: Secrets Manager asks to write a secret seldom."""
    services, names = work.push.services, work.push.services.context.names
    prints = credentials.fingerprints(
        work.push.values, credentials.fingerprint_key(services.store, names)
    )
    for path, value in work.push.values.items():
        if work.facts.get(f"credential/{path}") == prints[path]:
            continue
        work.progress(f"credential: {path}")
        services.store.put(credentials.cloud_name(names, path), value, tags=names.tags())
        work.note_fact(f"credential/{path}", prints[path])
        work.report.credentials.append(path)


def _finish(work: _Work) -> None:
    """The gateway answers, and images that nothing needs go; both only when something changed."""
    url = (work.facts.get("gateway") or {}).get("url")
    work.report.gateway_url = url
    if url and work.report.infrastructure:
        work.progress(f"gateway: waiting for {url}")
        wait_healthy(url)
    for part in work.report.images:
        if part != GATEWAY:
            work.report.pruned += prune(work.push.services, part, work.facts)
