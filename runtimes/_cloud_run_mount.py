"""With `secrets = "mount"`: a run's own job, which is its agent's with the run's one secret as a volume.  Pure.

RunJob cannot change volumes, so each such run needs a job, of which a project's region has a thousand
(https://cloud.google.com/run/quotas).  It goes when the run's end is recorded; one that was left is known by its labels.
"""

from datetime import datetime, timedelta
from typing import Any

from toolkit.core.gcp_names import GcpNames, secret_id
from toolkit.core.plan import Item
from toolkit.core.run import RunId, RunSpec

from ._cloud_run_definition import task_seconds

VOLUME, DIRECTORY, FILE = "run-secret", "/run-secret", "secret.json"
OVER = timedelta(hours=1)  # after a run's end, in which somebody records it
UNUSED = timedelta(minutes=15)  # between a run's job and its start


def job_of_run(names: GcpNames, run: RunId) -> str:
    return names.job(run.agent, f"r{run.rpartition('-')[2]}")


def own(names: GcpNames, live: Any, spec: RunSpec, job: str) -> Item:
    """The job `live` of the agent's version, with what is particular to the run."""
    from google.protobuf import json_format

    data = json_format.MessageToDict(type(live).pb(live))
    labels = names.labels(agent=spec.agent, run=spec.run)
    template = data["template"] | {"labels": labels}
    task = template["template"]
    task |= {"timeout": f"{task_seconds(spec.timeout)}s", "maxRetries": 0}
    task["volumes"] = [*task.get("volumes", ()), _volume(spec)]
    container = task["containers"][0]
    container["env"] = [*container["env"], *_variables(spec)]
    mounts = container.get("volumeMounts", ())
    container["volumeMounts"] = [*mounts, {"name": VOLUME, "mountPath": DIRECTORY}]
    return Item(kind="job", name=job, attributes={"labels": labels, "template": template})


def is_for_one(job: Any) -> bool:
    """Whether it is a run's, and not a version's."""
    return "al-run" in job.labels


def is_left(job: Any, now: datetime) -> bool:
    """Whether it is a run's and nobody can need it: the run has been over for long, or never began."""
    if not is_for_one(job):
        return False
    latest = job.latest_created_execution
    if not latest.name:
        return bool(now - job.create_time > UNUSED)
    return bool(latest.completion_time and now - latest.completion_time > OVER)


def _volume(spec: RunSpec) -> dict[str, Any]:
    """By the version's number: `latest` may be an old state
    (https://cloud.google.com/secret-manager/docs/reference/consistency)."""
    items = [{"path": FILE, "version": "1"}]
    return {"name": VOLUME, "secret": {"secret": secret_id(spec.lease.ref.name), "items": items}}


def _variables(spec: RunSpec) -> list[dict[str, str]]:
    variables = {
        "AL_RUN_ID": str(spec.run),
        "AL_SECRET": spec.lease.ref.name,
        "AL_SECRET_FILE": f"{DIRECTORY}/{FILE}",
    }
    return [{"name": name, "value": value} for name, value in variables.items()]
