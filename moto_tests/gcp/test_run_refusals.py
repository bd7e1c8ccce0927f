"""What Cloud Run refuses of a job, each with the field that is at fault (google.rpc.BadRequest)."""

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from moto_tests.gcp.run_world import CloudRun
from toolkit.sandbox.gcp.refusals import Refused
from toolkit.sandbox.gcp.run_checks import job_violations, refuse

IMAGE = "europe-west1-docker.pkg.dev/al-sandbox/al/program@sha256:" + "0" * 64
TASK = "job.template.template"
CONTAINER = f"{TASK}.containers[0]"


def refused(job_id: str = "agent", **job: Any) -> list[str]:
    """The fields that such a job is refused for."""
    try:
        refuse(job_violations(job_id, run_v2.Job(**job)))
    except Refused as refusal:
        return [violation.field for violation in refusal.violations]
    return []


def of_task(**task: Any) -> list[str]:
    return refused(template={"template": {"containers": [{"image": IMAGE}], **task}})


def of_container(**container: Any) -> list[str]:
    return of_task(containers=[{"image": IMAGE, **container}])


def sized(cpu: str, memory: str) -> list[str]:
    return of_container(resources={"limits": {"cpu": cpu, "memory": memory}})


def test_a_refusal_names_every_field(cloud_run: CloudRun) -> None:
    """INVALID_ARGUMENT with one field violation for each (https://cloud.google.com/apis/design/errors)."""
    job = run_v2.Job(template={"template": {"max_retries": 11, "containers": [{"image": "x y"}]}})
    with pytest.raises(exceptions.InvalidArgument) as raised:
        cloud_run.jobs.create_job(parent=cloud_run.clients.location, job_id="A", job=job)
    found = [violation.field for violation in raised.value.details[0].field_violations]
    assert found == ["job_id", f"{TASK}.max_retries", f"{CONTAINER}.image"]


@pytest.mark.parametrize("id_", ["Agent", "my_agent", "1st", "agent-", "-agent", "a" * 64, ""])
def test_a_name_is_lowercase_letters_digits_and_hyphens(id_: str) -> None:
    """At most 63 characters (https://github.com/PrefectHQ/prefect/pull/20468)."""
    whole = {"template": {"containers": [{"image": IMAGE}]}}
    assert refused(id_, template=whole) == ["job_id"]
    assert refused("a" * 63, template=whole) == []


@pytest.mark.parametrize(
    "key", ["run.googleapis.com/x", "serving.knative.dev/x", "cloud.googleapis.com/x"]
)
def test_keys_of_the_first_version_are_refused(key: str) -> None:
    """https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs#Job: labels, annotations."""
    task = {"template": {"containers": [{"image": IMAGE}]}}
    assert refused(template=task, labels={key: "1"}) == ["job.labels"]
    assert refused(template=task, annotations={key: "1"}) == ["job.annotations"]


@pytest.mark.parametrize(
    "label", [("Team", "a"), ("team", "A"), ("te.am", "a"), ("1", "a"), ("a", "x" * 64)]
)
def test_labels_are_lowercase(label: tuple[str, str]) -> None:
    """https://cloud.google.com/resource-manager/docs/labels-overview#requirements."""
    assert refused(template={"template": {"containers": [{"image": IMAGE}]}}, labels=dict([label]))


@pytest.mark.parametrize(
    "pair",
    [("1", "512Mi"), ("1000m", "4Gi"), ("2", "8Gi"), ("4", "2Gi"), ("6", "24Gi"), ("8", "32Gi")],
)
def test_sizes_that_go_together(pair: tuple[str, str]) -> None:
    """https://cloud.google.com/run/docs/configuring/jobs/memory-limits#memory-limits."""
    assert sized(*pair) == []


@pytest.mark.parametrize(
    "pair",
    [
        ("1", "256Mi"),
        ("1", "8Gi"),
        ("2", "16Gi"),
        ("4", "1Gi"),
        ("6", "2Gi"),
        ("8", "64Gi"),
        ("1", "much"),
    ],
)
def test_memory_that_its_cpu_cannot_have(pair: tuple[str, str]) -> None:
    """The sentence names the range (https://cloud.google.com/run/docs/configuring/jobs/memory-limits)."""
    assert sized(*pair) == [f"{CONTAINER}.resources.limits.memory"]


@pytest.mark.parametrize("cpu", ["0.5", "500m", "3", "16", "many"])
def test_jobs_have_whole_cpus(cpu: str) -> None:
    """Less than one needs the first generation, which jobs do not have
    (https://cloud.google.com/run/docs/configuring/jobs/cpu)."""
    assert sized(cpu, "1Gi") == [f"{CONTAINER}.resources.limits.cpu"]


