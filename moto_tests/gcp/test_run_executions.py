"""Executions that run: what their containers see, and what the API says of them and of their tasks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from moto_tests.gcp.granting import Granting, binding, member
from moto_tests.gcp.run_world import CloudRun, eventually
from moto_tests.sandbox import programs
from toolkit.sandbox.gcp import run_book

STATE = run_v2.Condition.State
REASON = run_v2.Condition.ExecutionReason
WHO_AM_I = """
import os, urllib.request
head = f"http://{os.environ['GCE_METADATA_HOST']}/computeMetadata/v1/instance/service-accounts/default/"
print(urllib.request.urlopen(urllib.request.Request(head + "email", headers={"Metadata-Flavor": "Google"})).read().decode())
"""
READ_FILE = """
import os
print(open(os.environ["AL_FILE"]).read(), oct(os.stat(os.environ["AL_FILE"]).st_mode)[-3:])
"""
FAIL_ONCE = """
import os, sys
attempt = os.environ["CLOUD_RUN_TASK_ATTEMPT"]
print("attempt", attempt)
sys.exit(0 if attempt == "1" else 1)
"""


def completed(found: Any) -> run_v2.Condition:
    return next(c for c in found.conditions if c.type_ == "Completed")


def told(cloud_run: CloudRun, execution: str) -> dict[str, Any]:
    """What TELL_ENVIRONMENT has printed."""
    return dict(cloud_run.entries(execution)[0].json_payload)


def test_run_job_answers_at_once_and_names_the_execution(cloud_run: CloudRun) -> None:
    """Its result comes when the execution ends; the name is in the metadata from the first answer on
    (https://cloud.google.com/run/docs/execute/jobs)."""
    operation = cloud_run.jobs.run_job(name=cloud_run.program(programs.WAIT_FOR_TERM))
    name = operation.metadata.name
    assert name.startswith(
        "projects/al-sandbox/locations/europe-west1/jobs/agent/executions/agent-"
    )
    assert not operation.done()
    eventually(lambda: "ready" in cloud_run.lines(name))
    cloud_run.executions.cancel_execution(name=name)
    assert operation.result(timeout=30).name == name


def test_a_program_that_ends_well_succeeds(cloud_run: CloudRun) -> None:
    """succeeded_count, and a task with exit code 0."""
    execution, task = cloud_run.finished(programs.SAY)
    assert (execution.succeeded_count, execution.failed_count, execution.running_count) == (1, 0, 0)
    assert completed(execution).state == STATE.CONDITION_SUCCEEDED
    assert (task.last_attempt_result.exit_code, task.last_attempt_result.status.code) == (0, 0)


def test_the_exit_code_is_the_tasks(cloud_run: CloudRun) -> None:
    """The execution has counts and a sentence only
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#taskattemptresult)."""
    execution, task = cloud_run.finished(programs.SAY, {"CODE": "42"})
    assert task.last_attempt_result.exit_code == 42
    assert completed(execution).execution_reason == REASON.NON_ZERO_EXIT_CODE
    assert completed(execution).message == (
        f"Task {execution.name.rpartition('/')[2]}-task0 failed with message: The container exited with an error."
    )


def test_the_operation_of_a_failed_execution_has_no_error(cloud_run: CloudRun) -> None:
    """Who looks at `error` alone believes that all is well (https://github.com/apache/airflow/issues/38028)."""
    request = {"container_overrides": [{"env": [{"name": "CODE", "value": "3"}]}]}
    name = cloud_run.program(programs.SAY)
    operation = cloud_run.jobs.run_job(request={"name": name, "overrides": request})
    assert operation.result(timeout=30).failed_count == 1


def test_a_container_sees_its_image_its_job_and_its_overrides(cloud_run: CloudRun) -> None:
    """Variables of an override are merged with the job's; the machine's own are nobody's business
    (https://cloud.google.com/run/docs/execute/jobs#override-job-configuration)."""
    env = [{"name": "A", "value": "job"}, {"name": "B", "value": "job"}]
    image = cloud_run.image(programs.TELL_ENVIRONMENT, Env=["A=image", "C=image"])
    name = cloud_run.create(cloud_run.job(image, container={"env": env})).name
    execution = cloud_run.run(name, {"B": "override"})
    cloud_run.ended(execution)
    seen = told(cloud_run, execution)["env"]
    assert (seen["A"], seen["B"], seen["C"]) == ("job", "override", "image")
    assert not {"PYTEST_CURRENT_TEST", "LOGNAME", "SHELL"} & set(seen)


def test_a_container_knows_where_it_is(cloud_run: CloudRun) -> None:
    """https://cloud.google.com/run/docs/container-contract#jobs-env-vars."""
    execution, _ = cloud_run.finished(programs.TELL_ENVIRONMENT)
    seen = told(cloud_run, execution.name)["env"]
    assert seen["CLOUD_RUN_JOB"] == "agent"
    assert seen["CLOUD_RUN_EXECUTION"] == execution.name.rpartition("/")[2]
    indexes = [seen[f"CLOUD_RUN_TASK_{name}"] for name in ("INDEX", "ATTEMPT", "COUNT")]
    assert indexes == ["0", "0", "1"]


def test_a_container_is_its_service_account(cloud_run: CloudRun, granting: Granting) -> None:
    """The metadata server answers for the job's account, and for nobody once the container has ended
    (https://cloud.google.com/run/docs/container-contract#metadata-server)."""
    email = granting.account().email
    execution, _ = cloud_run.finished(WHO_AM_I, service_account=email)
    assert cloud_run.lines(execution.name) == [email]


def test_an_in_memory_volume_is_a_directory_of_the_task_alone(cloud_run: CloudRun) -> None:
    """https://cloud.google.com/run/docs/configuring/jobs/in-memory-volume-mounts."""
    mount = {"name": "credentials", "mount_path": "/credentials"}
    container = {
        "env": [{"name": "AL_CREDENTIALS_PATH", "value": "/credentials"}],
        "volume_mounts": [mount],
    }
    volumes = [{"name": "credentials", "empty_dir": {"medium": "MEMORY"}}]
    execution, _ = cloud_run.finished(
        programs.TELL_ENVIRONMENT, container=container, volumes=volumes
    )
    place = told(cloud_run, execution.name)["env"]["AL_CREDENTIALS_PATH"]
    assert str(cloud_run.google.machine.work) in place
    assert list(cloud_run.google.machine.work.glob("agent-*")) == []


def with_secret(granting: Granting, email: str) -> str:
    """The id of a secret that this account may read."""
    secret = granting.secret("token", b"hunter2").name.partition("/versions/")[0]
    accessor = binding("roles/secretmanager.secretAccessor", member(email))
    granting.grant(accessor, resource=secret, where=granting.secrets)
    return "token"


def test_a_secret_may_be_a_variable(cloud_run: CloudRun, granting: Granting) -> None:
    """Read when the container starts (https://cloud.google.com/run/docs/configuring/jobs/secrets)."""
    email = granting.account().email
    reference = {"secret_key_ref": {"secret": with_secret(granting, email), "version": "1"}}
    execution, _ = cloud_run.finished(
        programs.TELL_ENVIRONMENT,
        container={"env": [{"name": "TOKEN", "value_source": reference}]},
        service_account=email,
    )
    assert told(cloud_run, execution.name)["env"]["TOKEN"] == "hunter2"


def test_a_secret_may_be_a_file(cloud_run: CloudRun, granting: Granting) -> None:
    """A volume maps versions of one secret to paths, for reading only
    (https://cloud.google.com/run/docs/configuring/jobs/secrets#mounting-secrets)."""
    email = granting.account().email
    source = {
        "secret": with_secret(granting, email),
        "items": [{"path": "token/value", "version": "1"}],
    }
    execution, _ = cloud_run.finished(
        READ_FILE,
        container={
            "env": [{"name": "AL_FILE", "value": "/secrets/token/value"}],
            "volume_mounts": [{"name": "secrets", "mount_path": "/secrets"}],
        },
        volumes=[{"name": "secrets", "secret": source}],
        service_account=email,
    )
    assert cloud_run.lines(execution.name) == ["hunter2 444"]


def test_a_variables_secret_that_has_gone_keeps_the_container_from_starting(
    cloud_run: CloudRun, granting: Granting
) -> None:
    """A volume's would only be missing (https://cloud.google.com/run/docs/configuring/jobs/secrets)."""
    email = granting.account().email
    reference = {"secret_key_ref": {"secret": with_secret(granting, email), "version": "1"}}
    name = cloud_run.program(
        programs.SAY,
        container={"env": [{"name": "TOKEN", "value_source": reference}]},
        service_account=email,
    )
    granting.secrets.delete_secret(name="projects/al-sandbox/secrets/token")
    execution = cloud_run.ended(cloud_run.run(name))
    assert "failed to start" in completed(execution).message
    assert cloud_run.lines(execution.name) == []


def test_a_failed_task_is_tried_again(cloud_run: CloudRun) -> None:
    """As often as max_retries says (https://cloud.google.com/run/docs/configuring/max-retries)."""
    execution, task = cloud_run.finished(FAIL_ONCE, max_retries=3)
    assert (execution.succeeded_count, execution.retried_count, task.retried) == (1, 1, 1)
    assert cloud_run.lines(execution.name) == ["attempt 0", "attempt 1"]


def test_tasks_run_side_by_side(cloud_run: CloudRun) -> None:
    """Each with its index (https://cloud.google.com/run/docs/create-jobs)."""
    name = cloud_run.program("import os; print('task', os.environ['CLOUD_RUN_TASK_INDEX'])")
    execution = cloud_run.ended(cloud_run.run(name, task_count=3))
    assert (execution.task_count, execution.succeeded_count) == (3, 3)
    assert sorted(cloud_run.lines(execution.name)) == ["task 0", "task 1", "task 2"]
    found = cloud_run.tasks.list_tasks(parent=execution.name)
    assert [task.index for task in found] == [0, 1, 2]


def test_arguments_can_be_replaced_for_one_run(cloud_run: CloudRun) -> None:
    """https://cloud.google.com/run/docs/execute/jobs#override-job-configuration."""
    image = cloud_run.image("import sys; print(sys.argv[1:])", Cmd=["image"])
    name = cloud_run.create(cloud_run.job(image, container={"args": ["job"]})).name
    runs = [{}, {"args": ["a", "b"]}, {"clear_args": True}]
    names = [cloud_run.run(name, container_overrides=[override]) for override in runs]
    found = [cloud_run.ended(execution).name for execution in names]
    assert [cloud_run.lines(n) for n in found] == [["['job']"], ["['a', 'b']"], ["['image']"]]


def test_executions_are_listed_the_newest_first(cloud_run: CloudRun) -> None:
    """Of one job, or of all with `-` (ListExecutionsRequest.parent)."""
    first, second = (cloud_run.program("print(1)", job_id) for job_id in ("one", "two"))
    names = [cloud_run.run(name) for name in (first, second, first)]
    for name in names:
        cloud_run.ended(name)
    of_one = cloud_run.executions.list_executions(parent=first)
    assert [e.name for e in of_one] == [names[2], names[0]]
    every = cloud_run.executions.list_executions(parent=f"{cloud_run.clients.location}/jobs/-")
    assert [e.name for e in every] == names[::-1]


def test_a_job_keeps_its_newest_executions_only(
    cloud_run: CloudRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest 1,000 completed ones (https://cloud.google.com/run/quotas); here two."""
    monkeypatch.setattr(run_book, "KEPT_EXECUTIONS", 2)
    name = cloud_run.program("print(1)")
    names = [cloud_run.ended(cloud_run.run(name)).name for _ in range(4)]
    left = [e.name for e in cloud_run.executions.list_executions(parent=name)]
    assert left == names[:0:-1]
    with pytest.raises(exceptions.NotFound):
        cloud_run.executions.get_execution(name=names[0])


def test_only_so_many_executions_run_at_once(
    cloud_run: CloudRun, manners: Callable[..., None]
) -> None:
    """1,000 in a project and region (https://cloud.google.com/run/quotas); here one."""
    manners(running_executions=1, start_delay=30)
    name = cloud_run.program(programs.SAY)
    cloud_run.run(name)
    with pytest.raises(exceptions.ResourceExhausted):
        cloud_run.run(name)


def test_the_job_tells_of_its_newest_execution(cloud_run: CloudRun) -> None:
    """execution_count and latest_created_execution (Job)."""
    name = cloud_run.program(programs.SAY)
    last = cloud_run.ended(cloud_run.run(name, {"CODE": "1"}))
    job = cloud_run.jobs.get_job(name=name)
    assert job.execution_count == 1
    assert job.latest_created_execution.name == last.name.rpartition("/")[2]
    status = run_v2.ExecutionReference.CompletionStatus
    assert job.latest_created_execution.completion_status == status.EXECUTION_FAILED


def test_a_long_jobs_executions_have_names_of_63_characters(cloud_run: CloudRun) -> None:
    """The job's name is cut in them, so it cannot be read back
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#execution: job)."""
    name = cloud_run.program("print(1)", "a" * 63)
    execution = cloud_run.ended(cloud_run.run(name))
    assert len(execution.name.rpartition("/")[2]) == 63
    assert execution.job == "a" * 63


def test_a_hundred_runs_at_once_all_end(cloud_run: CloudRun) -> None:
    """Every one with its own exit code and its own lines."""
    name = cloud_run.program(
        "import os, sys; print(os.environ['N']); sys.exit(int(os.environ['N']))"
    )
    started = {cloud_run.run(name, {"N": str(number)}): number for number in range(100)}
    ended = {execution: cloud_run.ended(execution) for execution in started}
    codes = {n: cloud_run.task(n).last_attempt_result.exit_code for n in ended}
    assert codes == started
    cloud_run.google.settings = cloud_run.google.settings.changed({"log_read_quota": 0})
    assert {n: cloud_run.lines(n) for n in ended} == {n: [str(v)] for n, v in started.items()}


def test_a_very_long_line_becomes_several_entries(cloud_run: CloudRun) -> None:
    """An entry has 256 KB at most (https://cloud.google.com/logging/quotas#log-limits)."""
    execution, _ = cloud_run.finished("print('x' * 300_000)")
    lengths = [len(line) for line in cloud_run.lines(execution.name)]
    assert (sum(lengths), max(lengths) < 256 * 1024, len(lengths) > 1) == (300_000, True, True)


def test_what_a_container_prints_as_json_is_structured(cloud_run: CloudRun) -> None:
    """Severity and labels are the entry's own (https://cloud.google.com/logging/docs/structured-logging)."""
    line = {
        "severity": "ERROR",
        "message": "no",
        "n": 1,
        "logging.googleapis.com/labels": {"a": "b"},
    }
    execution, _ = cloud_run.finished(programs.SAY, {"SAY": json.dumps(line) + "|plain"})
    # two pipes are two streams: nobody knows which of them is read first
    first, second, third = sorted(
        cloud_run.entries(execution.name), key=lambda e: "stderr" in e.log_name
    )
    assert (dict(first.json_payload), first.severity) == ({"message": "no", "n": 1.0}, 500)
    assert first.labels["a"] == "b"
    assert (second.text_payload, second.severity) == ("plain", 0)
    assert third.log_name == "projects/al-sandbox/logs/run.googleapis.com%2Fstderr"
    assert dict(first.resource.labels) == {
        "project_id": "al-sandbox",
        "location": "europe-west1",
        "job_name": "agent",
    }
