"""What Cloud Run refuses of a job or service before it keeps it: names, resources, limits and what may be set together.

Each check yields violations; their fields are the request's.  https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2
and the pages named below.  Looks at messages only: whether images, secrets and accounts exist is run_access.py's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from google.cloud import run_v2

from .refusals import Refused, Violation
from .run_quantities import check_resources, mebibytes

LONGEST_JOB, LONGEST_SERVICE = 63, 49
LONGEST_TIMEOUT = timedelta(hours=168)  # https://cloud.google.com/run/docs/configuring/task-timeout
MOST_RETRIES = 10  # https://cloud.google.com/run/docs/configuring/max-retries
MOST_TASKS = 10_000  # https://cloud.google.com/run/quotas
MOST_VARIABLES, LONGEST_VARIABLE = 1000, 32_768
# https://cloud.google.com/run/docs/container-contract#env-vars
OF_JOBS = frozenset(
    f"CLOUD_RUN_{name}" for name in ("JOB", "EXECUTION", "TASK_INDEX", "TASK_ATTEMPT", "TASK_COUNT")
)
OF_SERVICES = frozenset(("PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"))
_ID = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_SYSTEM_KEYS = tuple(
    f"{name}/"
    for name in (
        "run.googleapis.com",
        "cloud.googleapis.com",
        "serving.knative.dev",
        "autoscaling.knative.dev",
    )
)
_SOURCES = ("secret", "cloud_sql_instance", "empty_dir", "nfs", "gcs")
_IMAGE = re.compile(
    r"(?:(?:[a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev|docker\.io)/[^@:]+(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
    r"|[a-z0-9][a-z0-9._/-]*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)
_HOSTS = re.compile(r"(?:[a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev|docker\.io")


def refuse(violations: Iterable[Violation]) -> None:
    """Raises Refused (INVALID_ARGUMENT) with all of them, when there are any."""
    if found := tuple(violations):
        text = "; ".join(f"{v.field}: {v.description}" for v in found)
        raise Refused("INVALID_ARGUMENT", text, violations=found)


def job_violations(job_id: str, job: run_v2.Job) -> Iterator[Violation]:
    """Everything that is wrong with a job."""
    yield from id_violations("job_id", job_id, LONGEST_JOB)
    yield from label_violations("job", job.labels, job.annotations)
    execution = job.template
    yield from label_violations("job.template", execution.labels, execution.annotations)
    yield from count_violations("job.template", execution.task_count, execution.parallelism)
    yield from _task_violations("job.template.template", execution.template)


def id_violations(field: str, id_: str, longest: int) -> Iterator[Violation]:
    if not _ID.fullmatch(id_) or len(id_) > longest:
        yield Violation(
            field,
            "must use only lowercase alphanumeric characters and dashes, must begin with a letter, cannot end with a "
            f"dash, and cannot be longer than {longest} characters",
        )


def label_violations(
    field: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> Iterator[Violation]:
    """Also of the keys that version 1 of the API had and version 2 refuses."""
    for kind, found in (("labels", labels), ("annotations", annotations)):
        for key in found:
            if key.startswith(_SYSTEM_KEYS):
                yield Violation(f"{field}.{kind}", f"system {kind} are not supported: '{key}'")
    if len(labels) > 64:
        yield Violation(f"{field}.labels", "a resource may have 64 labels")
    for key, value in labels.items():
        plain = _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)
        if not plain and not key.startswith(_SYSTEM_KEYS):
            text = f"'{key}={value}': keys and values are lowercase letters, digits, _ and -, at most 63"
            yield Violation(f"{field}.labels", text)


def count_violations(field: str, tasks: int, parallelism: int) -> Iterator[Violation]:
    """0 is the default."""
    if not 0 <= tasks <= MOST_TASKS:
        yield Violation(f"{field}.task_count", f"must be between 1 and {MOST_TASKS}")
    if parallelism < 0 or parallelism > (tasks or 1):
        yield Violation(f"{field}.parallelism", "must not be negative, nor more than task_count")


def timeout_violations(field: str, timeout: timedelta) -> Iterator[Violation]:
    if not timedelta(0) < timeout <= LONGEST_TIMEOUT:
        yield Violation(field, "must be between 1 second and 168 hours")


def _task_violations(field: str, task: run_v2.TaskTemplate) -> Iterator[Violation]:
    if not 0 <= task.max_retries <= MOST_RETRIES:
        yield Violation(f"{field}.max_retries", f"must be between 0 and {MOST_RETRIES}")
    if "timeout" in task:
        yield from timeout_violations(f"{field}.timeout", task.timeout)
    if task.execution_environment == run_v2.ExecutionEnvironment.EXECUTION_ENVIRONMENT_GEN1:
        yield Violation(f"{field}.execution_environment", "jobs run in the second generation only")
    yield from container_violations(field, task, OF_JOBS)


def container_violations(
    field: str, template: Any, reserved: frozenset[str], *, fractional: bool = False
) -> Iterator[Violation]:
    """Of the containers of a task or of a revision, and their volumes."""
    if not template.containers:
        yield Violation(f"{field}.containers", "must contain at least one container")
    for at, container in enumerate(template.containers):
        yield from _container(f"{field}.containers[{at}]", container, reserved)
        yield from _mounts(f"{field}.containers[{at}]", container, template.volumes)
        limits = dict(container.resources.limits)
        yield from check_resources(
            f"{field}.containers[{at}].resources.limits", limits, fractional=fractional
        )
    yield from _volumes(f"{field}.volumes", template)


def _container(
    field: str, container: run_v2.Container, reserved: frozenset[str]
) -> Iterator[Violation]:
    if container.name and not _DNS_LABEL.fullmatch(container.name):
        yield Violation(f"{field}.name", "must be a DNS label of at most 63 characters")
    host, slash, _ = container.image.partition("/")
    foreign = slash and ("." in host or ":" in host) and not _HOSTS.fullmatch(host)
    if foreign or not _IMAGE.fullmatch(container.image):
        yield Violation(
            f"{field}.image",
            "Expected an image path like [host/]repo-path[:tag and/or @digest], where host is one of [region.]gcr.io, "
            f"[region-]docker.pkg.dev or docker.io but obtained {container.image}",
        )
    yield from variable_violations(f"{field}.env", container.env, reserved)


def variable_violations(
    field: str, variables: Iterable[run_v2.EnvVar], reserved: frozenset[str]
) -> Iterator[Violation]:
    found = list(variables)
    if len(found) > MOST_VARIABLES:
        yield Violation(field, f"a container may have {MOST_VARIABLES} variables")
    if taken := sorted(reserved & {variable.name for variable in found}):
        text = f"The following reserved env names were provided: {', '.join(taken)}. These values are automatically set by the system."
        yield Violation(field, text)
    for name, count in Counter(variable.name for variable in found).items():
        if not name or "=" in name or len(name) > LONGEST_VARIABLE:
            yield Violation(f"{field}.name", f"'{name[:40]}' is not a variable's name")
        if count > 1:
            yield Violation(f"{field}.name", f"'{name}' is given {count} times")
    for variable in found:
        if len(variable.value.encode()) > LONGEST_VARIABLE:
            yield Violation(
                f"{field}.value", f"'{variable.name}' is longer than {LONGEST_VARIABLE} bytes"
            )


def _mounts(
    field: str, container: run_v2.Container, volumes: Iterable[run_v2.Volume]
) -> Iterator[Violation]:
    known = {volume.name for volume in volumes}
    paths = Counter(mount.mount_path for mount in container.volume_mounts)
    for at, mount in enumerate(container.volume_mounts):
        if mount.name not in known:
            yield Violation(
                f"{field}.volume_mounts[{at}].name", f"there is no volume '{mount.name}'"
            )
        path = mount.mount_path
        if not path.startswith("/") or path == "/" or ":" in path:
            text = "must be an absolute path below the root, without ':'"
            yield Violation(f"{field}.volume_mounts[{at}].mount_path", text)
        elif paths[path] > 1:
            yield Violation(f"{field}.volume_mounts[{at}].mount_path", f"'{path}' is used twice")


def _volumes(field: str, template: Any) -> Iterator[Violation]:
    names = Counter(volume.name for volume in template.volumes)
    limits = [dict(container.resources.limits) for container in template.containers]
    memory = sum(mebibytes(limit.get("memory", "512Mi")) or 0 for limit in limits)
    for at, volume in enumerate(template.volumes):
        if not _DNS_LABEL.fullmatch(volume.name) or names[volume.name] > 1:
            yield Violation(f"{field}[{at}].name", "must be a DNS label that no other volume has")
        if not any(source in volume for source in _SOURCES):
            yield Violation(f"{field}[{at}]", "a volume needs a source")
        size = volume.empty_dir.size_limit if "empty_dir" in volume else ""
        if size and (mebibytes(size) is None or (mebibytes(size) or 0) > memory):
            yield Violation(
                f"{field}[{at}].empty_dir.size_limit", f"'{size}' is more than the memory"
            )
        for item in volume.secret.items if "secret" in volume else ():
            if item.path.startswith("/") or ".." in item.path.split("/"):
                yield Violation(
                    f"{field}[{at}].secret.items", f"'{item.path}' is not a relative path"
                )
