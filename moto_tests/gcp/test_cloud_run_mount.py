"""With `secrets = "mount"`: a run's secret is a volume of a job of its own, which goes when the run has ended."""

from datetime import timedelta
from typing import Any

import pytest

from moto_tests.gcp.agents import Stage, a_spec
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_death import grant
from moto_tests.gcp.test_cloud_run_jobs import all_jobs
from runtimes import _cloud_run_mount as mount
from runtimes.cloud_run import CloudRun
from tests.contracts.runtime import RuntimeContract
from tests.fakes import Play
from toolkit.core.clock import now
from toolkit.core.errors import AlError, Unreachable
from toolkit.core.run import RunId, RunSpec, RunState
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.gcp_secrets import GcpSecrets
from toolkit.sandbox.gcp.cloud import Google

READ = """
import json, os
value = open(os.environ["AL_SECRET_FILE"]).read()
print(json.dumps({"read": json.loads(value), "secret": os.environ["AL_SECRET"], "run": os.environ["AL_RUN_ID"]}), flush=True)
"""
# several fields of one credential, and another one
VALUE = '{"credentials":{"git_ssh/default/id_rsa":"k","git_ssh/default/username":"u","x/y/z":"w"}}'


class Mounting(Stage):
    """A stage whose runs have secrets that are really there, as Cloud Run wants them."""

    def spec(self, play: Play) -> RunSpec:
        return self.with_secret(a_spec(self.defined(play)))

    def with_secret(self, spec: RunSpec) -> RunSpec:
        tags = self.context.names.tags(agent=spec.agent, run=spec.run)
        GcpSecrets(self.context).put(spec.lease.ref.name, Secret(VALUE), tags=tags)
        return spec


@pytest.fixture
def mounting(stage: Stage) -> Mounting:
    plain = stage.mounting()
    grant(plain)
    return Mounting(plain.context, plain.world, plain.account, made=plain.made)


class TestMounted(RuntimeContract):
    """The laws of all runtimes hold for it as well."""

    @pytest.fixture
    def stage(self, mounting: Mounting) -> Mounting:
        return mounting


def jobs_of_runs(stage: Stage) -> list[Any]:
    return [job for job in all_jobs(stage) if "al-run" in job.labels]


def test_the_secret_is_a_file(mounting: Mounting) -> None:
    """All fields of all credentials in the one secret that a run has; a volume holds no more than one."""
    spec = mounting.with_secret(a_spec(mounting.program(READ)))
    handle = mounting.runtime.launch(spec)
    (line,) = eventually(lambda: list(mounting.runtime.tail(handle)))
    assert '"git_ssh/default/id_rsa":"k"' in line.message
    assert '"x/y/z":"w"' in line.message
    assert f'"run":"{spec.run}"' in line.message


def test_the_job_says_whose_it_is_and_pins_the_version(mounting: Mounting) -> None:
    """Labels for whoever clears up; `latest` may be an old state
    (https://cloud.google.com/secret-manager/docs/reference/consistency)."""
    spec = mounting.spec(Play(exit_code=None))
    handle = mounting.runtime.launch(spec)
    (job,) = jobs_of_runs(mounting)
    assert job.labels["al-run"] == spec.run
    assert job.labels["al-agent"] == "dev"
    task = job.template.template
    (source,) = [volume.secret for volume in task.volumes if volume.name == "run-secret"]
    assert [item.version for item in source.items] == ["1"]
    assert task.max_retries == 0
    assert task.timeout.total_seconds() == 120
    mounting.runtime.stop(handle)


def test_the_job_goes_when_the_runs_end_is_recorded(mounting: Mounting) -> None:
    """And its log stays."""
    handle = mounting.runtime.launch(mounting.spec(Play(lines=("work",))))
    eventually(lambda: mounting.runtime.states([handle])[handle.run].state.final)
    mounting.runtime.clear(handle.run)
    assert jobs_of_runs(mounting) == []
    assert [event.message for event in mounting.runtime.logs(handle)] == ["work"]
    mounting.runtime.clear(handle.run)


def test_a_run_that_goes_on_after_its_recorded_end_is_ended(mounting: Mounting) -> None:
    """Its secret is gone; its job goes with a later sweep."""
    handle = mounting.runtime.launch(mounting.spec(Play(exit_code=None)))
    mounting.runtime.clear(handle.run)
    over = eventually(
        lambda: s if (s := mounting.runtime.states([handle])[handle.run]).state.final else None
    )
    assert over.state is RunState.STOPPED


def test_a_launch_that_is_refused_leaves_no_job(mounting: Mounting, google: Google) -> None:
    """Whatever refused it."""
    spec = mounting.spec(Play())
    google.faults.fail("RunJob", "INVALID_ARGUMENT", message="no")
    with pytest.raises(AlError):
        mounting.runtime.launch(spec)
    assert jobs_of_runs(mounting) == []


def test_a_launch_whose_answer_was_lost_is_found(mounting: Mounting, google: Google) -> None:
    """One job, one execution."""
    google.faults.lose("RunJob")
    handle = mounting.runtime.launch(mounting.spec(Play()))
    assert len(jobs_of_runs(mounting)) == 1
    assert mounting.runtime.states([handle])


def test_a_secret_that_is_not_there_is_said_at_once(mounting: Mounting) -> None:
    """Cloud Run looks when the job is made (https://cloud.google.com/run/docs/configuring/jobs/secrets), and it does not
    come by waiting."""
    with pytest.raises(AlError, match=r"Secret .* was not found") as caught:
        mounting.runtime.launch(a_spec(mounting.defined(Play())))
    assert not isinstance(caught.value, Unreachable)
    assert jobs_of_runs(mounting) == []


def test_rights_on_secrets_that_are_not_known_yet_are_waited_for(
    mounting: Mounting, google: Google
) -> None:
    """They take minutes to spread (https://cloud.google.com/iam/docs/access-change-propagation)."""
    message = "Permission denied on secret x for Revision service account y."
    spec = mounting.spec(Play())
    google.faults.fail("CreateJob", "FAILED_PRECONDITION", message=message)
    assert mounting.runtime.launch(spec)


def test_jobs_that_were_left_go_with_a_later_launch(mounting: Mounting) -> None:
    """Now and then, and only those of runs that are long over."""
    handle = mounting.runtime.launch(mounting.spec(Play()))
    eventually(lambda: mounting.runtime.states([handle])[handle.run].state.final)
    second = mounting.again().launch(mounting.spec(Play()))
    assert len(jobs_of_runs(mounting)) == 2
    later = mount.OVER + timedelta(minutes=1)
    CloudRun(mounting.context, clock=lambda: now() + later).launch(mounting.spec(Play()))
    assert handle.ids["job"] not in {job.name.rpartition("/")[2] for job in all_jobs(mounting)}
    assert second.ids["job"] != handle.ids["job"]


def test_a_push_leaves_the_jobs_of_runs_alone(mounting: Mounting) -> None:
    """Also of one that is just about to begin."""
    reference = mounting.defined(Play())
    mounting.runtime.launch(mounting.spec(Play(exit_code=None)))
    mounting.runtime.prune("dev", {reference})
    assert len(jobs_of_runs(mounting)) == 1
    mounting.runtime.prune("dev", ())
    assert all_jobs(mounting) == []


def test_names_of_runs_at_their_limits_are_jobs(mounting: Mounting) -> None:
    """The longest agent's name, and its run."""
    agent = "a" * 64
    job = mounting.runtime._launcher.own_job(RunId(f"{agent}-1a2b3c4d"))
    assert len(job) <= 49
    assert job.endswith("-r1a2b3c4d")
