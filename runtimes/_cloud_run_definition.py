"""What Cloud Run is asked to run: the job of one version of an agent.  Pure.

Each version has a job of its own, which never changes: a push takes nothing away from runs that begin meanwhile, and a
rollback finds what it returns to.  Nothing in a job is particular to a run, and no secret (D1): a run brings its id and
the name of its secret.  Attributes are those of https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from toolkit.clouds.gcp_runs import run_account, run_environment
from toolkit.core.agent import Agent
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import ConfigError
from toolkit.core.gcp_names import GcpNames
from toolkit.core.plan import Item
from toolkit.core.ports import Context, Limits

from . import _cloud_run_sizes as sizes

CONTAINER = "agent"
LONGEST = 168 * 3600  # seconds: https://cloud.google.com/run/docs/configuring/task-timeout
# Over the agent's own timeout, of which its container makes an end itself, with a report: Cloud Run's clock starts earlier
GRACE = 60  # seconds
LIMITS = Limits(timeout=LONGEST, credentials_path="/credentials", writable=("/tmp",))  # noqa: S108 - the platform's

# in memory, as everything that a container writes is, but bounded
# (https://cloud.google.com/run/docs/configuring/jobs/in-memory-volume-mounts)
CREDENTIALS, CREDENTIALS_SIZE = "credentials", "16Mi"
# https://cloud.google.com/run/docs/deploying#images: hosts that Cloud Run pulls from
_IMAGE = re.compile(
    r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io|docker\.io)/[^@:]+@sha256:[0-9a-f]{64}"
)


def refusals(agent: Agent) -> list[str]:
    """What of the agent's settings Cloud Run would refuse, or not do."""
    found = (
        sizes.refusal(agent.cpus, agent.memory),
        None
        if agent.timeout <= LONGEST
        else f"timeout = {agent.timeout} is longer than Cloud Run lets a task run: at most {LONGEST} s (168 hours)",
        # https://cloud.google.com/run/docs/container-contract#languages
        None
        if agent.arch == "x86_64"
        else f"arch = {agent.arch!r}: Cloud Run runs linux/amd64 only; use 'x86_64'",
        None if not agent.spot else "spot = true: Cloud Run has no cheaper capacity; remove it",
    )
    return [sentence for sentence in found if sentence]


def definition(context: Context, cloud: GcpCloud, agent: Agent, image: str) -> Item:
    """The job, named by its contents.  Raises ConfigError for what Cloud Run would refuse, or a wrong image."""
    if found := refusals(agent):
        raise ConfigError(found[0], hint=f"change the settings of agent {agent.name}")
    if not _IMAGE.fullmatch(image):
        raise ConfigError(
            f"{image!r} is not an image that Cloud Run can pull, named by digest",
            hint="use REGION-docker.pkg.dev/PROJECT/REPOSITORY/NAME@sha256:DIGEST",
        )
    names = GcpNames(context.environment.scope)
    job = _job(context, cloud, names, agent, image)
    return Item(
        kind="job",
        name=names.job(agent.name, f"v{_mark(job)}"),
        attributes=job,
        tags=context.names.tags(agent=agent.name),
    )


def task_seconds(timeout: int) -> int:
    """How long Cloud Run lets a task of an agent with that timeout go on."""
    return min(timeout + GRACE, LONGEST)


def _job(
    context: Context, cloud: GcpCloud, names: GcpNames, agent: Agent, image: str
) -> dict[str, Any]:
    labels = names.labels(agent=agent.name)
    return {
        "labels": labels,
        "template": {
            "labels": labels,  # executions carry these
            "taskCount": 1,
            "parallelism": 1,
            "template": {
                # without an account a job has the project's default one, which is often an editor
                # (https://cloud.google.com/run/docs/configuring/jobs/service-identity)
                "serviceAccount": run_account(names, cloud, agent.name),
                "maxRetries": 0,  # the default is 3: four times the work
                "timeout": f"{task_seconds(agent.timeout)}s",
                "volumes": [
                    {
                        "name": CREDENTIALS,
                        "emptyDir": {"medium": "MEMORY", "sizeLimit": CREDENTIALS_SIZE},
                    }
                ],
                "containers": [_container(context, cloud, agent, image)],
            },
        },
    }


def _container(context: Context, cloud: GcpCloud, agent: Agent, image: str) -> dict[str, Any]:
    cpus, amount = sizes.chosen(agent.cpus, agent.memory)
    environment = run_environment(context, cloud, agent.name, "cloud_run", LIMITS)
    return {
        "name": CONTAINER,
        "image": image,
        "resources": {"limits": {"cpu": f"{cpus:g}", "memory": f"{amount}Mi"}},
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "volumeMounts": [{"name": CREDENTIALS, "mountPath": LIMITS.credentials_path}],
    }


def _mark(job: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:8]
