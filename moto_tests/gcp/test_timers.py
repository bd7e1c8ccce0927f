"""The embedded Cloud Scheduler: what it keeps, what it refuses, and what it sends.

https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from google.api_core import exceptions
from google.auth import jwt
from google.cloud import scheduler_v1

from infra.desired.gcp_marks import mark
from infra.inventory.gcp import GcpInventory
from moto_tests.gcp.granting import Granting
from tests.fakes import eventually
from toolkit.clouds.gcp import GcpClients
from toolkit.core.ports import Context
from toolkit.sandbox.calls import Answer, Environ, respond
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.serving import Served

ID = "al-shop-staging-timer"


class Target:
    """Somebody who is called, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.requests: list[Environ] = []
        self._served = Served(self._answer)
        self.url = f"http://{self._served.address}"
        self.close = self._served.close

    def _answer(self, environ: Environ, start_response: Any) -> Any:
        self.requests.append(environ)
        return respond(Answer(status=self.status), start_response)


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.close()


class Timers:
    """Cloud Scheduler's client, with shorter words."""

    def __init__(self, google: Google, clients: GcpClients, target: Target) -> None:
        self.client = clients.client(scheduler_v1.CloudSchedulerClient)
        self.parent, self.target, self._google = clients.location, target, google
        self.name = f"{self.parent}/jobs/{ID}"

    def make(self, **changes: Any) -> Any:
        job = {
            "name": self.name,
            "schedule": "* * * * *",
            "http_target": {"uri": f"{self.target.url}/tick", "http_method": "POST"},
            **changes,
        }
        return self.client.create_job(parent=self.parent, job=job)

    def tick(self) -> int:
        answer = httpx.post(f"http://{self._google.http}/al-sandbox/tick", trust_env=False)
        return int(answer.json()["fired"])


@pytest.fixture
def timers(google: Google, gcp_clients: GcpClients, target: Target) -> Timers:
    """They fire when a test asks for it."""
    google.settings = google.settings.changed({"clock": 0})
    return Timers(google, gcp_clients, target)


def test_a_job_has_google_s_defaults(timers: Timers) -> None:
    """UTC, three minutes for an answer, and it is on."""
    made = timers.make()
    assert (made.time_zone, made.attempt_deadline) == ("UTC", timedelta(minutes=3))
    assert made.state == scheduler_v1.Job.State.ENABLED
    assert [job.name for job in timers.client.list_jobs(parent=timers.parent)] == [timers.name]


WRONG: dict[str, dict[str, Any]] = {
    "six fields": {"schedule": "0 * * * * *"},
    "no schedule": {"schedule": "every minute"},
    "no such zone": {"time_zone": "Mars/Olympus"},
    "an impatient deadline": {"attempt_deadline": {"seconds": 14}},
    "a patient deadline": {"attempt_deadline": {"seconds": 1801}},
    "six retries": {"retry_config": {"retry_count": 6}},
    "a long description": {"description": "x" * 501},
    "no address": {"http_target": {"uri": "gateway"}},
    "a long address": {"http_target": {"uri": "http://" + "x" * 2077}},
    "a wrong name": {"name": "projects/al-sandbox/locations/europe-west1/jobs/a.b"},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_google_refuses_is_refused(timers: Timers, what: str) -> None:
    """Five fields, a zone of the tz database, 15 s to 30 min, 5 retries, 500 and 2,083 characters
    (https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job)."""
    with pytest.raises(exceptions.InvalidArgument):
        timers.make(**WRONG[what])


def test_a_name_is_taken_once(timers: Timers) -> None:
    """And free again when the job is gone."""
    timers.make()
    with pytest.raises(exceptions.AlreadyExists):
        timers.make()
    timers.client.delete_job(name=timers.name)
    assert timers.make().name == timers.name


def test_it_calls_with_the_account_s_identity(
    timers: Timers, google: Google, granting: Granting
) -> None:
    """A token that its public keys verify, for the audience that the job names
    (https://cloud.google.com/scheduler/docs/http-target-auth)."""
    email = str(granting.account().email)
    token = {"service_account_email": email, "audience": "https://gateway.example"}
    timers.make(http_target={"uri": timers.target.url, "oidc_token": token})
    assert timers.tick() == 1
    (asked,) = timers.target.requests
    keys = httpx.get(f"http://{google.http}/oauth2/v1/certs", trust_env=False).json()
    claims = jwt.decode(  # type: ignore[no-untyped-call]
        asked["HTTP_AUTHORIZATION"].removeprefix("Bearer "), certs=keys
    )
    assert (claims["email"], claims["email_verified"]) == (email, True)
    assert claims["aud"] == "https://gateway.example"
    assert (asked["REQUEST_METHOD"], asked["HTTP_X_CLOUDSCHEDULER_JOBNAME"]) == ("POST", ID)


def test_headers_that_are_google_s_do_not_arrive(timers: Timers) -> None:
    """Those it sets itself, and whatever else is called so
    (https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget)."""
    headers = {
        "X-Shop": "mine",
        "User-Agent": "mine",
        "X-CloudScheduler-JobName": "mine",
        "X-Google-Shop": "mine",
        "x-appengine-shop": "mine",
    }
    timers.make(http_target={"uri": timers.target.url, "headers": headers})
    timers.tick()
    (asked,) = timers.target.requests
    assert [name for name, value in asked.items() if value == "mine"] == ["HTTP_X_SHOP"]


def test_an_account_that_is_not_there_is_refused(timers: Timers) -> None:
    """Before it could ever fire."""
    token = {"service_account_email": "nobody@al-sandbox.iam.gserviceaccount.com"}
    with pytest.raises(exceptions.NotFound):
        timers.make(http_target={"uri": timers.target.url, "oidc_token": token})


def test_an_answer_that_is_no_success_is_noted(timers: Timers) -> None:
    """Only 2xx is one."""
    timers.make()
    timers.target.status = 500
    timers.tick()
    assert timers.client.get_job(name=timers.name).status.code != 0
    timers.target.status = 204
    timers.tick()
    assert timers.client.get_job(name=timers.name).status.code == 0


def test_it_fires_by_the_clock(timers: Timers, google: Google) -> None:
    """When the minute that its schedule names has come."""
    timers.make()
    google.settings = google.settings.changed({"clock": 1, "clock_ahead": 120})
    assert eventually(lambda: timers.target.requests)


def test_a_timer_keeps_no_sandbox_alive_that_nobody_uses(google: Google) -> None:
    """What is asked while one calls may be its doing, and counts for nothing."""
    touched = list[str]()
    other = Google(replace(google.machine, touch=lambda: touched.append("touched")))
    other.began_by_itself()
    other.touch()
    assert touched == []
    other.ended_by_itself()
    other.touch()
    assert touched == ["touched"]


def test_a_timer_goes_with_its_environment(timers: Timers, gcp_context: Context) -> None:
    """Jobs have no labels: its description says whose it is, and a stranger's stays."""
    inventory = GcpInventory(gcp_context)
    timers.make(description=mark(gcp_context.names.tags()))
    (item,) = (found for found in inventory.found().ours if found.kind == "timer")
    inventory.remove(item)
    timers.make(description="mine")
    assert [found.kind for found in inventory.found().ours if found.kind == "timer"] == []
    assert timers.client.get_job(name=timers.name).description == "mine"
