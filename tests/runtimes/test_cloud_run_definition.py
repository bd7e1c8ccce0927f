"""The job of an agent's version, and what Cloud Run would refuse of an agent: decided before anything is sent."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtimes._cloud_run_definition import definition, refusals, task_seconds
from runtimes._cloud_run_sizes import chosen, nearest, refusal
from runtimes.cloud_run import CloudRun
from toolkit.core.agent import Agent, AgentName
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.gcp_names import GcpNames
from toolkit.core.ports import Context
from toolkit.core.units import GIB, MIB

CLOUD = GcpCloud(project="p", region="europe-west1", repository="al")
IMAGE = f"europe-west1-docker.pkg.dev/p/al/dev@sha256:{'0' * 64}"
CONTEXT = Context(
    environment=Environment(
        name="staging", scope=Scope(project="shop", environment="staging"), cloud=CLOUD
    ),
    home=Path(),
    project=Path(),
)


def an_agent(name: str = "dev", **more: Any) -> Agent:
    return Agent(name=AgentName(name), directory=Path(), instructions="", **more)


def job(**more: Any) -> Any:
    return definition(CONTEXT, CLOUD, an_agent(**more), IMAGE).attributes


def task(**more: Any) -> Any:
    return job(**more)["template"]["template"]


@pytest.mark.parametrize(
    ("cpus", "memory"),
    [(1, 512 * MIB), (1, 4 * GIB), (2, 512 * MIB), (2, 8 * GIB), (4, 2 * GIB), (4, 16 * GIB), (6, 4 * GIB),
     (6, 24 * GIB), (8, 4 * GIB), (8, 32 * GIB)],
)  # fmt: skip
def test_the_ends_of_each_range_are_sizes(cpus: float, memory: int) -> None:
    """https://cloud.google.com/run/docs/configuring/jobs/memory-limits."""
    assert refusal(cpus, memory) is None


@pytest.mark.parametrize(
    ("cpus", "memory", "allowed"),
    [
        (1, 8 * GIB, "with 1 CPU it takes 512 to 4096 MiB"),
        (1, 256 * MIB, "with 1 CPU it takes 512 to 4096 MiB"),
        (4, GIB, "with 4 CPU it takes 2048 to 16384 MiB"),
        (8, 64 * GIB, "with 8 CPU it takes 4096 to 32768 MiB"),
    ],
)
def test_a_wrong_pair_is_refused_with_the_allowed_ones(
    cpus: float, memory: int, allowed: str
) -> None:
    """Memory goes by CPU (https://cloud.google.com/run/docs/configuring/jobs/memory-limits)."""
    assert allowed in str(refusal(cpus, memory))


@pytest.mark.parametrize("cpus", [0.5, 1.5, 3, 16])
def test_jobs_have_whole_cpus_of_certain_numbers(cpus: float) -> None:
    """Less than a CPU is for services of the first generation, and jobs are of the second
    (https://cloud.google.com/run/docs/configuring/jobs/cpu)."""
    assert "1 with 512 to 4096 MiB, 2 with 512 to 8192 MiB" in str(refusal(cpus, None))


def test_what_is_left_open_fits_what_is_set() -> None:
    """CPUs for the memory, and memory for the CPUs; the default is two CPUs and 4 GiB."""
    assert chosen(None, None) == (2, 4096)
    assert chosen(None, 512 * MIB) == (2, 512)
    assert chosen(None, 12 * GIB) == (4, 12288)
    assert chosen(8, None) == (8, 4096)
    assert chosen(1, None) == (1, 4096)


def test_the_nearest_size_gives_at_least_both() -> None:
    """Somebody who takes it gets what was asked for, as far as there is such a size."""
    assert nearest(1.5, 256) == (2, 512)
    assert nearest(1, 5000) == (2, 5000)
    assert nearest(16, 1) == (8, 32768)


def test_memory_is_rounded_up_to_mib() -> None:
    """A run never gets less than was asked for."""
    assert task(memory=GIB + 1)["containers"][0]["resources"]["limits"]["memory"] == "1025Mi"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"arch": "arm64"}, "linux/amd64 only"),
        ({"spot": True}, "no cheaper capacity"),
        ({"timeout": 168 * 3600 + 1}, "168 hours"),
        ({"cpus": 0.25}, "whole CPUs"),
    ],
)
def test_what_cloud_run_lacks_is_said_before_a_push(setting: dict[str, Any], words: str) -> None:
    """Architecture (https://cloud.google.com/run/docs/container-contract#languages), task timeout
    (https://cloud.google.com/run/docs/configuring/task-timeout), sizes."""
    (sentence,) = refusals(an_agent(**setting))
    assert words in sentence
    with pytest.raises(ConfigError):
        job(**setting)


