"""The doing half of a push: what was decided, in an order that can be resumed.

state -> lease -> additions to the infrastructure -> images -> (the gateway) -> definitions -> credential values
-> removals -> gateway health -> prune

Each step (parts.py) records what it did as a fact in the ledger, so the first failure stops, and the next push
does the rest.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from toolkit.core.clock import iso, now
from toolkit.core.errors import ConfigError
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Plan
from toolkit.ops import deploy_lease, infrastructure, pulumi, state
from toolkit.ops.deploy_lease import USUAL, Busy, Lease, Terms
from toolkit.ops.holder import Holder
from toolkit.ops.images import gateway_image
from toolkit.ops.push import Push, read_facts
from toolkit.ops.push import parts as push_parts
from toolkit.ops.push.parts import Progress, Work
from toolkit.ops.push.report import Report
from toolkit.ops.pushed_facts import PROJECT
from toolkit.wiring import Services


def carry_out(
    push: Push,
    progress: Progress,
    report: Report | None = None,
    *,
    who: Holder | None = None,
    terms: Terms = USUAL,
) -> Report:
    """Do what was decided.  The first failure stops; what was done is recorded, and a second push does the rest.

    `report` is filled in whatever happens.  Raises Busy when somebody else is pushing, or has pushed since it was
    decided, and ConfigError before anything is made when Pulumi is needed and missing.
    """
    report = report if report is not None else Report()
    with reported(report, push.services, push.plan, push.facts):
        if not push.plan:
            return report
        _require_pulumi(push)
        _prepare(push, progress, report)
        with deploy_lease.held(
            push.services.ledger, who or deploy_lease.holder(), terms=terms
        ) as lease:
            require_unchanged(push.services, push.facts)
            _steps(_begun(push, lease, report, progress))
    return report


@contextmanager
def reported(
    report: Report, services: Services, plan: Plan, facts: Mapping[str, Any]
) -> Iterator[None]:
    """What was done and what was not goes with whatever error there is."""
    report.environment, report.project = (
        services.environment.name,
        services.context.names.scope.project,
    )
    report.plan = plan
    report.gateway_url = (facts.get(infrastructure.GATEWAY) or {}).get("url")
    started = time.monotonic()
    try:
        yield
    except BaseException as error:
        for line in report.told():
            error.add_note(line)
        raise
    finally:
        report.seconds = round(time.monotonic() - started, 3)


def needs_engine(push: Push) -> bool:
    """Whether the infrastructure changes, which takes Pulumi on a real account."""
    return any(change.item.kind not in push_parts.OTHER_KINDS for change in push.plan.changes)


def lacks_pulumi(push: Push) -> pulumi.Missing | None:
    return pulumi.missing(push.services) if needs_engine(push) else None


def _require_pulumi(push: Push) -> None:
    if lack := lacks_pulumi(push):
        raise ConfigError(
            lack.reason,
            hint=f"install Pulumi {lack.version} from {pulumi.SOURCE}, or push with --install-pulumi",
        )


def _prepare(push: Push, progress: Progress, report: Report) -> None:
    """Where there are facts, there is what they are in."""
    place = state.place(push.services.context)
    if not push.facts and push.services.ledger.prepare():
        progress(f"created the state {place.kind} {place.name}")
    report.mark(*place.key)


def require_unchanged(services: Services, facts: Mapping[str, Any]) -> None:
    """Raises Busy when the facts are not those that something was decided by."""
    if read_facts(services) != facts:
        raise Busy(
            f"somebody has changed {services.environment.name} since this was decided",
            hint="push again, to see what is still to do",
        )


def _begun(push: Push, lease: Lease, report: Report, progress: Progress) -> Work:
    """From here on every fact is written under the lease."""
    services = push.services.with_ledger(lease.ledger)
    images = replace(push.images, services=services)
    return Work(
        push=replace(push, services=services, images=images),
        lease=lease,
        facts=dict(push.facts),
        report=report,
        progress=progress,
        moment=iso(now()),
    )


def _steps(work: Work) -> None:
    """Additions first and removals last, so that what is there works until what replaces it does."""
    if not work.push.extent.files:
        return push_parts.write_credentials(work)
    work.note_fact(PROJECT, work.push.project.name)
    push_parts.remember_name(work.push)
    push_parts.apply(work, gateway_image(work.services, work.facts), again=work.push.extent.again)
    references = push_parts.push_images(work)
    push_parts.apply(work, references[GATEWAY])
    push_parts.define(work, references)
    push_parts.record_roster(work)
    if work.push.extent.values:
        push_parts.write_credentials(work)
    push_parts.apply(work, references[GATEWAY], removals=True)
    return push_parts.finish(work)
