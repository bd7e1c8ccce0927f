"""Cloud Run's jobs: what is kept of them, how changes reconcile, and what RunJob asks first."""

from collections.abc import Callable

import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from moto_tests.gcp.granting import PROJECT, Granting, binding, member
from moto_tests.gcp.run_world import CloudRun, eventually
from moto_tests.sandbox import programs

STATE = run_v2.Condition.State
WHO = "launcher@al-sandbox.iam.gserviceaccount.com"


def as_caller(cloud_run: CloudRun, granting: Granting, *roles: str) -> list[tuple[str, str]]:
    """The metadata of calls of a new account that has these roles on the project."""
    email = granting.account("launcher").email
    granting.grant(*(binding(role, member(email)) for role in roles))
    return [("authorization", f"Bearer {cloud_run.google.tickets.token(email).text}")]


def test_a_created_job_is_ready_when_its_operation_has_ended(cloud_run: CloudRun) -> None:
    """`terminal_condition` and `observed_generation` say so
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#job)."""
    job = cloud_run.create(cloud_run.job(cloud_run.image(programs.SAY)))
    assert (job.generation, job.observed_generation, job.reconciling) == (1, 1, False)
    assert job.terminal_condition.state == STATE.CONDITION_SUCCEEDED
    assert cloud_run.jobs.get_job(name=job.name) == job


def test_what_the_user_leaves_out_is_googles(cloud_run: CloudRun) -> None:
    """Ten minutes, three retries, 1 CPU and 512 MiB, the default compute account
    (https://cloud.google.com/run/docs/configuring/task-timeout, .../max-retries)."""
    container = {"image": cloud_run.image(programs.SAY)}
    task = cloud_run.create(run_v2.Job(template={"template": {"containers": [container]}}))
    made = task.template.template
    assert (made.timeout.total_seconds(), made.max_retries) == (600, 3)
    assert dict(made.containers[0].resources.limits) == {"cpu": "1000m", "memory": "512Mi"}
    assert made.service_account == "123456789012-compute@developer.gserviceaccount.com"


def test_no_retries_is_kept_as_none(cloud_run: CloudRun) -> None:
    """0 is a number, not the default (https://cloud.google.com/run/docs/configuring/max-retries)."""
    job = cloud_run.create(cloud_run.job(cloud_run.image(programs.SAY), max_retries=0))
    assert job.template.template.max_retries == 0


def test_a_second_job_of_a_name_is_refused(cloud_run: CloudRun) -> None:
    """ALREADY_EXISTS."""
    job = cloud_run.job(cloud_run.image(programs.SAY))
    cloud_run.create(job)
    with pytest.raises(exceptions.AlreadyExists):
        cloud_run.create(job)


def test_a_change_makes_a_new_generation_and_an_etag(cloud_run: CloudRun) -> None:
    """The same again makes none (generation: whenever the user modifies the desired state)."""
    job = cloud_run.create(cloud_run.job(cloud_run.image(programs.SAY)))
    same = cloud_run.jobs.update_job(job=job).result(timeout=5)
    same.template.template.timeout = {"seconds": 120}
    other = cloud_run.jobs.update_job(job=same).result(timeout=5)
    assert (same.generation, other.generation) == (1, 2)
    assert len({job.etag, same.etag, other.etag}) == 3


def test_somebody_elses_change_is_not_overwritten(cloud_run: CloudRun) -> None:
    """An old etag is ABORTED; without one the last writer wins
    (https://cloud.google.com/apis/design/design_patterns#etags)."""
    job = cloud_run.create(cloud_run.job(cloud_run.image(programs.SAY)))
    cloud_run.jobs.update_job(job=job).result(timeout=5)
    with pytest.raises(exceptions.Aborted):
        cloud_run.jobs.update_job(job=job)
    job.etag = ""
    cloud_run.jobs.update_job(job=job).result(timeout=5)