@pytest.mark.parametrize("seconds", [-1, 0, 168 * 3600 + 1])
def test_a_timeout_is_at_most_168_hours(seconds: int) -> None:
    """https://cloud.google.com/run/docs/configuring/task-timeout."""
    assert of_task(timeout={"seconds": seconds}) == [f"{TASK}.timeout"]
    assert of_task(timeout={"seconds": 168 * 3600}) == []


def test_retries_and_tasks_have_limits() -> None:
    """10 retries, 10,000 tasks, and no more at once than there are (https://cloud.google.com/run/quotas)."""
    task = {"containers": [{"image": IMAGE}]}
    assert of_task(max_retries=11) == [f"{TASK}.max_retries"]
    assert refused(template={"task_count": 10_001, "template": task}) == ["job.template.task_count"]
    assert refused(template={"task_count": 2, "parallelism": 3, "template": task}) == [
        "job.template.parallelism"
    ]


@pytest.mark.parametrize(
    "image",
    ["localhost:5000/a", "ghcr.io/a/b", "123.dkr.ecr.us-east-1.amazonaws.com/a", "UPPER", ""],
)
def test_images_come_from_googles_registries_or_docker_hub(image: str) -> None:
    """https://cloud.google.com/run/docs/deploying#images."""
    assert of_container(image=image) == [f"{CONTAINER}.image"]


@pytest.mark.parametrize(
    "image", ["gcr.io/p/a:1", "eu.gcr.io/p/a", "docker.io/library/a", "ubuntu:24.04", IMAGE]
)
def test_images_that_are_taken(image: str) -> None:
    """https://cloud.google.com/run/docs/deploying#images."""
    assert of_container(image=image) == []


@pytest.mark.parametrize("name", ["CLOUD_RUN_JOB", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_EXECUTION"])
def test_cloud_runs_own_variables_cannot_be_set(name: str) -> None:
    """https://cloud.google.com/run/docs/container-contract#jobs-env-vars."""
    assert of_container(env=[{"name": name, "value": "x"}]) == [f"{CONTAINER}.env"]


def test_variables_have_limits() -> None:
    """1,000 of them, 32 KiB each, each once (https://cloud.google.com/run/quotas)."""
    many = [{"name": f"V{number}", "value": "x"} for number in range(1001)]
    assert of_container(env=many) == [f"{CONTAINER}.env"]
    assert of_container(env=[{"name": "A", "value": "ä" * 16_385}]) == [f"{CONTAINER}.env.value"]
    assert of_container(env=[{"name": "A"}, {"name": "A"}]) == [f"{CONTAINER}.env.name"]


def test_mounts_are_of_known_volumes_at_their_own_paths() -> None:
    """No `:` in a path, and no two volumes at one
    (https://cloud.google.com/run/docs/reference/rest/v2/Container#volumemount)."""
    volumes = [{"name": "one", "empty_dir": {"medium": "MEMORY"}}]

    def mounted(*mounts: tuple[str, str]) -> list[str]:
        made = [{"name": name, "mount_path": path} for name, path in mounts]
        return of_task(containers=[{"image": IMAGE, "volume_mounts": made}], volumes=volumes)

    assert mounted(("one", "/credentials")) == []
    assert mounted(("two", "/x")) == [f"{CONTAINER}.volume_mounts[0].name"]
    assert mounted(("one", "/a:b")) == [f"{CONTAINER}.volume_mounts[0].mount_path"]
    assert len(mounted(("one", "/a"), ("one", "/a"))) == 2


def test_a_volume_has_one_source_that_fits_the_memory() -> None:
    """An in-memory volume is part of the container's memory
    (https://cloud.google.com/run/docs/configuring/jobs/in-memory-volume-mounts)."""
    assert of_task(volumes=[{"name": "one"}]) == [f"{TASK}.volumes[0]"]
    large = [{"name": "one", "empty_dir": {"size_limit": "1Gi"}}]
    assert of_task(volumes=large) == [f"{TASK}.volumes[0].empty_dir.size_limit"]


def test_jobs_run_in_the_second_generation() -> None:
    """https://cloud.google.com/run/docs/about-execution-environments."""
    assert of_task(execution_environment="EXECUTION_ENVIRONMENT_GEN1") == [
        f"{TASK}.execution_environment"
    ]


def test_overrides_are_checked_as_the_job_is(cloud_run: CloudRun) -> None:
    """Unknown containers, reserved variables and long timeouts are refused before anything runs."""
    name = cloud_run.program("print(1)")
    override = {"name": "other", "env": [{"name": "CLOUD_RUN_JOB", "value": "x"}]}
    with pytest.raises(exceptions.InvalidArgument) as raised:
        cloud_run.run(name, container_overrides=[override], timeout={"seconds": 10**6})
    found = [violation.field for violation in raised.value.details[0].field_violations]
    assert found == [
        "overrides.container_overrides[0].name",
        "overrides.container_overrides[0].env",
        "overrides.timeout",
    ]
    assert list(cloud_run.executions.list_executions(parent=name)) == []
