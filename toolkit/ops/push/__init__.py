"""The deciding half of a push: the project, what earlier pushes recorded, and the difference as a plan.

Nothing is changed here, and what is unchanged costs a hash and no call; `steps` does what was decided.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.config.checks import cloud_problems
from toolkit.config.problems import ConfigErrors, Problem
from toolkit.core.agent import Agent, Project
from toolkit.core.errors import ConfigError, NotFound, UsageError
from toolkit.core.plan import Plan
from toolkit.core.secrets import Secret
from toolkit.ops.builds import Builds
from toolkit.ops.images import Images
from toolkit.ops.push import credentials as push_credentials
from toolkit.ops.push import plan as push_plan
from toolkit.ops.pushed_facts import PROJECT, pushed_facts
from toolkit.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much a push is about."""

    agent: str | None = None  # only this one, every other one as it is
    files: bool = True  # infrastructure, images and definitions
    values: bool = True  # of credentials
    again: bool = False  # also what has not changed, as far as earlier pushes recorded


WHOLE = Extent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Everything decided, nothing done."""

    services: Services
    project: Project
    extent: Extent
    images: Images
    facts: Mapping[str, Any]
    values: Mapping[str, Secret]
    plan: Plan = field(default_factory=Plan)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def agents(self) -> tuple[Agent, ...]:
        return self.images.agents

    @property
    def subject(self) -> Project:
        """The project, without the agents that this push is not about."""
        return replace(self.project, agents=self.agents)


def decide(services: Services, extent: Extent = WHOLE) -> Push:
    """Read, validate and compare; nothing is changed.  Raises every problem of the project at once."""
    project = _pushable(services)
    agents = project.agents if extent.agent is None else (project.agent(extent.agent),)
    _check(services, project, agents)
    facts = _facts(services, project)
    push = Push(
        services=services,
        project=project,
        extent=extent,
        images=Images(services, project, agents, again=extent.again),
        facts=facts,
        values=push_credentials.values(services, replace(project, agents=agents), facts, extent),
        warnings=(
            *project.warnings,
            *filter(None, [Builds(services, project).left_out]),
            *push_credentials.warnings(services, agents, facts, extent),
        ),
    )
    push_credentials.check_places(push)
    notes = () if extent.files else push_credentials.notes(push)
    return replace(push, plan=push_plan.plan(push), notes=notes)


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
    problems += _unbuilt(Builds(services, project), agents)
    problems += [p for p in cloud_problems(project, services.environment) if not p.warning]
    if problems:
        raise ConfigErrors(problems)


def _unbuilt(builds: Builds, agents: Sequence[Agent]) -> list[Problem]:
    """Dockerfiles that nobody would build; the project's is told of once."""
    errors = {error.message: error for agent in agents if (error := builds.unbuilt(agent))}
    return [
        Problem(file=file, key="", message=message, remedy=error.hint)
        for error in errors.values()
        for file, _, message in [error.message.partition(": ")]
    ]


def _files(agent: Agent) -> str:
    return f"agents/{agent.name}"


def read_facts(services: Services) -> dict[str, Any]:
    """What earlier pushes recorded; nothing where there has been none."""
    try:
        return dict(pushed_facts(services.ledger))
    except NotFound:
        return {}


def _facts(services: Services, project: Project) -> Mapping[str, Any]:
    """The facts.  Refuses to make a second copy of a project that was renamed after it was pushed from here."""
    facts, name = read_facts(services), services.environment.name
    before = facts.get(PROJECT) or pushed_as(project.directory).get(name)
    if before not in (None, project.name):
        raise ConfigError(
            f"{name} holds this project as {before!r}, and it is now called {project.name!r}",
            hint=f"set `name` in config.toml back; to deploy a second copy, remove {project.directory / PUSHED_AS}",
        )
    return facts


PUSHED_AS = Path(".al") / "pushed.json"


def pushed_as(directory: Path) -> dict[str, str]:
    """environment -> the name under which this directory was pushed there."""
    try:
        found = json.loads((directory / PUSHED_AS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # a fresh checkout, as in CI
    return found if isinstance(found, dict) else {}
