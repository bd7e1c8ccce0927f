"""From the project to its environment: decide everything, show it, then do it in an order that can be resumed.

table -> infrastructure -> images -> (gateway function) -> definitions -> credential values -> gateway -> prune

Each step records what it did as a fact in the ledger, so the first failure stops, and the next push does the
rest.  Unchanged things cost a hash and no call.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from toolkit.config.checks import aws_problems
from toolkit.config.problems import ConfigErrors, Problem
from toolkit.core.agent import Agent, Project
from toolkit.core.errors import ConfigError, NotFound, UsageError
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Action, Change, Item, Plan, diff
from toolkit.core.secrets import Secret
from toolkit.images import base as bases
from toolkit.ops import credentials, definitions, infrastructure
from toolkit.ops.gateway import wait_healthy
from toolkit.ops.images import Images, prune
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services

Progress = Callable[[str], None]
AT_ONCE = (
    8  # images and definitions in flight; AWS allows 15 control calls a second (Lambda quotas page)
)
UNKNOWN = "sha256:" + "0" * 64  # stands for the digest of an image that is still to be pushed


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Everything decided, nothing done."""

    services: Services
    project: Project
    images: Images
    facts: Mapping[str, Any]
    values: Mapping[str, Secret]
    plan: Plan
    notes: tuple[str, ...] = ()


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


def decide(services: Services, only: str | None = None) -> Push:
    """Read, validate and compare; nothing is changed.  Raises every problem of the project at once."""
    project = _pushable(services)
    agents = project.agents if only is None else (project.agent(only),)
    _check(services, project, agents)
    facts = _facts(services, project)
    names = services.context.names
    credentials.ensure_gateway_key(
        services.local_store, services.store, names, deployed="gateway" in facts
    )
    values = credentials.local_values(project, services.local_store)
    images = Images(services, project, agents)
    image_plan, references = images.decided(dict(facts))
    return Push(
        services=services,
        project=project,
        images=images,
        facts=facts,
        values=values,
        plan=_plan(services, project, facts, image_plan, values)
        + _definition_plan(services, agents, references, facts, values),
        notes=_notes(agents),
    )


def _pushable(services: Services) -> Project:
    if services.project is None:
        raise UsageError(
            "there is no project here", hint="go to the project's directory, or name it with -p"
        )
    if services.environment.cloud is None:
        raise UsageError(
            "there is nothing to push to on this machine",
            hint="`al run AGENT` runs it here; name a cloud with -E, e.g. -E sandbox",
        )
    return services.project


def _check(services: Services, project: Project, agents: Sequence[Agent]) -> None:
    """Everything that the platforms would refuse later, all at once."""
    problems = [Problem(file=_files(a), key="", message=p, remedy="change it, then push again")
                for a in agents for p in services.runtime_for(a).check(a)]  # fmt: skip
    problems += [Problem(file=f"{_files(a)}/Dockerfile", key="", message="is not built by this version yet",
                         remedy="remove it; what every agent needs belongs into the base image")
                 for a in agents if a.dockerfile]  # fmt: skip
    problems += [p for p in aws_problems(project, services.environment) if not p.warning]
    if problems:
        raise ConfigErrors(problems)


def _files(agent: Agent) -> str:
    return f"agents/{agent.name}"


def _facts(services: Services, project: Project) -> Mapping[str, Any]:
    """What earlier pushes recorded; nothing where there has been none.  Refuses another project's environment."""
    try:
        facts = services.ledger.facts("")
    except NotFound:
        return {}
    if facts.get("project") not in (None, project.name):
        raise ConfigError(
            f"{services.environment.name} holds the project {facts['project']!r}, and this one is {project.name!r}",
            hint="set `name` in config.toml back, or push to another environment",
        )
    return facts


def _notes(agents: Sequence[Agent]) -> tuple[str, ...]:
    waiting = [str(a.name) for a in agents if a.schedule or a.webhooks]
    if not waiting:
        return ()
    return (
        f"schedules and webhooks ({', '.join(waiting)}) need `al start`, which comes later; `al run` works now",
    )


def _plan(
    services: Services,
    project: Project,
    facts: Mapping[str, Any],
    images: Plan,
    values: Mapping[str, Secret],
) -> Plan:
    """Table, furniture, images, credential values: in the order in which they are made."""
    names = services.context.names
    table = (
        Plan()
        if facts
        else Plan((Change(action=Action.CREATE, item=Item(kind="table", name=names.table)),))
    )
    gateway_due = any(c.item.name == names.repository(GATEWAY) for c in images.changes)
    image = (
        bases.image(services.context, names.repository(GATEWAY), UNKNOWN)
        if gateway_due
        else _present_gateway(facts)
    )
    wanted = infrastructure.items(services, project, gateway_image=image)
    due = _values_due(services, facts, values)
    return table + infrastructure.plan(facts, wanted) + images + diff(credentials.items(due), [])


def _definition_plan(
    services: Services,
    agents: Sequence[Agent],
    references: Mapping[str, str | None],
    facts: Mapping[str, Any],
    values: Mapping[str, Secret],
) -> Plan:
    """Definitions of new images, changed ones of old images, and those of agents that are gone."""
    changes = []
    for agent in agents:
        image = references[agent.name] or bases.image(
            services.context, services.context.names.repository(agent.name), UNKNOWN
        )
        new = definitions.wanted(services, agent, image, paths=sorted(values))
        if new.due(facts):
            action = Action.UPDATE if fact_key(agent.name) in facts else Action.CREATE
            changes.append(Change(action=action, item=Item(kind="definition", name=new.item.name)))
    gone = definitions.gone(facts, services.project) if services.project else []
    changes += [
        Change(
            action=Action.DELETE,
            item=Item(kind="definition", name=name),
            reason="no longer in the project",
        )
        for name in gone
    ]
    return Plan(tuple(changes))


def _values_due(
    services: Services, facts: Mapping[str, Any], values: Mapping[str, Secret]
) -> dict[str, str]:
    """path -> fingerprint of the values that the environment does not have."""
    if not facts:
        return dict.fromkeys(values, "")
    prints = credentials.fingerprints(
        values, credentials.fingerprint_key(services.store, services.context.names)
    )
    return {path: p for path, p in prints.items() if facts.get(f"credential/{path}") != p}


def _present_gateway(facts: Mapping[str, Any]) -> str | None:
    """The image that the gateway runs now."""
    return (facts.get("gateway") or {}).get("image")


# ---------------------------------------------------------------------------------------------- doing


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
    _apply(work, _present_gateway(work.facts))
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
            work.push.services, agent, references[agent.name], paths=sorted(work.push.values)
        )
        if not new.due(work.facts):
            return
        fact = definitions.define(work.push.services, new, work.facts)
        work.progress(f"definition: {agent.name} is {fact['ref']}")
        work.report.definitions[str(agent.name)] = fact["ref"]
        work.facts[fact_key(agent.name)] = fact

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, work.push.images.agents))
    for gone in definitions.gone(work.facts, work.push.project):
        work.progress(f"definition: {gone} is no longer in the project")
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
