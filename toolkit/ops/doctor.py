"""Everything that is wrong, at once, each finding with its remedy: what one look fails at does not hide the rest.

Looks, and with `settle` records how runs have ended; deletes nothing (ops/leftovers does, when asked to).
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from toolkit.config.checks import aws_problems
from toolkit.config.problems import ConfigErrors
from toolkit.core.agent import Agent, CredentialRef, Project
from toolkit.core.errors import AlError, NotFound
from toolkit.credentials import resolve
from toolkit.wiring import Services

from . import credentials, leftovers, unseen
from .findings import Finding, Weight, of_problem, refused, section, warning


def unreadable(errors: ConfigErrors) -> list[Finding]:
    """A project that cannot be loaded: every problem of its files."""
    return [of_problem(problem) for problem in errors.problems]


def examine(services: Services, *, settle: bool, note: Callable[[str], None]) -> list[Finding]:
    """All findings: configuration, platform limits, credentials, runs that ended unseen, secrets left behind.

    `settle`: record the end of runs that ended unseen, which also deletes their secrets; without it nothing is
    changed.
    """
    where = services.environment.name
    note(f"looking at the runs and secrets of {where}")
    silent: list[Finding] = []
    known: Collection[str] = ()
    try:
        known = credentials.known(services.ledger.facts(credentials.PUSHED))
    except NotFound as error:
        message = f"nothing was pushed there, as far as can be seen ({error.message})"
        silent = [warning(where, message, error.hint)]
    except AlError as error:
        silent = [refused(where, error)]
    findings = [*_project(services, services.project, known)] if services.project else []
    if silent:
        return [*findings, *silent]
    ended = unseen.settled(services) if settle else unseen.seen(services)
    left = section(where, leftovers.found(services))
    return [*findings, *section(where, ended), *left]


def _project(services: Services, project: Project, known: Collection[str]) -> Iterator[Finding]:
    """What can be said without the environment.  `known` are the credential values that it has."""
    yield from _configuration(project)
    sound, forbidden = _allowed(project)
    yield from forbidden
    yield from section("configuration", _cloud(services, sound))
    for agent in project.agents:
        yield from section(str(agent.name), _platform(services, agent))
    for ref in resolve.project_credentials(sound):
        yield from section(str(ref), _credential(services, ref, known))


def _configuration(project: Project) -> Iterator[Finding]:
    for line in project.warnings:
        message, _, remedy = line.partition(" → ")
        yield warning("configuration", message, remedy or "see docs/configuration.md")
    for agent in project.agents:
        if not agent.schedule and not agent.webhooks and agent.scale > 0:
            message = "has neither a schedule nor webhooks, so only `al run` starts it"
            yield warning(str(agent.name), message, "give it one, unless that is what you want")


def _allowed(project: Project) -> tuple[Project, list[Finding]]:
    """The project without the credentials that no agent may have, and a finding for each of those."""
    agents, findings = [], []
    for agent in project.agents:
        kept = []
        for ref in agent.credentials:
            try:
                resolve.required(replace(agent, credentials=(ref,), models=()))
                kept.append(ref)
            except AlError as error:
                findings.append(refused(str(agent.name), error))
        agents.append(replace(agent, credentials=tuple(kept)))
    return replace(project, agents=tuple(agents)), findings


def _cloud(services: Services, project: Project) -> Iterator[Finding]:
    for problem in aws_problems(project, services.environment):
        yield of_problem(problem)


def _platform(services: Services, agent: Agent) -> Iterator[Finding]:
    where = services.environment.name
    if agent.dockerfile:
        yield Finding(
            weight=Weight.ERROR,
            about=str(agent.name),
            message="its Dockerfile is not built by this version yet",
            remedy=f"remove agents/{agent.name}/Dockerfile; what every agent needs belongs into the base image",
        )
    for problem in services.runtime_for(agent).check(agent):
        yield Finding(
            weight=Weight.ERROR,
            about=str(agent.name),
            message=problem,
            remedy=f"change agents/{agent.name}/config.toml for {where}",
        )


def _credential(
    services: Services, ref: CredentialRef, known: Collection[str]
) -> Iterator[Finding]:
    """A missing one is an error; a value that cannot be right is a warning, because only its issuer knows."""
    found = resolve.resolve_all([ref], services.local_store, elsewhere=known)
    values = {path.rpartition("/")[2]: value for path, value in found.items()}
    check = resolve.type_of(ref).check
    for doubt in check(values) if check and values else []:
        yield warning(str(ref), doubt, f"`al creds add {ref}` replaces it")
