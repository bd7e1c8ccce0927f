"""A launcher that is killed between any two of its calls: what it leaves goes by itself, or with whoever looks next.

With both ways of passing secrets, for every call that a launch makes.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from moto_tests.gcp.agents import DEV, REPORTING, Stage
from moto_tests.gcp.mortal import Died, MortalClients
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_jobs import all_jobs
from runtimes import _cloud_run_mount as mount
from tests.fakes import MemoryLedger
from toolkit.core.clock import now
from toolkit.core.ports import Ledger
from toolkit.core.run import Run, RunState, Trigger, TriggerKind
from toolkit.scheduler import settle, sweeper
from toolkit.scheduler.dispatch import Definition, dispatch, fact_key
from toolkit.wiring import Services

MOST_CALLS = 30
LATER = max(mount.OVER, mount.UNUSED) + timedelta(minutes=1)


@dataclass
class Scene:
    """An environment with one agent that was pushed, and a ledger that outlives launchers."""

    stage: Stage
    ledger: Ledger
    monkeypatch: pytest.MonkeyPatch

    def services(self, clients: MortalClients | None = None) -> Services:
        """As a new process makes them, with these clients where it is to die."""
        cloud = self.stage.runtime.cloud
        known = {cloud: clients} if clients else {}
        self.monkeypatch.setattr("toolkit.clouds.gcp._clients", known)
        return Services(self.stage.context).with_ledger(self.ledger)

    def launch(self, clients: MortalClients | None = None) -> Run:
        return dispatch(self.services(clients), Trigger(agent=DEV, kind=TriggerKind.MANUAL))

    def dies(self, calls: int) -> list[str] | None:
        """Launch and die after so many calls; those that were made, None when there was no more to do."""
        clients = MortalClients(self.stage.runtime.cloud, calls)
        try:
            self.launch(clients)
        except Died:
            return clients.life.calls
        return None

    def run(self) -> Run:
        return self.ledger.runs(limit=1)[0]

    def settled(self) -> Run:
        """What whoever looks makes of it."""
        return settle.settle(self.services(), [self.run()])[0]

    def secrets(self) -> list[str]:
        """Of runs, as Google lists them."""
        from google.cloud import secretmanager_v1

        client = self.stage.runtime.clients.client(secretmanager_v1.SecretManagerServiceClient)
        found = client.list_secrets(parent=self.stage.runtime.clients.parent)
        return [secret.name for secret in found if "--runs--" in secret.name]

    def jobs_of_runs(self) -> list[Any]:
        return [job for job in all_jobs(self.stage) if "al-run" in job.labels]

    def sweep(self, later: timedelta) -> None:
        services = self.services()
        sweeper.sweep(
            services.run_secrets, self.ledger, services.context.names, now=lambda: now() + later
        )


@pytest.fixture(params=["reference", "mount"])
def scene(stage: Stage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    used = stage.mounting() if request.param == "mount" else stage
    made = Scene(used, MemoryLedger(), monkeypatch)
    grant(used)
    definition = Definition(
        agent="dev",
        runtime="cloud_run",
        ref=used.program(REPORTING),
        image="",
        hash="",
        timeout=60,
    )
    made.ledger.set_fact(fact_key("dev"), definition.to_fact())
    return made


def grant(stage: Stage) -> None:
    """The agent's account may do what its runs do."""
    from moto_tests.gcp.granting import Granting, binding, member
    from toolkit.clouds.gcp_runs import RUN_PERMISSIONS, run_account, run_condition
    from toolkit.core.gcp_names import GcpNames

    granting = Granting(stage.world.clients)
    names = GcpNames(stage.context.environment.scope)
    stage.permit("dev")
    role = granting.role("al_runs", RUN_PERMISSIONS).name
    email = run_account(names, stage.runtime.cloud, "dev")
    condition = run_condition(names, stage.world.google.number, "dev")
    granting.grant(binding(role, member(email), expression=condition))


def forgotten_by_google(scene: Scene, later: timedelta) -> None:
    """Google's clock goes on, and with it every time to live."""
    google = scene.stage.world.google
    google.settings = replace(google.settings, clock_ahead=later.total_seconds())


def test_no_secret_outlives_its_time_whatever_died(scene: Scene) -> None:
    """Nobody has to look: Google deletes it, whether or not a sweeper ever comes
    (https://cloud.google.com/secret-manager/docs/creating-and-accessing-expiring-secrets)."""
    for calls in range(MOST_CALLS):
        made = scene.dies(calls)
        if made is None:
            break
    else:
        raise AssertionError("a launch never came to its end")
    forgotten_by_google(scene, timedelta(hours=1))
    assert scene.secrets() == []


def test_a_sweep_takes_what_any_death_leaves(scene: Scene) -> None:
    """For every call: die before it, and a sweep an hour later leaves no secret and no open receipt."""
    for calls in range(MOST_CALLS):
        died = scene.dies(calls)
        finished = eventually(lambda: found if (found := _over(scene)) else None)
        assert finished.state.final
        scene.sweep(timedelta(hours=1))
        assert scene.secrets() == []
        if died is None:
            return
    raise AssertionError("a launch never came to its end")


def test_a_run_that_did_begin_is_recorded_as_what_became_of_it(scene: Scene) -> None:
    """For every call: whoever looks finds it again, running or over, and says how it ended; one that did not begin is
    never said to have succeeded."""
    for calls in range(MOST_CALLS):
        died = scene.dies(calls)
        begun = died is None or "run_job" in died
        record = eventually(lambda: found if (found := _over(scene)) else None)
        assert (record.state is RunState.SUCCEEDED) == begun
        if died is None:
            return
    raise AssertionError("a launch never came to its end")


def test_no_job_of_a_run_stays(scene: Scene) -> None:
    """Of those that nobody settles, a later push takes what is left, by its labels."""
    for calls in range(MOST_CALLS):
        if scene.dies(calls) is None:
            break
    scene.services()
    runtime = type(scene.stage.runtime)(scene.stage.context, clock=lambda: now() + LATER, late=0)
    eventually(lambda: not list(runtime.running()))
    runtime.prune("dev", {_reference(scene)})
    assert scene.jobs_of_runs() == []


def _reference(scene: Scene) -> str:
    fact = scene.ledger.fact(fact_key("dev"))
    assert fact is not None
    return str(fact["ref"])


def _over(scene: Scene) -> Run | None:
    """The run once it is over; the patience for a run that was never launched is Google's clock and ours, ten minutes on."""
    record = scene.settled()
    if record.state.final:
        return record
    if record.handle is None:
        scene.ledger.update(record.id, state=RunState.FAILED)
        return scene.run()
    return None