def test_a_week_is_not_too_long() -> None:
    """https://cloud.google.com/run/docs/configuring/task-timeout: up to 168 hours."""
    assert refusals(an_agent(timeout=168 * 3600)) == []
    assert task(timeout=168 * 3600)["timeout"] == "604800s"


@pytest.mark.parametrize(
    ("timeout", "task_timeout"), [(600, 660), (7200, 7260), (604_799, 604_800)]
)
def test_the_container_ends_a_run_before_cloud_run_does(timeout: int, task_timeout: int) -> None:
    """It reports; Cloud Run only kills, and its default would be ten minutes."""
    assert task_seconds(timeout) == task_timeout


def test_a_run_is_tried_once() -> None:
    """The default is three more times (https://cloud.google.com/run/docs/configuring/max-retries)."""
    assert task()["maxRetries"] == 0


def test_a_run_has_the_agents_own_account() -> None:
    """Without one it would have the project's default account, which is often an editor
    (https://cloud.google.com/run/docs/configuring/jobs/service-identity)."""
    assert task()["serviceAccount"] == "al-shop-staging-dev@p.iam.gserviceaccount.com"
    own = replace(CLOUD, service_account="own@p.iam.gserviceaccount.com")
    brought = definition(CONTEXT, own, an_agent(), IMAGE)
    assert "own@p.iam" in str(brought.attributes)


def test_the_container_learns_where_it_is_and_no_secret() -> None:
    """Variables of the agent; those of a run come with it."""
    variables = {one["name"]: one["value"] for one in task()["containers"][0]["env"]}
    assert variables["AL_PLATFORM"] == "gcp"
    assert variables["AL_RUNTIME"] == "cloud_run"
    assert variables["AL_GCP_PROJECT"] == "p"
    assert variables["AL_CREDENTIALS_PATH"] == "/credentials"
    assert not {"AL_RUN_ID", "AL_SECRET"} & variables.keys()


def test_each_version_has_a_job_of_its_own() -> None:
    """What is the same has the same name, and what differs another: a job that runs may begin from never changes."""
    first = definition(CONTEXT, CLOUD, an_agent(), IMAGE)
    assert first == definition(CONTEXT, CLOUD, an_agent(), IMAGE)
    assert first.name != definition(CONTEXT, CLOUD, an_agent(cpus=4), IMAGE).name


@pytest.mark.parametrize("name", ["a", "dev", "a" * 64, "-".join(["ab"] * 21)])
def test_a_jobs_name_leaves_room_for_its_executions(name: str) -> None:
    """63 characters together with an execution's suffix
    (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/create)."""
    made = definition(CONTEXT, CLOUD, an_agent(name), IMAGE).name
    assert len(made) <= 49
    assert made.rpartition("-")[2].startswith("v")


def test_names_of_versions_and_of_runs_are_apart() -> None:
    """Even where the hash of a version is the number of a run."""
    names = GcpNames(Scope(project="shop", environment="staging"))
    assert names.job("dev", "v1a2b3c4d") != names.job("dev", "r1a2b3c4d")


def test_labels_are_those_that_google_takes() -> None:
    """Lower case, at most 63 characters (https://cloud.google.com/resource-manager/docs/labels-overview)."""
    labels = job(name="b" * 64)["labels"]
    assert all(len(value) <= 63 and value == value.lower() for value in labels.values())
    assert job(name="b" * 64)["template"]["labels"] == labels


@pytest.mark.parametrize(
    "image",
    [
        IMAGE.partition("@")[0],
        IMAGE.replace("sha256:", ""),
        "127.0.0.1:5000/dev@sha256:" + "0" * 64,
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/dev@sha256:" + "0" * 64,
    ],
)
def test_an_image_is_named_by_digest_and_where_cloud_run_pulls(image: str) -> None:
    """Artifact Registry and Docker Hub (https://cloud.google.com/run/docs/deploying#images)."""
    with pytest.raises(ConfigError, match="not an image that Cloud Run can pull"):
        definition(CONTEXT, CLOUD, an_agent(), image)


def test_a_run_may_touch_its_own_agents_secrets_only() -> None:
    """Three permissions, on one beginning of names."""
    (grant,) = CloudRun(CONTEXT).grants(an_agent())
    assert grant.resources == ("secrets/action-llama--shop--staging--runs--dev--*",)
    assert not any("list" in action or "create" in action for action in grant.actions)
