"""The deciding half of a push: the project, what earlier pushes recorded, and the difference as a plan.

Nothing is changed here, and what is unchanged costs a hash and no call; `push_steps` does what was decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from toolkit.ops.images import Images
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services

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
    values = credentials.local_values(project, services.local_store, facts)
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
        else present_gateway(facts)
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
        new = definitions.wanted(
            services, agent, image, paths=sorted({*values, *credentials.known(facts)})
        )
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


def present_gateway(facts: Mapping[str, Any]) -> str | None:
    """The image that the gateway runs now."""
    return (facts.get("gateway") or {}).get("image")
