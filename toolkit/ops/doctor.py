"""Everything that is wrong, at once, each finding with its remedy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from toolkit.config.checks import aws_problems
from toolkit.core.agent import Agent, Project
from toolkit.core.errors import AlError, CredentialError
from toolkit.core.run import Run
from toolkit.credentials import resolve
from toolkit.scheduler import sweeper
from toolkit.scheduler.settle import settle
from toolkit.wiring import Services


class Weight(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    LEFTOVER = "leftover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or that was set right (`fixed`)."""

    weight: Weight
    about: str
    message: str
    remedy: str
    fixed: bool = False


def examine(services: Services, *, fix: bool, note: Callable[[str], None]) -> list[Finding]:
    """All findings: configuration, platform limits, credentials, runs that ended unseen, secrets left behind."""
    project = services.project
    findings = (
        []
        if project is None
        else [*_configuration(services, project), *_credentials(services, project)]
    )
    note(f"looking at the runs and secrets of {services.environment.name}")
    return [*findings, *_reachable(services, fix=fix)]


def exit_code(findings: Sequence[Finding], *, strict: bool) -> int:
    """0 clean or warnings only, 1 any error (warnings too when strict), 3 leftovers that are still there."""
    still = [f for f in findings if not f.fixed]
    if any(f.weight is Weight.ERROR or (strict and f.weight is Weight.WARNING) for f in still):
        return 1
    return 3 if any(f.weight is Weight.LEFTOVER for f in still) else 0


def _configuration(services: Services, project: Project) -> Iterator[Finding]:
    for warning in project.warnings:
        message, _, remedy = warning.partition(" → ")
        yield _warning("configuration", message, remedy or "see docs/configuration.md")
    for agent in project.agents:
        if not agent.schedule and not agent.webhooks and agent.scale > 0:
            message = "has neither a schedule nor webhooks, so only `al run` starts it"
            yield _warning(str(agent.name), message, "give it one, unless that is what you want")
    for problem in aws_problems(project, services.environment):
        weight = Weight.WARNING if problem.warning else Weight.ERROR
        yield Finding(
            weight=weight, about=problem.file, message=problem.what, remedy=problem.remedy
        )
    for agent in project.agents:
        yield from _platform(services, agent)


def _warning(about: str, message: str, remedy: str) -> Finding:
    return Finding(weight=Weight.WARNING, about=about, message=message, remedy=remedy)


def _platform(services: Services, agent: Agent) -> Iterator[Finding]:
    for problem in services.runtime_for(agent).check(agent):
        where = services.environment.name
        yield Finding(
            weight=Weight.ERROR,
            about=str(agent.name),
            message=problem,
            remedy=f"change agents/{agent.name}/config.toml for {where}",
        )


def _credentials(services: Services, project: Project) -> Iterator[Finding]:
    """Missing ones are errors; a value that cannot be right is a warning, because only its issuer knows."""
    for ref in resolve.project_credentials(project):
        try:
            values = resolve.fields(ref, services.local_store)
        except CredentialError as error:
            yield Finding(
                weight=Weight.ERROR, about=str(ref), message=error.message, remedy=error.hint
            )
            continue
        kind = resolve.type_of(ref)
        for doubt in kind.check(values) if kind.check and values else []:
            yield Finding(
                weight=Weight.WARNING,
                about=str(ref),
                message=doubt,
                remedy=f"`al creds add {ref}` replaces it",
            )


def _reachable(services: Services, *, fix: bool) -> list[Finding]:
    """What needs the environment to answer; when it does not, that is a finding like any other."""
    try:
        return [*_unseen(services), *_left(services, fix=fix)]
    except AlError as error:
        return [
            Finding(
                weight=Weight.ERROR,
                about=services.environment.name,
                message=error.message,
                remedy=error.hint,
            )
        ]


def _unseen(services: Services) -> Iterator[Finding]:
    """Runs whose launcher died: settling them is reading the truth, so it needs no consent."""
    for before in services.ledger.runs(active=True, limit=100):
        (run,) = settle(services, [before])
        if run.state.final:
            yield _ended(run)


def _ended(run: Run) -> Finding:
    said = f"ended unseen: {run.state.value}{f' ({run.reason})' if run.reason else ''}"
    return Finding(
        weight=Weight.WARNING,
        about=str(run.id),
        message=said,
        remedy=f"`al logs {run.id}` shows what it did",
        fixed=True,
    )


def _left(services: Services, *, fix: bool) -> Iterator[Finding]:
    store, ledger, names = services.run_secrets, services.ledger, services.context.names
    if not fix:
        for found in sweeper.leftovers(store, ledger, names):
            yield _leftover(
                found.lease.run, found.reason, "`al doctor --fix` deletes it", fixed=False
            )
        return
    for swept in sweeper.sweep(store, ledger, names):
        yield _leftover(swept.run, swept.reason, swept.error or "deleted", fixed=not swept.error)


def _leftover(run: str, reason: str, remedy: str, *, fixed: bool) -> Finding:
    message = f"its secret was left behind: {reason}"
    return Finding(weight=Weight.LEFTOVER, about=run, message=message, remedy=remedy, fixed=fixed)
