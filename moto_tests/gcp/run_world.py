"""Shorter words for the things of Cloud Run's tests: an image that runs a program, its job, an execution's end."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from google.api_core.exceptions import AlreadyExists
from google.cloud import artifactregistry_v1 as ar
from google.cloud import logging_v2, run_v2

from moto_tests.sandbox.images import AUTH, MANIFEST, push
from moto_tests.sandbox.programs import PYTHON
from toolkit.clouds.gcp import GcpClients
from toolkit.sandbox.gcp.cloud import Google

LogClient = logging_v2.services.logging_service_v2.LoggingServiceV2Client
INDEX = "application/vnd.oci.image.index.v1+json"


def eventually(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true answer; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came of it in time"
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class CloudRun:
    """Cloud Run seen through Google's clients, as the operator."""

    google: Google
    clients: GcpClients

    @property
    def jobs(self) -> run_v2.JobsClient:
        return self.clients.client(run_v2.JobsClient)

    @property
    def executions(self) -> run_v2.ExecutionsClient:
        return self.clients.client(run_v2.ExecutionsClient)

    @property
    def tasks(self) -> run_v2.TasksClient:
        return self.clients.client(run_v2.TasksClient)

    @property
    def logs(self) -> Any:
        return self.clients.client(LogClient)

    def repository(self, id_: str = "al") -> str:
        """The name of a repository for images, made when it is not there."""
        client = self.clients.client(ar.ArtifactRegistryClient)
        request = {"repository": {"format_": "DOCKER"}, "repository_id": id_}
        with suppress(AlreadyExists):
            client.create_repository(request={"parent": self.clients.location, **request})
        return f"{self.clients.location}/repositories/{id_}"

    def image(self, text: str, architecture: str = "amd64", **config: Any) -> str:
        """Push an image that runs this program; its reference by digest."""
        self.repository()
        repository = f"{self.google.project}/al/program"
        files = {"app/main.py": text}
        registry = self.google.machine.registry
        digest = push(registry, repository, files, {**PYTHON, **config}, architecture)
        return f"{self.google.region}-docker.pkg.dev/{repository}@{digest}"

    def index(self, image: str, architecture: str) -> str:
        """Push an index that has this image for one kind of machine; its reference by digest."""
        path, _, digest = image.partition("@")
        child = {"mediaType": MANIFEST, "digest": digest, "size": 1}
        platform = {"os": "linux", "architecture": architecture}
        body = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [{**child, "platform": platform}],
        }
        data = json.dumps(body).encode()
        url = f"http://{self.google.machine.registry}/v2/{path.partition('/')[2]}/manifests/index"
        answer = httpx.put(url, content=data, headers={**AUTH, "Content-Type": INDEX})
        return f"{path}@{answer.raise_for_status().headers['Docker-Content-Digest']}"

    def remove(self, image: str) -> None:
        """Delete it from the registry."""
        path, _, digest = image.partition("@")
        package = quote(path.split("/", 3)[3], safe="")
        name = f"{self.repository()}/packages/{package}/versions/{digest}"
        client = self.clients.client(ar.ArtifactRegistryClient)
        client.delete_version(request={"name": name, "force": True}).result(timeout=5)

    def job(self, image: str, **more: Any) -> run_v2.Job:
        """A job with one container that is not retried; `container` adds to that, the rest to the task's template."""
        container = {"image": image, **more.pop("container", {})}
        task = {"containers": [container], "max_retries": 0, "timeout": {"seconds": 60}, **more}
        return run_v2.Job(template={"template": task, **more.pop("execution", {})})

    def create(self, job: run_v2.Job, job_id: str = "agent") -> run_v2.Job:
        """Once it is ready."""
        made = self.jobs.create_job(parent=self.clients.location, job_id=job_id, job=job)
        return made.result(timeout=10)

    def program(self, text: str, job_id: str = "agent", **more: Any) -> str:
        """The name of a job that runs this program."""
        return self.create(self.job(self.image(text), **more), job_id).name

    def run(self, name: str, env: Mapping[str, str] | None = None, **more: Any) -> str:
        """The name of a new execution."""
        variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
        overrides = {"container_overrides": [{"env": variables}], **more} if env or more else None
        request = run_v2.RunJobRequest(name=name, overrides=overrides)
        return str(self.jobs.run_job(request=request).metadata.name)

    def ended(self, name: str) -> run_v2.Execution:
        """The execution once it is over."""

        def look() -> run_v2.Execution | None:
            found = self.executions.get_execution(name=name)
            return found if found.completion_time else None

        return eventually(look)

    def task(self, execution: str) -> run_v2.Task:
        """The execution's first task."""
        return next(iter(self.tasks.list_tasks(parent=execution)))

    def finished(
        self, text: str, env: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[run_v2.Execution, run_v2.Task]:
        """Run a program to its end."""
        name = self.run(self.program(text, **more), env)
        return self.ended(name), self.task(name)

    def entries(self, execution: str) -> list[Any]:
        """What it has printed, oldest first."""
        label = execution.rpartition("/")[2]
        wanted = f'labels."run.googleapis.com/execution_name"="{label}" AND NOT logName:"varlog"'
        return list(
            self.logs.list_log_entries(
                request={
                    "resource_names": [self.clients.parent],
                    "filter": wanted,
                    "page_size": 1000,
                }
            )
        )

    def lines(self, execution: str) -> list[str]:
        return [entry.text_payload for entry in self.entries(execution)]