def test_a_job_that_is_still_reconciling_cannot_be_run(
    cloud_run: CloudRun, manners: Callable[..., None]
) -> None:
    """FAILED_PRECONDITION until the operation has ended
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#job: reconciling)."""
    name = cloud_run.program(programs.SAY)
    manners(operation_seconds=0.3)
    job = cloud_run.jobs.get_job(name=name)
    job.template.template.timeout = {"seconds": 120}
    operation = cloud_run.jobs.update_job(job=job)
    assert cloud_run.jobs.get_job(name=name).reconciling
    with pytest.raises(exceptions.FailedPrecondition):
        cloud_run.run(name)
    operation.result(timeout=10)
    assert cloud_run.ended(cloud_run.run(name)).template.timeout.total_seconds() == 120


def test_a_job_without_its_image_never_becomes_ready(cloud_run: CloudRun) -> None:
    """The operation fails, and the job says CONTAINER_MISSING for ever after
    (https://github.com/PrefectHQ/prefect/pull/21712)."""
    image = cloud_run.image(programs.SAY).replace("al/program", "al/nothing")
    operation = cloud_run.jobs.create_job(
        parent=cloud_run.clients.location, job_id="agent", job=cloud_run.job(image)
    )
    with pytest.raises(exceptions.GoogleAPICallError, match=r"Image '.*' not found"):
        operation.result(timeout=5)
    condition = cloud_run.jobs.get_job(name=operation.metadata.name).terminal_condition
    assert condition.state == STATE.CONDITION_FAILED
    assert condition.reason == run_v2.Condition.CommonReason.CONTAINER_MISSING


def test_an_index_needs_an_image_for_amd64(cloud_run: CloudRun) -> None:
    """Other machines' images alone do not do (https://cloud.google.com/run/docs/container-contract#languages)."""
    image = cloud_run.image(programs.SAY)
    with pytest.raises(exceptions.GoogleAPICallError, match="must support amd64/linux"):
        cloud_run.create(cloud_run.job(cloud_run.index(image, "arm64")))
    name = cloud_run.create(cloud_run.job(cloud_run.index(image, "amd64")), "second").name
    assert cloud_run.ended(cloud_run.run(name)).succeeded_count == 1


def test_an_image_of_another_machine_fails_when_it_is_run(cloud_run: CloudRun) -> None:
    """A single manifest is taken at first (https://cloud.google.com/run/docs/troubleshooting#exec-format-error)."""
    name = cloud_run.create(cloud_run.job(cloud_run.image(programs.SAY, "arm64"))).name
    assert "exec format error" in cloud_run.ended(cloud_run.run(name)).conditions[0].message


def test_secrets_are_checked_at_creation_as_the_jobs_account(
    cloud_run: CloudRun, granting: Granting
) -> None:
    """Not at the run: without the grant the job never becomes ready
    (https://cloud.google.com/run/docs/configuring/jobs/secrets)."""
    email = granting.account().email
    secret = granting.secret("token").name.partition("/versions/")[0]
    reference = {"secret_key_ref": {"secret": "token", "version": "1"}}
    env = [{"name": "TOKEN", "value_source": reference}]
    job = cloud_run.job(
        cloud_run.image(programs.TELL_ENVIRONMENT), container={"env": env}, service_account=email
    )
    with pytest.raises(
        exceptions.GoogleAPICallError, match=f"Permission denied on secret: {secret}"
    ):
        cloud_run.create(job)
    granting.grant(
        binding("roles/secretmanager.secretAccessor", member(email)),
        resource=secret,
        where=granting.secrets,
    )
    assert cloud_run.create(job, "second").terminal_condition.state == STATE.CONDITION_SUCCEEDED


def test_an_account_that_does_not_exist_is_refused(cloud_run: CloudRun) -> None:
    """INVALID_ARGUMENT (https://cloud.google.com/run/docs/configuring/jobs/service-identity)."""
    job = cloud_run.job(cloud_run.image(programs.SAY), service_account=WHO)
    with pytest.raises(exceptions.InvalidArgument, match="does not exist"):
        cloud_run.create(job)


