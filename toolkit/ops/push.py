"""The deciding half of a push: the project, what earlier pushes recorded, and the difference as a plan.

Nothing is changed here, and what is unchanged costs a hash and no call; `push_steps` does what was decided.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.config.checks import aws_problems
from toolkit.config.problems import ConfigErrors, Problem
from toolkit.core.agent import Agent, Project
from toolkit.core.errors import ConfigError, NotFound, UsageError
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Action, Change, Item, Plan, diff
from toolkit.core.secrets import Secret
from toolkit.images import base as bases
from toolkit.ops import credentials, definitions, deploy_lease, infrastructure
from toolkit.ops.images import Images, gateway_image
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


def read_facts(services: Services) -> dict[str, Any]:
    """What earlier pushes recorded, their lease left out; nothing where there has been none."""
    try:
        facts = dict(services.ledger.facts(""))
    except NotFound:
        return {}
    facts.pop(deploy_lease.FACT, None)
    return facts


def _facts(services: Services, project: Project) -> Mapping[str, Any]:
    """The facts.  Refuses to make a second copy of a project that was renamed after it was pushed from here."""
    facts, name = read_facts(services), services.environment.name
    before = facts.get("project") or pushed_as(project.directory).get(name)
    if before not in (None, project.name):
        raise ConfigError(
            f"{name} holds this project as {before!r}, and it is now called {project.name!r}",
            hint=f"set `name` in config.toml back; to deploy a second copy, remove {project.directory / PUSHED_AS}",
        )
    return facts


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """The plan for `--dry-run --json`."""
    rows = [
        {"action": c.action.value, "kind": c.item.kind, "name": c.item.name, "reason": c.reason}
        for c in plan.changes
    ]
    return {"changes": rows}


PUSHED_AS = Path(".al") / "pushed.json"


def pushed_as(directory: Path) -> dict[str, str]:
    """environment -> the name under which this directory was pushed there."""
    try:
        found = json.loads((directory / PUSHED_AS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # a fresh checkout, as in CI
    return found if isinstance(found, dict) else {}


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
    table = Plan() if facts else Plan((_change("table", names.table),))
    due = any(c.item.name == names.repository(GATEWAY) for c in images.changes)
    unknown = bases.image(services.context, names.repository(GATEWAY), UNKNOWN)
    wanted = infrastructure.items(
        services, project, facts, gateway_image=unknown if due else gateway_image(services, facts)
    )
    values_due = diff(credentials.items(_values_due(services, facts, values)), [])
    return table + infrastructure.plan(facts, wanted) + images + values_due + _health(facts)


def _change(kind: str, name: str, action: Action = Action.CREATE, reason: str = "") -> Change:
    return Change(action=action, item=Item(kind=kind, name=name), reason=reason)


def _health(facts: Mapping[str, Any]) -> Plan:
    """A gateway that an earlier push made and did not see well is looked at again."""
    gateway = facts.get(infrastructure.GATEWAY) or {}
    if not gateway.get("url") or gateway["healthy"]:
        return Plan()
    return Plan(
        (_change("gateway", gateway["url"], Action.UPDATE, "it has not been seen healthy"),)
    )


def _definition_plan(
    services: Services,
    agents: Sequence[Agent],
    references: Mapping[str, str | None],
    facts: Mapping[str, Any],
    values: Mapping[str, Secret],
) -> Plan:
    """Definitions of new images, changed ones of old images, and those of agents that are gone."""
    names, paths = services.context.names, sorted({*values, *credentials.known(facts)})
    changes = []
    for agent in agents:
        unknown = bases.image(services.context, names.repository(agent.name), UNKNOWN)
        new = definitions.wanted(services, agent, references[agent.name] or unknown, paths=paths)
        if new.due(facts):
            action = Action.UPDATE if fact_key(agent.name) in facts else Action.CREATE
            changes.append(_change("definition", new.item.name, action))
    gone = definitions.gone(facts, services.project) if services.project else []
    changes += [_change("definition", name, Action.DELETE, infrastructure.GONE) for name in gone]
    return Plan(tuple(changes))


def _values_due(
    services: Services, facts: Mapping[str, Any], values: Mapping[str, Secret]
) -> dict[str, str]:
    """path -> fingerprint of the values that the environment does not have."""
    key = credentials.fingerprint_key(services.store, services.context.names) if facts else None
    prints = credentials.fingerprints(values, key)
    due = {
        path: p
        for path, p in prints.items()
        if not p or facts.get(f"{credentials.PUSHED}{path}") != p
    }
    return (
        due
        if credentials.GATEWAY_PATH in credentials.known(facts)
        else {**due, credentials.GATEWAY_PATH: ""}
    )
