"""Everything that is wrong, at once, each finding with its remedy: what one look fails at does not hide the rest.

Looks, and with `settle` records how runs have ended; deletes nothing (ops/leftovers does, when asked to) and repairs no
identity (ops/reconcile does).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from toolkit.config.checks import cloud_problems
from toolkit.config.problems import ConfigErrors
from toolkit.core.agent import Agent, Project
from toolkit.core.clock import now
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AlError, ConfigError, NotFound
from toolkit.core.placement import runtime_name
from toolkit.images import base as bases
from toolkit.ops import credentials, local
from toolkit.ops.builds import Builds
from toolkit.ops.doctor import credential_checks as doctor_credentials
from toolkit.ops.doctor import (
    elsewhere,
    host_user,
    leftovers,
    model_checks,
    quotas,
    quotas_google,
    strays,
    unseen,
)
from toolkit.ops.doctor import names as doctor_names
from toolkit.ops.doctor import webhooks as doctor_webhooks
from toolkit.ops.doctor.credential_checks import NOT_ASKED, Asking
from toolkit.ops.doctor.findings import (
    Finding,
    Weight,
    failing,
    of_problem,
    refused,
    section,
    warning,
)
from toolkit.ops.doctor.preflight import Live
from toolkit.ops.infrastructure import GATEWAY
from toolkit.wiring import Services

SOME_DIGEST = "sha256:" + "0" * 64  # a definition needs an image, and which one changes no size
Examine = Callable[[Services, Callable[[str], None]], Live]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that was found, and what is predicted of the account's quotas."""

    findings: tuple[Finding, ...]
    uses: tuple[quotas.Use, ...] = ()


def unreadable(errors: ConfigErrors) -> Examination:
    """A project that cannot be loaded: every problem of its files."""
    return Examination(findings=tuple(of_problem(problem) for problem in errors.problems))


def examine(
    services: Services,
    *,
    settle: bool,
    note: Callable[[str], None],
    asking: Asking = NOT_ASKED,
    live: Examine | None = None,
) -> Examination:
    """Configuration, credentials, webhooks, limits and quotas; the account; runs that ended unseen, and leftovers.

    `settle`: record the end of runs that ended unseen, which also deletes their secrets; without it nothing is
    changed.  `live` looks at the account where there is one.
    """
    where, project = services.environment.name, services.project
    note(f"looking at the runs and secrets of {where}")
    known = _known(services)
    seen = live(services, note) if live and known.reached else Live()
    uses = _uses(services, project, seen) if project else ()
    findings = [*_project(services, project, known, asking)] if project else []
    findings += [*quotas.found(uses, assumed=_weight_of_defaults(services)), *seen.findings]
    if known.silent:
        # credentials of another account are why it is silent, and that is said already
        findings += [known.silent] if seen.ours else []
    else:
        findings += _environment(services, settle=settle)
    return Examination(findings=_once(findings), uses=uses)


def narrowed(
    services: Services, name: str, all_: Examination, note: Callable[[str], None]
) -> Examination:
    """Of all that was found what is about one agent, and how its models are.  Raises UsageError for an unknown one."""
    assert services.project is not None  # noqa: S101 - only called with one
    agent = services.project.agent(name)
    asked = tuple(model_checks.of_agent(services, agent, note))
    known = {finding.message for finding in asked}
    mine = [f for f in all_.findings if f.about in (name, f"agents/{name}")]
    return Examination(findings=(*(f for f in mine if f.message not in known), *asked))


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What the account and the ledger both say is left over, once: the account says more of it."""
    unique: dict[object, Finding] = {}
    for number, finding in enumerate(findings):
        unique.setdefault(finding.about if strays.is_stray(finding) else number, finding)
    return tuple(unique.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The values that the environment has, and its gateway's address; or why it does not say, and whether it is any use
    to ask for more."""

    values: Collection[str] = ()
    gateway: str | None = None
    silent: Finding | None = None
    reached: bool = True


def _known(services: Services) -> _Known:
    where = services.environment.name
    try:
        values = credentials.known(services.ledger.facts(credentials.PUSHED))
        deployed = (services.ledger.fact(GATEWAY) or {}).get("url")
        return _Known(values=values, gateway=services.environment.gateway_url or deployed)
    except NotFound as error:
        message = f"nothing was pushed there, as far as can be seen ({error.message})"
        return _Known(silent=warning(where, message, error.hint))
    except AlError as error:
        reached = not error.temporary and not isinstance(error, ConfigError)
        return _Known(silent=refused(where, error), reached=reached)