def test_the_caller_must_be_allowed_to_act_as_the_jobs_account(
    cloud_run: CloudRun, granting: Granting
) -> None:
    """iam.serviceAccounts.actAs at create and update
    (https://cloud.google.com/run/docs/configuring/jobs/service-identity#permissions)."""
    agent = granting.account("agent-one")
    metadata = as_caller(cloud_run, granting, "roles/run.developer")
    job = cloud_run.job(cloud_run.image(programs.SAY), service_account=agent.email)
    asked = {"parent": cloud_run.clients.location, "job_id": "agent", "job": job}
    with pytest.raises(exceptions.PermissionDenied, match="actAs"):
        cloud_run.jobs.create_job(**asked, metadata=metadata)
    user = binding("roles/iam.serviceAccountUser", member(WHO))
    granting.grant(user, resource=f"{PROJECT}/serviceAccounts/{agent.email}", where=granting.iam)
    cloud_run.jobs.create_job(**asked, metadata=metadata).result(timeout=5)


def test_overrides_need_a_permission_of_their_own(cloud_run: CloudRun, granting: Granting) -> None:
    """roles/run.invoker has run.jobs.run and not run.jobs.runWithOverrides
    (https://cloud.google.com/run/docs/execute/jobs#override-job-configuration)."""
    name = cloud_run.program(programs.SAY)
    metadata = as_caller(cloud_run, granting, "roles/run.invoker")
    request = run_v2.RunJobRequest(name=name, overrides={"timeout": {"seconds": 5}})
    with pytest.raises(exceptions.PermissionDenied, match="runWithOverrides"):
        cloud_run.jobs.run_job(request=request, metadata=metadata)
    plain = cloud_run.jobs.run_job(request=run_v2.RunJobRequest(name=name), metadata=metadata)
    assert cloud_run.ended(plain.metadata.name).succeeded_count == 1


def test_a_job_with_a_running_execution_is_not_deleted(cloud_run: CloudRun) -> None:
    """Cancel first, then delete; its executions go with it."""
    name = cloud_run.program(programs.WAIT_FOR_TERM)
    execution = cloud_run.run(name)
    eventually(lambda: "ready" in cloud_run.lines(execution))
    with pytest.raises(exceptions.FailedPrecondition, match="running executions"):
        cloud_run.jobs.delete_job(name=name)
    cloud_run.executions.cancel_execution(name=execution)
    cloud_run.ended(execution)
    cloud_run.jobs.delete_job(name=name).result(timeout=5)
    with pytest.raises(exceptions.NotFound):
        cloud_run.executions.get_execution(name=execution)


def test_a_dry_run_keeps_nothing(cloud_run: CloudRun) -> None:
    """validate_only."""
    job = cloud_run.job(cloud_run.image(programs.SAY))
    request = {"parent": cloud_run.clients.location, "job_id": "agent", "job": job}
    cloud_run.jobs.create_job(request={**request, "validate_only": True}).result(timeout=5)
    assert list(cloud_run.jobs.list_jobs(parent=cloud_run.clients.location)) == []


def test_jobs_are_listed_in_pages(cloud_run: CloudRun, manners: Callable[..., None]) -> None:
    """The client follows the tokens."""
    job = cloud_run.job(cloud_run.image(programs.SAY))
    made = [cloud_run.create(job, f"agent-{number}").name for number in range(5)]
    manners(page_items=2)
    found = cloud_run.jobs.list_jobs(parent=cloud_run.clients.location)
    assert [job.name for job in found] == made


def test_an_answer_that_is_lost_was_done(cloud_run: CloudRun) -> None:
    """The job is there although the call failed, so a repeated create is ALREADY_EXISTS."""
    job = cloud_run.job(cloud_run.image(programs.SAY))
    cloud_run.google.faults.lose("CreateJob")
    with pytest.raises(exceptions.ServiceUnavailable):
        cloud_run.create(job)
    with pytest.raises(exceptions.AlreadyExists):
        cloud_run.create(job)
