"""What became of a run: its own report first, then what the platform knows, then its deadline.

`verdict` decides and is pure; `settle` looks, records the end, and closes the run's secret.  Whoever looks
first settles it: the waiting `al run`, a later `al logs` or `al doctor`, the gateway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from signal import SIGKILL, SIGTERM
from typing import Any

from toolkit.core.clock import from_iso, iso, now
from toolkit.core.ports import MakesForOne
from toolkit.core.run import (
    UNCLAIMED,
    Cause,
    Mailbox,
    Run,
    RunHandle,
    RunId,
    RunState,
    RunStatus,
    status_of_exit,
)
from toolkit.credentials.lease import close_lease
from toolkit.wiring import Services

from . import calling, stops, turns
from .adopt import adopted
from .postpone import started_again

RUNNING = RunStatus(state=RunState.RUNNING)
_TAKEN = (Cause.SPOT_INTERRUPTION, Cause.INTERRUPTED)  # ends that the platform alone knows of
CLOSING = 60.0  # seconds that a store is tried for by somebody who waits for this one run
LAUNCH_PATIENCE = timedelta(minutes=10)  # from a run's record to its handle or its claim
# why a run was ended by us: in the record before it is done, so that whoever sees its end knows
OVERDUE = "it went on past its deadline and was stopped"
ENDED_BY_FORCE = "it was asked to stop, and ended before it had said so itself"


def verdict(
    run: Run, mailbox: Mailbox, platform: RunStatus | None, moment: datetime, *, asked: bool = True
) -> RunStatus:
    """What the run is now.  Its own report wins; a platform's end without a report is the run's.

    `platform` is None where it knows nothing, and then `asked` tells whether it was asked at all: only silence
    that was listened to can end a run.
    """
    if mailbox.report is not None:
        if not _unasked(run, mailbox):
            return _explained(run, mailbox, of_report(mailbox.report))
        if not asked or (platform is not None and not platform.state.final):
            return RUNNING  # whoever ended it says why in a moment
        taken = platform is not None and platform.cause in _TAKEN
        return platform if platform and taken else of_report(mailbox.report)
    if platform is not None and platform.state.final:
        return _explained(run, mailbox, platform)
    if asked and platform is None and (end := _silenced(run, mailbox, moment)):
        return end
    if mailbox.claimed:
        return RUNNING
    return platform or RunStatus(state=run.state)


def told(mailbox: Mailbox, platform: RunStatus | None) -> Mailbox:
    """The ledger's mailbox, and what it lacks from the run's log, where its container can write nowhere else."""
    said = platform.mailbox if platform else None
    if said is None:
        return mailbox
    return Mailbox(
        claimed=mailbox.claimed or said.claimed,
        where=mailbox.where or said.where,
        read=mailbox.read or said.read,
        burned=mailbox.burned or said.burned,
        stop=mailbox.stop or said.stop,
        report=mailbox.report or said.report,
        status=mailbox.status or said.status,
    )


def _unasked(run: Run, mailbox: Mailbox) -> bool:
    """Whether it was told to stop, and not by us: a container knows SIGTERM, not who sent it."""
    stopped = mailbox.report is not None and mailbox.report.get("state") == RunState.STOPPED
    return stopped and not mailbox.stop and run.reason != OVERDUE


def of_report(report: Mapping[str, Any]) -> RunStatus:
    return status_of_exit(
        int(report["exit_code"]), state=report.get("state"), reason=report.get("reason") or ""
    )


def overdue(run: Run, moment: datetime) -> bool:
    return run.deadline is not None and moment > from_iso(run.deadline)


def _explained(run: Run, mailbox: Mailbox, end: RunStatus) -> RunStatus:
    """An end that we brought about, by what it was for."""
    if end.state not in (RunState.FAILED, RunState.STOPPED):
        return end
    if end.exit_code == UNCLAIMED and not mailbox.claimed:
        reason = "its secret was gone before it began: it came too late, or twice"
        end = replace(end, cause=Cause.SECRET_MISSING, reason=reason)
    if run.reason == OVERDUE:
        return RunStatus(state=RunState.TIMED_OUT, exit_code=end.exit_code, reason=OVERDUE)
    if mailbox.stop and _by_signal(end, mailbox):
        return RunStatus(state=RunState.STOPPED, exit_code=end.exit_code, reason=ENDED_BY_FORCE)
    if mailbox.stop and mailbox.report and not mailbox.read:
        reason = "it was asked to stop before it had begun"
        return RunStatus(state=RunState.STOPPED, exit_code=end.exit_code, reason=reason)
    return end


def _by_signal(end: RunStatus, mailbox: Mailbox) -> bool:
    """Whether it was ended from outside, before it could say anything."""
    signalled = end.exit_code in (128 + SIGTERM, 128 + SIGKILL)
    return signalled and mailbox.report is None and end.cause is not Cause.OUT_OF_MEMORY


def _silenced(run: Run, mailbox: Mailbox, moment: datetime) -> RunStatus | None:
    """The end of a run that nobody knows anything of, or None while it may yet be heard of."""
    if run.handle is None and not mailbox.claimed and run.state is RunState.STARTING:
        if moment <= _launching_since(run) + LAUNCH_PATIENCE:
            return None
        state = RunState.STOPPED if mailbox.stop else RunState.FAILED
        reason = run.reason or "it was never launched"
        return RunStatus(state=state, cause=Cause.NEVER_STARTED, reason=reason)
    if not overdue(run, moment):
        return None
    if run.reason == OVERDUE:
        return RunStatus(state=RunState.TIMED_OUT, reason=OVERDUE)
    return RunStatus(state=RunState.LOST, reason="no report and no trace of it after its deadline")


def _launching_since(run: Run) -> datetime:
    """A run may have waited long in the queue; its secret is made when its launch begins."""
    return run.lease.created if run.lease else from_iso(run.created)


def settle(
    services: Services, runs: Sequence[Run], *, ask_platform: bool = True, seconds: float = CLOSING
) -> list[Run]:
    """Bring these runs' records up to date; platforms are asked once per runtime, in a batch.

    A store of secrets that does not answer is tried for so many seconds."""
    boxes = {run.id: services.ledger.mailbox(run.id) for run in runs}
    known = {run.id: run for run in runs}
    platform: Mapping[RunId, RunStatus] = {}
    if ask_platform:
        open_runs = [
            run
            for run in runs
            if not run.state.final and (not boxes[run.id].report or _unasked(run, boxes[run.id]))
        ]
        known |= adopted(services, open_runs, boxes)
        platform = _ask(services, [known[run.id] for run in open_runs], boxes)
        boxes = {run: told(box, platform.get(run)) for run, box in boxes.items()}
    settled = [
        _settled(
            services,
            known[run.id],
            boxes[run.id],
            platform.get(run.id),
            asked=ask_platform,
            seconds=seconds,
        )
        for run in runs
    ]
    stops.HERE.wait([run.id for run in settled if run.reason == OVERDUE and not run.state.final])
    return settled


def settle_as_told(services: Services, run: Run, said: Mailbox) -> Run:
    """The same for one run whose container has told us its mailbox itself, not through the ledger or its log."""
    known = RunStatus(state=RunState.RUNNING, mailbox=said)
    return _settled(services, run, told(services.ledger.mailbox(run.id), known), None, asked=False)


def _ask(
    services: Services, runs: Sequence[Run], boxes: Mapping[RunId, Mailbox]
) -> dict[RunId, RunStatus]:
    by_runtime: dict[str, list[RunHandle]] = {}
    for run in runs:
        if handle := run.handle_at(boxes[run.id]):
            by_runtime.setdefault(run.runtime, []).append(handle)
    answers: dict[RunId, RunStatus] = {}
    for name, handles in by_runtime.items():
        answers |= services.runtime(name).states(handles)
    return answers


def _settled(
    services: Services,
    run: Run,
    mailbox: Mailbox,
    platform: RunStatus | None,
    *,
    asked: bool,
    seconds: float = CLOSING,
) -> Run:
    moment = now()
    status = verdict(run, mailbox, platform, moment, asked=asked)
    if status.state.final and mailbox.report is None:
        # what was written between our two looks knows more: a report, or a claim by what seemed never to begin
        later = told(services.ledger.mailbox(run.id), platform)
        began = later.claimed is not None and mailbox.claimed is None
        mailbox, known = later, None if began else platform
        status = verdict(run, mailbox, known, moment, asked=asked and not began)
    elif platform is not None and overdue(run, moment):
        run = _stopped(services, run, mailbox)
    if status.state.final and not run.state.final and started_again(services, run, mailbox, status):
        return services.ledger.get(run.id) or run
    if not run.state.final and status.state is not run.state:
        run = services.ledger.update(run.id, **_changes(run, status, mailbox))
        if run.state.final:
            _let_go(services, run, moment)
    return closed(services, run, mailbox, seconds=seconds) if run.state.final else run


def _let_go(services: Services, run: Run, moment: datetime) -> None:
    """Whoever sees the end first frees what the run held: others wait for it, a scheduler or none."""
    services.ledger.locks.release_all(run.id)
    turns.leave(services.ledger, run.id)
    calling.over(services.ledger, run, moment)


def _stopped(services: Services, run: Run, mailbox: Mailbox) -> Run:
    """A run that hangs is ended from outside: it would be paid for for ever."""
    run = services.ledger.update(run.id, state=RunState.RUNNING, reason=OVERDUE)
    if handle := run.handle_at(mailbox):
        stops.HERE.begin(services.runtime(run.runtime), handle)
    return run


def _changes(run: Run, status: RunStatus, mailbox: Mailbox) -> dict[str, Any]:
    changes: dict[str, Any] = {"state": status.state}
    if status.state.final:
        report = mailbox.report or {}
        if mailbox.read:  # with the end, so that nobody sees a run that is over and seems not to have read its secret
            changes["receipt"] = replace(run.receipt, read=mailbox.read)
        changes |= {
            "exit_code": status.exit_code,
            "cause": status.cause,
            "reason": status.reason,
            "finished": report.get("finished") or iso(now()),
        }
        if mailbox.claimed and not run.started:  # its launcher died before it could say so
            changes["started"] = mailbox.claimed
        # what was told before the end stays where the report has nothing of it
        said = {name: report.get(name) for name in ("return_value", "usage")}
        changes |= {name: value for name, value in said.items() if value not in (None, {})}
    return changes


def closed(services: Services, run: Run, mailbox: Mailbox, *, seconds: float = CLOSING) -> Run:
    """Delete the run's secret, verify that it is gone, and complete the receipt.  Does nothing the second time."""
    complete = run.receipt.verified_absent and (run.receipt.read or not mailbox.read)
    if run.lease is None or complete:
        return run
    secrets = services.of_runtime(run.runtime).run_secrets
    receipt = close_lease(
        secrets, run.lease, run.receipt, mailbox=mailbox, now=now, seconds=seconds
    )
    runtime = services.runtime(run.runtime)
    if isinstance(runtime, MakesForOne):
        runtime.clear(run.id)
    return services.ledger.update(run.id, receipt=receipt)
