"""What makes Cloud Scheduler's jobs fire: the clock of the wall, or somebody who asks.

https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs: at least once; a job does not begin again
before its last attempt has ended, and an answer of 2xx is success.
"""

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener
from zoneinfo import ZoneInfo

from cronsim import CronSim
from google.cloud import scheduler_v1
from google.rpc import code_pb2, status_pb2

from . import identity_tokens

if TYPE_CHECKING:
    from .cloud import Google
    from .timers import CloudScheduler

LOOK = 1.0  # seconds between two looks at the clock
_METHODS = scheduler_v1.HttpMethod
_REPLACED = frozenset({"host", "content-length", "user-agent"})
_DROPPED = ("x-google-", "x-appengine-", "x-cloudscheduler")  # what begins so


class Clock:
    """Of one service, from its making until `close()`."""

    def __init__(self, google: "Google", timers: "CloudScheduler") -> None:
        self._google, self._timers = google, timers
        self._closed = threading.Event()
        self._guard = threading.Lock()
        self._calling: set[str] = set()
        self._looked = google.now()
        threading.Thread(target=self._watch, name="cloud-scheduler", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def tick(self) -> int:
        """Fire every job, now, and wait for what they call; how many there were."""
        jobs = self._timers.jobs()
        for job in jobs:
            self.fire(job)
        return len(jobs)

    def soon(self, job: scheduler_v1.Job) -> None:
        """Call it, on a thread of its own, unless it is being called."""
        threading.Thread(target=self.fire, args=(job,), daemon=True).start()

    def fire(self, job: scheduler_v1.Job) -> int | None:
        """Call it, and wait for the answer: its status; None when it is being called, or does not answer."""
        with self._alone(job.name) as mine:
            if not mine or self._closed.is_set():
                return None
            status = self._called(job)
            self._note(job, status)
            return status

    def _watch(self) -> None:
        while not self._closed.wait(LOOK):
            now = self._google.now()
            if self._google.settings.clock:
                for job in self._timers.jobs():
                    if _due(job, self._looked, now):
                        self.soon(job)
            self._looked = now

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        with self._guard:
            mine = name not in self._calling
            self._calling.add(name)
        if mine:
            self._google.began_by_itself()
        try:
            yield mine
        finally:
            if mine:
                self._google.ended_by_itself()
                with self._guard:
                    self._calling.discard(name)

    def _called(self, job: scheduler_v1.Job) -> int | None:
        target = job.http_target
        request = Request(  # noqa: S310 - http and https only: timers.py checks it
            target.uri,
            method=_METHODS(target.http_method or _METHODS.POST).name,
            data=bytes(target.body) or b"",
            headers={**_passed_on(target.headers), **self._headers(job)},
        )
        # this machine's proxies are not Google's
        opener = build_opener(ProxyHandler({}))
        try:
            with opener.open(request, timeout=job.attempt_deadline.total_seconds()) as answer:
                return int(answer.status)
        except HTTPError as error:
            return int(error.code)
        except (OSError, http.client.HTTPException):
            return None

    def _headers(self, job: scheduler_v1.Job) -> dict[str, str]:
        """Google's own, over what the job says
        (https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget)."""
        own = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": job.name.rpartition("/")[2],
            "X-CloudScheduler-ScheduleTime": self._google.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        oidc = job.http_target.oidc_token
        if oidc.service_account_email:
            audience = oidc.audience or job.http_target.uri
            token = identity_tokens.issue(self._google, oidc.service_account_email, audience)
            own["Authorization"] = f"Bearer {token}"
        return own

    def _note(self, job: scheduler_v1.Job, status: int | None) -> None:
        good = status is not None and 200 <= status < 300
        with self._google.lock:
            job.last_attempt_time = self._google.now()
            job.status = status_pb2.Status(code=code_pb2.OK if good else code_pb2.UNKNOWN)


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Of a job's own headers, those that Google does not replace or drop
    (https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget)."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _REPLACED and not name.lower().startswith(_DROPPED)
    }


def _due(job: scheduler_v1.Job, since: datetime, until: datetime) -> bool:
    """Whether it fires after `since`, and not after `until`."""
    zone = ZoneInfo(job.time_zone)
    return bool(next(CronSim(job.schedule, since.astimezone(zone))) <= until)
