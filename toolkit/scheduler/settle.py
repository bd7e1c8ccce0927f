"""What became of a run: its own report first, then what the platform knows, then its deadline.

`verdict` decides and is pure; `settle` looks, records the end, and closes the run's secret.  Whoever looks
first settles it: the waiting `al run`, a later `al logs` or `al doctor`, the gateway.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from toolkit.core.clock import from_iso, iso, now
from toolkit.core.run import Cause, Mailbox, Run, RunHandle, RunState, RunStatus
from toolkit.credentials.lease import close_lease
from toolkit.wiring import Services

RERUN, TIMEOUT = 42, 124
RUNNING = RunStatus(state=RunState.RUNNING)


def status_of_exit(code: int, *, state: str | None = None, reason: str = "") -> RunStatus:
    """What an exit code means (architecture 5.1): 0 and 42 succeed, 124 is the run's own timeout."""
    if state in (RunState.STOPPED, RunState.TIMED_OUT):
        return RunStatus(state=RunState(state), exit_code=code, reason=reason)
    if code in (0, RERUN):
        return RunStatus(state=RunState.SUCCEEDED, exit_code=code, reason=reason)
    if code == TIMEOUT:
        return RunStatus(state=RunState.TIMED_OUT, exit_code=code, reason=reason)
    return RunStatus(
        state=RunState.FAILED,
        exit_code=code,
        cause=Cause.EXIT_CODE,
        reason=reason or f"exited with code {code}",
    )


def of_report(report: Mapping[str, Any]) -> RunStatus:
    return status_of_exit(
        int(report["exit_code"]), state=report.get("state"), reason=report.get("reason") or ""
    )


def verdict(run: Run, mailbox: Mailbox, platform: RunStatus | None, moment: datetime) -> RunStatus:
    """What the run is now.  Its own report wins; a platform's end without a report is a failure; silence past the
    deadline is `lost`."""
    if mailbox.report is not None:
        return of_report(mailbox.report)
    if platform is not None and platform.state.final:
        return platform
    if run.deadline and moment > from_iso(run.deadline):
        return RunStatus(
            state=RunState.LOST, reason="no report and no trace of it after its deadline"
        )
    if mailbox.claimed:
        return RUNNING
    return platform or RunStatus(state=run.state)


def handle_of(run: Run, mailbox: Mailbox) -> RunHandle | None:
    """The run's handle, with what its container said of where it is."""
    return run.handle.with_ids(**mailbox.where) if run.handle and mailbox.where else run.handle


def settle(services: Services, runs: Sequence[Run], *, ask_platform: bool = True) -> list[Run]:
    """Bring these runs' records up to date; platforms are asked once per runtime, in a batch."""
    boxes = {run.id: services.ledger.mailbox(run.id) for run in runs}
    open_runs = [run for run in runs if not run.state.final and boxes[run.id].report is None]
    platform = _ask(services, open_runs, boxes) if ask_platform else {}
    return [_settled(services, run, boxes[run.id], platform.get(run.id)) for run in runs]


def _ask(
    services: Services, runs: Sequence[Run], boxes: Mapping[Any, Mailbox]
) -> dict[Any, RunStatus]:
    by_runtime: dict[str, list[RunHandle]] = {}
    for run in runs:
        if handle := handle_of(run, boxes[run.id]):
            by_runtime.setdefault(run.runtime, []).append(handle)
    answers: dict[Any, RunStatus] = {}
    for name, handles in by_runtime.items():
        answers |= services.runtime(name).states(handles)
    return answers


def _settled(services: Services, run: Run, mailbox: Mailbox, platform: RunStatus | None) -> Run:
    status = verdict(run, mailbox, platform, now())
    if platform is not None and platform.state.final and mailbox.report is None:
        # the report may have been written between our two looks, and it knows more
        mailbox = services.ledger.mailbox(run.id)
        status = verdict(run, mailbox, platform, now())
    if not run.state.final and status.state is not run.state:
        run = services.ledger.update(run.id, **_changes(status, mailbox))
    return closed(services, run, mailbox) if run.state.final else run


def _changes(status: RunStatus, mailbox: Mailbox) -> dict[str, Any]:
    changes: dict[str, Any] = {"state": status.state}
    if status.state.final:
        report = mailbox.report or {}
        changes |= {
            "exit_code": status.exit_code,
            "cause": status.cause,
            "reason": status.reason,
            "finished": report.get("finished") or iso(now()),
            "return_value": report.get("return_value"),
        }
    return changes


def closed(services: Services, run: Run, mailbox: Mailbox) -> Run:
    """Delete the run's secret, verify that it is gone, and complete the receipt.  Does nothing the second time."""
    if run.lease is None or run.receipt.verified_absent:
        return run
    receipt = close_lease(services.run_secrets, run.lease, run.receipt, mailbox=mailbox, now=now)
    return services.ledger.update(run.id, receipt=receipt)
