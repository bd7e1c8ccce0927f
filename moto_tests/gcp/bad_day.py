"""A scheduler and an agent on the embedded Google cloud, for tests in which calls meet an ill fate on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from moto_tests.gcp.log_world import Logs
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_death import Scene
from tests.fakes import FakeClock
from toolkit.core.agent import AgentName
from toolkit.core.run import Run, RunId, RunState, Trigger, TriggerKind
from toolkit.sandbox.gcp.cloud import Google
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.submit import submit

AHEAD = 121.0  # seconds: longer than the longest wait between two attempts, and than a hold
# the entry point's claim, a line for each container that works until it may end, and its report
CLAIMING = """
import os, sys, time
from toolkit.core.errors import AlError
from toolkit.core.run import UNCLAIMED
from toolkit.inside.platforms.gcp import Gcp

hand = Gcp(dict(os.environ), patience=1)  # Google's mounts know at once that a secret is gone
try:
    if not hand.claim({{}}):
        sys.exit(UNCLAIMED)
except AlError as error:
    sys.exit(error.message)
hand.read_secret()
hand.note(read="2026-11-20T12:00:00Z", burned="2026-11-20T12:00:00Z")
print("worked for", os.environ["AL_RUN_ID"], flush=True)
while os.path.exists({held!r}):
    time.sleep(0.02)
hand.note(report={{"exit_code": 0, "state": "succeeded", "finished": "2026-11-20T12:00:01Z"}})
"""
# what is asked for a run from its submission to its receipt, by the scheduler and by the container
CALLS = (
    "AccessSecretVersion",
    "AddSecretVersion",
    "BatchGetDocuments",
    "Commit",
    "CreateSecret",
    "GetExecution",
    "GetSecret",
    "ListExecutions",
    "ListLogEntries",
    "ListSecrets",
    "ListTasks",
    "RunJob",
    "RunQuery",
    "UpdateDocument",
)
CLAIM = "DeleteSecret"  # by the container; a second one is nobody's


@dataclass
class Day:
    """`scene` has the environment, `logs` what its containers said; while there is a file `held` they do not end."""

    scene: Scene
    desk: Desk
    clock: FakeClock
    logs: Logs
    held: Path
    submitted: list[RunId] = field(default_factory=list)

    @property
    def google(self) -> Google:
        return self.scene.stage.world.google

    def submit(self) -> RunId:
        trigger = Trigger(agent=AgentName("dev"), kind=TriggerKind.WEBHOOK)
        self.submitted.append(submit(self.desk, trigger).run)
        return self.submitted[-1]

    def runs(self) -> list[Run]:
        found = map(self.scene.ledger.get, self.submitted)
        return [run for run in found if run is not None]

    def over(self) -> list[Run]:
        """The runs, once the scheduler has seen their ends and a sweeper has been there.

        Its clock leaps while runs wait for their next attempt; a container takes real time, and its secret does not
        live long."""
        loop = Loop(self.desk, hands=2)

        def ended() -> bool:
            loop.step(self.clock())
            runs = self.runs()
            if not any(_in_a_container(run) for run in runs):
                self.clock.sleep(AHEAD)
            return all(run.state.final for run in runs)

        try:
            eventually(ended)
        finally:
            loop.close()
        self.google.faults.clear()
        self.scene.sweep(timedelta(hours=1))
        return self.runs()

    def steps(self, count: int) -> None:
        """A scheduler's passes, each after any wait between two attempts."""
        loop = Loop(self.desk, hands=2)
        for _ in range(count):
            loop.step(self.clock())
            self.clock.sleep(AHEAD)
        loop.close()

    def look(self) -> None:
        """One pass, now."""
        loop = Loop(self.desk, hands=2)
        loop.step(self.clock())
        loop.close()

    def worked(self) -> Iterator[str]:
        """The runs whose containers have worked, each as often as it has."""
        lines = self.logs.found('textPayload:"worked for"')
        return (line.removeprefix("worked for ") for line in lines)


def _in_a_container(run: Run) -> bool:
    return run.handle is not None and not run.state.final


def true_and_over(day: Day) -> None:
    """The laws, whatever happened: at most one container works for a run, its record tells whether one did, and nothing
    is left."""
    runs, worked = day.over(), sorted(day.worked())
    assert [run.id for run in runs if not run.state.final] == []
    assert worked == sorted({run.id for run in runs if run.state is RunState.SUCCEEDED})
    assert [run.id for run in runs if run.lease and not run.receipt.verified_absent] == []
    assert [run.id for run in runs if run.state is RunState.FAILED and not run.reason] == []
    assert day.scene.secrets() == []
    assert list(day.scene.ledger.queue.waiting()) == []
    assert list(day.scene.ledger.queue.at_work()) == []
