"""When a run started, where several record it at once, or nobody has."""

from dataclasses import replace
from pathlib import Path

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.run import Mailbox, Run, RunHandle, RunId, RunState, TriggerKind
from toolkit.scheduler.adopt import adopted
from toolkit.scheduler.settle import settle

NOON, LATER = "2026-11-20T12:00:00.000Z", "2026-11-20T12:00:02.000Z"
NAME = RunId("dev-00000001")
RUN = Run(
    id=NAME, agent=NAME.agent, runtime="memory", trigger=TriggerKind.MANUAL, created=NOON,
    state=RunState.STARTING,
)  # fmt: skip
HANDLE = RunHandle(runtime="memory", run=NAME, agent=NAME.agent)


class Listing(MemoryRuntime):
    """A platform that lists the run."""

    def running(self) -> list[RunHandle]:
        return [HANDLE]


class Platform(MemoryRuntime):
    """One of several, which lists a run and counts how often it was asked."""

    def __init__(self, handle: RunHandle) -> None:
        super().__init__({})
        self.handle, self.asked = handle, 0

    def running(self) -> list[RunHandle]:
        self.asked += 1
        return [self.handle]


def services(directory: Path, ledger: MemoryLedger) -> FakeServices:
    store = MemoryStore()
    stage = Listing({"dev": Play()}, ledger=ledger, store=store, clock=FakeClock())
    return FakeServices(directory, ledger=ledger, store=store, runtime=stage)


def test_who_finds_a_run_leaves_when_it_started_as_its_launcher_recorded_it(tmp_path: Path) -> None:
    """The launcher may have written that since the record was read."""
    ledger = MemoryLedger()
    ledger.add(RUN)
    ledger.update(NAME, started=LATER)
    found = adopted(services(tmp_path, ledger), [RUN], {NAME: Mailbox()})
    assert (found[NAME].handle, found[NAME].started) == (HANDLE, LATER)


def test_a_run_whose_launcher_died_started_when_it_was_claimed(tmp_path: Path) -> None:
    """So that its duration is known, also when it had ended before anybody looked."""
    ledger = MemoryLedger()
    ledger.add(replace(RUN, handle=HANDLE))
    report = {"exit_code": 0, "state": "succeeded", "finished": LATER}
    ledger.note(NAME, claimed=NOON, report=report)
    (settled,) = settle(services(tmp_path, ledger), [replace(RUN, handle=HANDLE)])
    assert (settled.state, settled.started) == (RunState.SUCCEEDED, NOON)


def test_each_runtime_that_may_have_lost_a_run_is_asked_once(tmp_path: Path) -> None:
    """Agents of one project run in several places, and one of them knows nothing of the others."""
    ledger = MemoryLedger()
    runs = [replace(RUN, id=RunId(f"{agent}-00000002"), agent=AgentName(agent), runtime=place)
            for agent, place in (("dev", "here"), ("ops", "there"), ("qa", "there"))]  # fmt: skip
    places = {
        run.runtime: Platform(RunHandle(runtime=run.runtime, run=run.id, agent=run.agent))
        for run in runs[:2]
    }
    where = services(tmp_path, ledger)
    where.__dict__["_runtimes"] = places
    for run in runs:
        ledger.add(run)
    found = adopted(where, runs, {run.id: Mailbox() for run in runs})
    assert [found[run.id].handle for run in runs[:2]] == [one.handle for one in places.values()]
    assert [one.asked for one in places.values()] == [1, 1]
