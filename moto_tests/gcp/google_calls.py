"""Which RPCs of Google's client libraries `al` asks for, found in its source."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from google.cloud import (
    artifactregistry_v1,
    iam_admin_v1,
    resourcemanager_v3,
    run_v2,
    scheduler_v1,
    secretmanager_v1,
)
from google.cloud.firestore_admin_v1 import FirestoreAdminClient
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

ROOT = Path(__file__).parents[2]
CLIENTS: tuple[type, ...] = (
    run_v2.JobsClient,
    run_v2.ExecutionsClient,
    run_v2.TasksClient,
    run_v2.ServicesClient,
    secretmanager_v1.SecretManagerServiceClient,
    scheduler_v1.CloudSchedulerClient,
    artifactregistry_v1.ArtifactRegistryClient,
    iam_admin_v1.IAMClient,
    resourcemanager_v3.ProjectsClient,
    FirestoreAdminClient,
    FirestoreClient,
    LoggingServiceV2Client,
)
_NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")
_OTHER = frozenset(
    {"commit"}
)  # a word of every day, which nothing tells from other words in a file


def asked_by_al() -> set[str]:
    """As RPCs are named, `CreateJob`.  A method counts where its name is, in a file that has to do with Google."""
    methods = {name for client in CLIENTS for name in _methods(client)}
    found = {name for file in _files() for name in _NAME.findall(file) if name in methods}
    return {name.title().replace("_", "") for name in found | _OTHER}


def _methods(client: type) -> Iterator[str]:
    for name, method in inspect.getmembers(client, inspect.isfunction):
        if "timeout" in inspect.signature(method).parameters and not name.startswith("_"):
            yield name


def _files() -> Iterator[str]:
    for room in ("toolkit", "runtimes", "infra", "gateway"):
        for file in (ROOT / room).rglob("*.py"):
            text = file.read_text()
            if "sandbox" not in file.parts and ("google" in text or "gcp" in text):
                yield text