def _environment(services: Services, *, settle: bool) -> Iterator[Finding]:
    where = services.environment.name
    ended = unseen.settled(services) if settle else unseen.seen(services)
    yield from section(where, ended)
    yield from section(where, leftovers.found(services))
    if services.project and services.environment.cloud:
        yield from section(where, strays.recorded(services, services.project))
        yield from section(where, strays.undeployed(services, services.project))


# the project


def _project(
    services: Services, project: Project, known: _Known, asking: Asking
) -> Iterator[Finding]:
    """What can be said without the environment, but for what is `known` of it."""
    yield from _configuration(project)
    sound, forbidden = doctor_credentials.allowed(project)
    yield from forbidden
    yield from section("configuration", _cloud(services, sound))
    for agent in project.agents:
        yield from section(str(agent.name), _platform(services, agent))
    yield from elsewhere.found(services, project)
    if services.environment.cloud is None:
        yield from section(host_user.ISOLATION, host_user.found(project))
    yield from model_checks.found(services, project)
    yield from doctor_names.found(services, project)
    yield from doctor_webhooks.found(project, services.environment, known.gateway)
    asked = elsewhere.asked_here(services, sound) if services.environment.cloud is None else sound
    yield from doctor_credentials.found(asked, services.local_store, known.values, asking)


def _configuration(project: Project) -> Iterator[Finding]:
    for line in project.warnings:
        message, _, remedy = line.partition(" → ")
        yield warning("configuration", message, remedy or "see docs/configuration.md")
    for agent in project.agents:
        if not agent.schedule and not agent.webhooks and agent.scale > 0:
            message = "has neither a schedule nor webhooks, so only `al run` starts it"
            yield warning(str(agent.name), message, "give it one, unless that is what you want")


def _cloud(services: Services, project: Project) -> Iterator[Finding]:
    for problem in cloud_problems(project, services.environment):
        yield of_problem(problem)
    if lacking := Builds(services, project).left_out:
        yield warning("Dockerfile", lacking, "rehearse without it, or build it in an account")


def _platform(services: Services, agent: Agent) -> Iterator[Finding]:
    there = services.for_agent(agent) if services.environment.cloud is None else services
    if error := _unbuilt(there, agent):
        yield failing(str(agent.name), error.message, error.hint)
    for problem in there.runtime_for(agent).check(agent):
        remedy = f"change agents/{agent.name}/config.toml for {there.environment.name}"
        yield failing(str(agent.name), problem, remedy)


def _unbuilt(there: Services, agent: Agent) -> ConfigError | None:
    if there.environment.cloud is None:
        return local.unbuilt(there, agent)
    assert there.project is not None  # noqa: S101 - a doctor's agents are of one
    return Builds(there, there.project).unbuilt(agent)


# quotas


def _uses(services: Services, project: Project, seen: Live) -> tuple[quotas.Use, ...]:
    environment, cap = services.environment, project.scale
    if environment.cloud is None:
        return ()
    loads = [_load(services, agent) for agent in project.agents]
    if isinstance(environment.cloud, GcpCloud):
        own = environment.cloud.service_account is None
        kept = environment.keep_images
        return quotas_google.predicted(loads, cap=cap, after=now(), kept=kept, accounts=own)
    return quotas.predicted(loads, cap=cap, after=now(), known=seen.limits)


def _load(services: Services, agent: Agent) -> quotas.Load:
    """The agent as its runtime defines it: that says how many processors a run of it has."""
    names = services.context.names
    try:
        image = bases.image(services.context, names.repository(agent.name), SOME_DIGEST)
        attributes = services.runtime_for(agent).definition(agent, image).attributes
    except AlError:  # a size that there is not: `_platform` says so, and it takes nothing
        attributes = {}
    runtime = runtime_name(agent, services.environment)
    return quotas.Load(agent=agent, runtime=runtime, vcpus=int(attributes.get("cpu", 0)) / 1024)


def _weight_of_defaults(services: Services) -> Weight:
    """In the sandbox, what a cloud gives a new account is worth knowing and stops nobody."""
    return Weight.NOTE if services.environment.embedded else Weight.WARNING
