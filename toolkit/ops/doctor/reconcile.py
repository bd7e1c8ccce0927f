"""`al doctor -c`: the environment's identities, compared with the project and repaired by API, without Pulumi.

Decides (`examine`) and does (`carry_out`) apart.  It changes identities and nothing else; what the last push recorded
stays as it is, so the next push compares with the same things as before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.core.agent import Project
from toolkit.core.errors import Conflict, NotFound, UsageError
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.core.ports import Concern
from toolkit.ops import deploy_lease, infrastructure, state
from toolkit.ops.doctor.findings import Finding, Weight, warning
from toolkit.ops.pushed_facts import pushed_facts
from toolkit.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What is to be repaired, and what is wrong and is not for us to repair."""

    plan: Plan
    findings: tuple[Finding, ...] = ()


def examine(services: Services, *, note: Callable[[str], None]) -> Reconciliation:
    """Compare; nothing is changed.  Raises UsageError without a project or a cloud, AccessDenied when the account may
    not be read, and LimitExceeded for roles that IAM would not take."""
    project = _project(services)
    facts, place = _facts(services)
    desired = infrastructure.items(services, project, facts, gateway_image=None)
    applied = infrastructure.applied(facts)
    note(f"reading the identities of {services.environment.name}")
    reconciler = services.reconciler
    observed = reconciler.observe(desired)
    waiting = _in_use(project, desired, observed, applied)
    here = [item for item in observed if item not in waiting]
    grants = {str(a.name): services.runtime_for(a).grants(a) for a in project.agents}
    concerns = reconciler.concerns(here, grants)
    return Reconciliation(
        plan=(place + reconciler.plan(desired, here, applied)),
        findings=(*map(_finding, concerns), *map(_until_push, waiting)),
    )


def carry_out(
    services: Services, reconciliation: Reconciliation, progress: Callable[[str], None]
) -> None:
    """Do what was shown, as the only one who changes this environment.  A failure leaves the rest to the next time.

    Raises Conflict when somebody else is changing the environment, or has changed it since this was shown.
    """
    if not reconciliation.plan:
        return
    if _makes_state(reconciliation.plan) and services.ledger.prepare():
        place = state.place(services.context)
        progress(f"created the state {place.kind} {place.name}")
    with deploy_lease.held(services.ledger, deploy_lease.holder()) as lease:
        now = examine(services, note=lambda _: None).plan
        _require_shown(services, now, reconciliation.plan)

        def step(line: str) -> None:
            lease.check()  # who lost it, as a laptop that slept, begins nothing further
            progress(line)

        services.reconciler.apply(now, progress=step)


def _project(services: Services) -> Project:
    if services.environment.cloud is None:
        raise UsageError(
            f"{services.environment.name} has no cloud, and so no identities to compare",
            hint="name an environment that has one with -E, e.g. -E sandbox",
        )
    if services.project is None:
        raise UsageError(
            "there is no project here", hint="go to the project's directory, or name it with -p"
        )
    return services.project


def _facts(services: Services) -> tuple[Mapping[str, Any], Plan]:
    """What pushes have recorded; and what to make first, where there is nothing that a deploy lease could be in."""
    try:
        return pushed_facts(services.ledger), Plan()
    except NotFound:
        place = state.place(services.context)
        return {}, Plan((Change(action=Action.CREATE, item=place, reason="for the deploy lease"),))


def _in_use(
    project: Project, desired: Sequence[Item], observed: Sequence[Item], applied: Sequence[Item]
) -> list[Item]:
    """Identities that the project no longer wants and that an agent of it has until the next push: it moved to another
    runtime, or brings its own.  Its runs would fail without; push removes them after their successor works."""
    wanted = {item.key for item in desired}
    agents = {str(agent.name) for agent in project.agents}
    kept = {i.key for i in applied if i.key not in wanted and i.tags.get("al:agent") in agents}
    return [item for item in observed if item.key in kept]


def _until_push(item: Item) -> Finding:
    message = "is no longer wanted, and its agent runs with it until the next push"
    return warning(item.name, message, "`al push` makes its successor, and then removes it")


def _finding(concern: Concern) -> Finding:
    return Finding(
        weight=Weight.WARNING if concern.warning else Weight.ERROR,
        about=concern.about,
        message=concern.message,
        remedy=concern.remedy,
    )


def _makes_state(plan: Plan) -> bool:
    return any(change.item.kind in state.KINDS for change in plan.changes)


def _require_shown(services: Services, now: Plan, shown: Plan) -> None:
    """What has been repaired since by somebody else need not be; nothing may be done that nobody has seen."""
    agreed = [replace(change, reason="") for change in shown.changes]
    new = [c for c in now.changes if replace(c, reason="") not in agreed]
    if new:
        raise Conflict(
            f"{services.environment.name} has changed since this was shown: "
            f"{', '.join(sorted(c.item.name for c in new))}",
            hint="run `al doctor -c` again, to see what there is to do now",
        )
