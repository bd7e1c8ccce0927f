"""Jobs of Cloud Scheduler.  They have no labels: descriptions say whose they are."""

from collections.abc import Iterable
from typing import Any

from infra.desired.gcp_marks import marked
from toolkit.clouds.gcp import translated
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found, made, short


class Timer:
    def __init__(self, google: Google) -> None:
        self._google = google

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, inputs: Inputs) -> Made | None:
        name = self.ref(inputs)
        request = {"parent": self._google.clients.location, "job": self._job(inputs)}
        answer = made(f"making the timer {name}", lambda: self._client.create_job(request=request))
        return (name, {}) if answer else None

    def update(self, inputs: Inputs) -> Made:
        name = self.ref(inputs)
        with translated(f"changing the timer {name}"):
            self._client.update_job(request={"job": self._job(inputs)})
        return name, {}

    def delete(self, ref: str) -> None:
        request = {"name": self._name(ref)}
        found(f"deleting the timer {ref}", lambda: self._client.delete_job(request=request))

    def present(self, ids: Iterable[str]) -> set[str]:
        with translated("listing the timers"):
            listed = self._client.list_jobs(request={"parent": self._google.clients.location})
            return set(ids) & {short(job.name) for job in listed}

    def tags(self, ref: str) -> dict[str, str] | None:
        job = found(
            f"looking at the timer {ref}",
            lambda: self._client.get_job(request={"name": self._name(ref)}),
        )
        return marked(job.description) if job else None

    @property
    def _client(self) -> Any:
        from google.cloud import scheduler_v1

        return self._google.clients.client(scheduler_v1.CloudSchedulerClient)

    def _name(self, name: str) -> str:
        return f"{self._google.clients.location}/jobs/{name}"

    def _job(self, inputs: Inputs) -> dict[str, Any]:
        target = inputs["httpTarget"]
        token = target["oidcToken"]
        return {
            "name": self._name(self.ref(inputs)),
            "description": inputs["description"],
            "schedule": inputs["schedule"],
            "time_zone": inputs["timeZone"],
            "attempt_deadline": {"seconds": int(inputs["attemptDeadline"].removesuffix("s"))},
            "http_target": {
                "uri": target["uri"],
                "http_method": target["httpMethod"],
                "oidc_token": {
                    "service_account_email": token["serviceAccountEmail"],
                    "audience": token["audience"],
                },
            },
        }


WHOLES = {"gcp:cloudscheduler/job:Job": Timer}
PARTS: dict[str, type] = {}
