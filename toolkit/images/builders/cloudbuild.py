"""Builds images in Google's Cloud Build, as a service account of the environment that may push images and write its log.

Over HTTP: its library is not worth a dependency.  No source bucket (order.py); no variable of a build is secret: Cloud Build
logs in to Artifact Registry as the account.  Its API takes no request id: a build carries a tag by which one that was asked
for, and never heard of, is found again.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from toolkit.clouds.gcp import cloud_of, gcp_clients_for
from toolkit.clouds.gcp_http import Http
from toolkit.core.errors import ConfigError
from toolkit.core.gcp_names import GcpNames, account_email
from toolkit.core.names import BUILD
from toolkit.core.ports import Context
from toolkit.core.retry import retrying
from toolkit.images.architecture import AMD64
from toolkit.images.following import EVERY, BuildState, Look, made
from toolkit.images.homes import home_of
from toolkit.images.oci import registry_for
from toolkit.images.order import SCRIPT, Note, Order, carried

HOST, LOGGING = "cloudbuild.googleapis.com", "logging.googleapis.com"
SECONDS, QUEUED_SECONDS = 3600, 900
PAGE = 1000  # log entries, or builds, of one answer
# as `gcloud builds list --ongoing` asks
_ONGOING = 'status="QUEUED" OR status="WORKING"'
# https://github.com/GoogleCloudPlatform/cloud-builders/tree/master/docker
_DOCKER = "gcr.io/cloud-builders/docker"
_STATES: Mapping[str, BuildState] = {
    "SUCCESS": BuildState.SUCCEEDED,
    **dict.fromkeys(("STATUS_UNKNOWN", "PENDING", "QUEUED", "WORKING"), BuildState.GOING),
}


class CloudBuild:
    """images.order.Builder, and images.following.Service.  Making one costs nothing."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep, self._clock = sleep, clock
        self._context, self._cloud = context, cloud_of(context.environment)

    @cached_property
    def _registry(self) -> Any:
        return registry_for(self._context)

    @cached_property
    def _builds(self) -> Http:
        return Http(gcp_clients_for(self._cloud), HOST)

    @cached_property
    def _logs(self) -> Http:
        return Http(gcp_clients_for(self._cloud), LOGGING)

    def make(self, orders: Sequence[Order], note: Note) -> None:
        made(self, orders, note, sleep=self._sleep, clock=self._clock)

    # images.following.Service

    def begin(self, order: Order) -> str:
        """The id of the one build that makes it; begun before by a push that heard no answer, or died, it is followed.

        Raises ConfigError for an architecture that Cloud Build has no machines of."""
        if order.architecture != AMD64:
            raise ConfigError(
                f"Cloud Build has no machines for {order.platform}, which {order.name} asks for",
                hint='set builder = "docker" under [images], on such a machine',
            )
        tag, files = carried(order)
        if self._registry.digest(order.repository, tag) is None:
            self._registry.push_base(order.repository, tag, files, {})

        def begun() -> str:
            return self._going(order) or self._started(order, tag)

        return retrying(begun, first=EVERY, sleep=self._sleep, clock=self._clock)

    def _going(self, order: Order) -> str | None:
        """The build of it that goes on already."""
        query = {"filter": _ONGOING, "pageSize": str(PAGE)}
        doing, mark = f"looking whether {order.name} is being built", self._mark(order)
        answer = self._builds.ask("GET", self._path(), doing, query=query)
        found = (one for one in answer.get("builds") or () if mark in (one.get("tags") or ()))
        return next((str(one["id"]) for one in found), None)

    def _started(self, order: Order, context: str) -> str:
        doing, build = f"starting the build of {order.name}", self._build(order, context)
        answer = self._builds.ask("POST", self._path(), doing, body=build)
        return str(answer["metadata"]["build"]["id"])

    def look(self, build: str, cursor: str) -> Look:
        found = self._builds.ask("GET", self._path(build), "looking at the build")
        lines, cursor = self._said(build, cursor)
        status = str(found.get("status") or "STATUS_UNKNOWN")
        state = _STATES.get(status, BuildState.FAILED)
        said = (found.get("failureInfo") or {}).get("detail") or found.get("statusDetail") or status
        return Look(
            state=state,
            lines=lines,
            cursor=cursor,
            why=str(said) if state is BuildState.FAILED else "",
            where=str(found.get("logUrl") or ""),
        )

    def stop(self, build: str) -> None:
        self._builds.ask("POST", self._path(f"{build}:cancel"), "stopping the build", body={})

    def _said(self, build: str, cursor: str) -> tuple[list[str], str]:
        """The lines since `cursor`: the last entry's time and id (entries of one time are in the order of their ids)."""
        time, _, last = cursor.partition(" ")
        wanted = f'resource.type="build" AND resource.labels.build_id="{build}"'
        body = {
            "resourceNames": [f"projects/{self._cloud.project}"],
            "filter": f'{wanted} AND timestamp>="{time}"' if time else wanted,
            "orderBy": "timestamp asc",
            "pageSize": PAGE,
        }
        answer = self._logs.ask(
            "POST", ("v2", "entries:list"), "reading the build's log", body=body
        )
        places = [(str(e["timestamp"]), str(e["insertId"])) for e in answer.get("entries") or ()]
        new = [
            (place, str(entry.get("textPayload") or ""))
            for place, entry in zip(places, answer.get("entries") or (), strict=True)
            if place > (time, last)
        ]
        return [text for _, text in new], " ".join(max(p for p, _ in new)) if new else cursor

    def _path(self, *rest: str) -> tuple[str, ...]:
        """https://cloud.google.com/build/docs/api/reference/rest/v1/projects.locations.builds"""
        cloud = self._cloud
        return ("v1", "projects", cloud.project, "locations", cloud.region, "builds", *rest)

    def _place(self, order: Order) -> str:
        home = home_of(self._context.environment)
        return f"{home.host}/{home.path(order.repository)}"

    def _mark(self, order: Order) -> str:
        """What a build of this image is found by: no other environment's has it."""
        named = hashlib.sha256(f"{self._place(order)}:{order.tag}".encode()).hexdigest()
        return f"al-{named[:32]}"

    def _build(self, order: Order, context: str) -> dict[str, Any]:
        place = self._place(order)
        variables = (
            f"AL_CONTEXT={place}:{context}",
            f"AL_PLATFORM={order.platform}",
            f"AL_TARGET={place}:{order.tag}",
        )
        google = GcpNames(self._context.environment.scope)
        email = account_email(google.service_account(BUILD), self._cloud.project)
        return {
            # `script` is left as it is, where Cloud Build would put its own values for $NAME in `args`
            "steps": [{"name": _DOCKER, "script": f"#!/bin/sh\n{SCRIPT}", "env": list(variables)}],
            "timeout": f"{SECONDS}s",
            "queueTtl": f"{QUEUED_SECONDS}s",
            "serviceAccount": f"projects/{self._cloud.project}/serviceAccounts/{email}",
            "options": {"logging": "CLOUD_LOGGING_ONLY"},
            "tags": ["al", order.tag, self._mark(order)],
        }


PLUGIN = CloudBuild
