"""A run whose container speaks through its log alone: the platform brings its mailbox."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryLedger, MemoryRuntime, MemoryStore
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso, now
from toolkit.core.run import (
    UNCLAIMED,
    Cause,
    Mailbox,
    Run,
    RunHandle,
    RunId,
    RunState,
    RunStatus,
    TriggerKind,
    status_of_exit,
)
from toolkit.core.secrets import Secret, SecretLease, SecretRef
from toolkit.scheduler.settle import settle, told, verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = Run(
    id=RunId("dev-1a2b3c4d"), agent=AgentName("dev"), runtime="memory", trigger=TriggerKind.MANUAL,
    created=iso(now()), state=RunState.STARTING, deadline=iso(now() + timedelta(hours=1)),
    handle=RunHandle(runtime="memory", run=RunId("dev-1a2b3c4d"), agent=AgentName("dev")),
    lease=SecretLease(
        ref=SecretRef(store="memory", name="x"), agent="dev", run="dev-1a2b3c4d", created=NOON, expires=NOON
    ),
)  # fmt: skip
REPORT = {"exit_code": 0, "state": "succeeded", "finished": iso(NOON), "return_value": "42"}
SAID = Mailbox(
    claimed=iso(NOON), where={"a": "b"}, read=iso(NOON), burned=iso(NOON), report=REPORT, status="s"
)


class Says(MemoryRuntime):
    """A platform that answers the same of every run."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__()
        self.status = status

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        return {handle.run: self.status for handle in handles}


def settled(tmp_path: Path, status: RunStatus) -> tuple[Run, MemoryStore]:
    """The run as the ledger has it after a look, and its secrets."""
    ledger = MemoryLedger()
    made = FakeServices(tmp_path, ledger=ledger, runtime=Says(status))
    made.store.put("x", Secret("{}"), tags={})
    ledger.add(RUN)
    (run,) = settle(made, [RUN])
    return run, made.store


def test_what_the_ledger_lacks_is_taken_from_the_log() -> None:
    """Field by field; what the ledger has, the container wrote there itself."""
    status = RunStatus(state=RunState.RUNNING, mailbox=SAID)
    assert told(Mailbox(), status) == SAID
    assert told(Mailbox(stop=True, status="mine"), status) == replace(
        SAID, stop=True, status="mine"
    )


@pytest.mark.parametrize("status", [None, RunStatus(state=RunState.RUNNING)])
def test_a_platform_that_brings_none_changes_nothing(status: RunStatus | None) -> None:
    """As on every platform whose containers write into the ledger."""
    assert told(SAID, status) == SAID


def test_a_report_in_the_log_is_the_runs_end(tmp_path: Path) -> None:
    """With its return value, and the times of its secret in the receipt."""
    run, _ = settled(tmp_path, RunStatus(state=RunState.RUNNING, mailbox=SAID))
    assert (run.state, run.exit_code, run.return_value) == (RunState.SUCCEEDED, 0, "42")
    assert (run.receipt.read, run.receipt.deleted) == (iso(NOON), iso(NOON))


class Watched(MemoryLedger):
    """Remembers each state in which a reader could have found a run."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Run] = []

    def update(self, run: RunId, **changes: Any) -> Run:
        self.seen.append(super().update(run, **changes))
        return self.seen[-1]


@pytest.mark.parametrize("box", [SAID, replace(SAID, burned=None), replace(SAID, report=None)])
def test_a_run_that_is_over_has_the_receipt_that_its_container_gave(
    tmp_path: Path, box: Mailbox
) -> None:
    """Whoever sees its end sees at the same moment when its secret was read."""
    ledger = Watched()
    made = FakeServices(tmp_path, ledger=ledger, runtime=Says(status_of_exit(0)))
    made.store.put("x", Secret("{}"), tags={})
    ledger.add(RUN)
    ledger.note(RUN.id, claimed=box.claimed, read=box.read, burned=box.burned, report=box.report)
    settle(made, [RUN])
    over = [run.receipt.read for run in ledger.seen if run.state.final]
    assert over
    assert set(over) == {iso(NOON)}


def test_a_run_whose_lines_are_late_has_its_end_all_the_same(tmp_path: Path) -> None:
    """State and exit code are the platform's, a request to be run again included."""
    run, store = settled(tmp_path, status_of_exit(42))
    assert (run.state, run.exit_code) == (RunState.SUCCEEDED, 42)
    assert not store.exists("x")


def test_a_container_that_had_nothing_to_claim_has_not_succeeded(tmp_path: Path) -> None:
    """The run came too late for its secret, or another container had it: it did not do the work."""
    run, _ = settled(tmp_path, status_of_exit(UNCLAIMED))
    assert (run.state, run.cause) == (RunState.FAILED, Cause.SECRET_MISSING)
    assert "its secret was gone before it began" in run.reason


def test_an_agent_may_end_with_the_same_code() -> None:
    """Whoever claimed the run has done its work, and failed in its own way."""
    end = verdict(RUN, Mailbox(claimed=iso(NOON)), status_of_exit(UNCLAIMED), NOON)
    assert (end.state, end.cause) == (RunState.FAILED, Cause.EXIT_CODE)
