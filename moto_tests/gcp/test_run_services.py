"""Cloud Run services that serve: their address, who reaches it, and how revisions follow each other."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from moto_tests.gcp.granting import Granting, binding, member
from moto_tests.gcp.log_world import PROJECT, Logs
from moto_tests.gcp.run_world import CloudRun, eventually
from toolkit.sandbox.gcp import service_life

STATE = run_v2.Condition.State
SERVE = """
import http.server, json, os, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        told = {"path": self.path, "body": body, "word": os.environ.get("WORD"), "service": os.environ["K_SERVICE"],
                "revision": os.environ["K_REVISION"], "key": self.headers.get("X-Key")}
        data = json.dumps(told).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        print("served", flush=True)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(2):
            self.wfile.write(f"data: {number}\\n\\n".encode())
            self.wfile.flush()
            time.sleep(0.2)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def services(cloud_run: CloudRun) -> run_v2.ServicesClient:
    return cloud_run.clients.client(run_v2.ServicesClient)


def wanted(image: str, word: str = "one", **more: Any) -> run_v2.Service:
    """A service that says its word."""
    container = {"image": image, "env": [{"name": "WORD", "value": word}]}
    return run_v2.Service(template={"containers": [container]}, **more)


@pytest.fixture
def deployed(cloud_run: CloudRun, services: run_v2.ServicesClient) -> run_v2.Service:
    """A service that everybody may invoke."""
    service = wanted(cloud_run.image(SERVE), invoker_iam_disabled=True)
    return create(cloud_run, services, service)


def create(
    cloud_run: CloudRun, services: run_v2.ServicesClient, service: run_v2.Service, **more: Any
) -> run_v2.Service:
    request = {"parent": cloud_run.clients.location, "service_id": "gateway", "service": service}
    return services.create_service(request={**request, **more}).result(timeout=30)


def test_a_service_answers_at_its_address(deployed: run_v2.Service) -> None:
    """The container listens on $PORT and knows its service
    (https://cloud.google.com/run/docs/container-contract#services-env-vars)."""
    assert deployed.terminal_condition.state == STATE.CONDITION_SUCCEEDED
    answer = httpx.post(f"{deployed.uri}/hooks/a?b=c%20d", content="hello", headers={"X-Key": "k"})
    told = answer.json()
    assert (answer.status_code, told["path"], told["body"]) == (201, "/hooks/a?b=c%20d", "hello")
    assert (told["word"], told["service"], told["key"]) == ("one", "gateway", "k")
    assert deployed.latest_ready_revision.endswith(told["revision"])


def test_answers_are_passed_on_as_they_come(deployed: run_v2.Service) -> None:
    """A stream is a stream."""
    with httpx.stream("GET", deployed.uri) as answer:
        assert list(answer.iter_lines()) == ["data: 0", "", "data: 1", ""]


def test_lines_of_a_service_are_its_revisions(
    cloud_run: CloudRun, deployed: run_v2.Service, logs: Logs
) -> None:
    """resource.type cloud_run_revision (https://cloud.google.com/run/docs/logging)."""
    httpx.post(deployed.uri)
    name = 'resource.type="cloud_run_revision" AND resource.labels.service_name="gateway"'
    eventually(lambda: logs.found(name) == ["served"])


def test_without_a_binding_nobody_gets_through(
    cloud_run: CloudRun, services: run_v2.ServicesClient, granting: Granting
) -> None:
    """roles/run.invoker to allUsers makes it public
    (https://cloud.google.com/run/docs/authenticating/public)."""
    service = create(cloud_run, services, wanted(cloud_run.image(SERVE)))
    assert httpx.post(service.uri).status_code == 403
    granting.grant(binding("roles/run.invoker", "allUsers"), resource=service.name, where=services)
    assert httpx.post(service.uri).status_code == 201


def test_an_account_may_be_the_only_invoker(
    cloud_run: CloudRun, services: run_v2.ServicesClient, granting: Granting
) -> None:
    """By its token (https://cloud.google.com/run/docs/authenticating/service-to-service)."""
    service = create(cloud_run, services, wanted(cloud_run.image(SERVE)))
    email = granting.account().email
    granting.grant(
        binding("roles/run.invoker", member(email)), resource=service.name, where=services
    )
    token = cloud_run.google.tickets.token(email).text
    assert httpx.post(service.uri).status_code == 403
    answer = httpx.post(service.uri, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201


def test_a_new_revision_takes_over_under_the_same_address(
    services: run_v2.ServicesClient, deployed: run_v2.Service
) -> None:
    """When it is ready (https://cloud.google.com/run/docs/managing/revisions)."""
    changed = run_v2.Service(deployed)
    changed.template.containers[0].env[0].value = "two"
    updated = services.update_service(service=changed).result(timeout=30)
    assert (updated.uri, updated.generation) == (deployed.uri, 2)
    assert updated.latest_ready_revision != deployed.latest_ready_revision
    assert httpx.post(updated.uri).json()["word"] == "two"


def test_a_revision_that_does_not_listen_never_takes_over(
    cloud_run: CloudRun, services: run_v2.ServicesClient, deployed: run_v2.Service
) -> None:
    """The old one goes on serving, and the service says why
    (https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start)."""
    changed = run_v2.Service(deployed)
    changed.template.containers[0].image = cloud_run.image("print('no server')")
    with pytest.raises(
        exceptions.GoogleAPICallError, match="failed to start and listen on the port"
    ):
        services.update_service(service=changed).result(timeout=30)
    found = services.get_service(name=deployed.name)
    assert found.terminal_condition.state == STATE.CONDITION_FAILED
    assert found.latest_ready_revision == deployed.latest_ready_revision
    assert httpx.post(deployed.uri).json()["word"] == "one"


def test_a_container_that_never_listens_runs_out_of_time(
    cloud_run: CloudRun, services: run_v2.ServicesClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four minutes (https://cloud.google.com/run/quotas); here a moment."""
    monkeypatch.setattr(service_life, "LONGEST_START", 0.2)
    service = wanted(cloud_run.image("import time; time.sleep(600)"))
    with pytest.raises(exceptions.GoogleAPICallError, match="within the allocated timeout"):
        create(cloud_run, services, service)


def test_a_mask_changes_only_what_it_names(
    services: run_v2.ServicesClient, deployed: run_v2.Service
) -> None:
    """UpdateServiceRequest.update_mask."""
    changed = run_v2.Service(name=deployed.name, description="the gateway")
    request = {"service": changed, "update_mask": {"paths": ["description"]}}
    updated = services.update_service(request=request).result(timeout=30)
    assert (updated.description, updated.template) == ("the gateway", deployed.template)
    assert updated.latest_ready_revision == deployed.latest_ready_revision


def test_a_deleted_service_answers_no_more(
    services: run_v2.ServicesClient, deployed: run_v2.Service
) -> None:
    """Neither at its address nor in the API."""
    services.delete_service(name=deployed.name).result(timeout=10)
    with pytest.raises(exceptions.NotFound):
        services.get_service(name=deployed.name)

    def closed() -> bool:
        try:
            return httpx.post(deployed.uri).status_code == 403
        except httpx.HTTPError:
            return True

    eventually(closed)


def test_what_a_service_is_refused_for(
    cloud_run: CloudRun, services: run_v2.ServicesClient
) -> None:
    """A name of at most 49 characters, variables that are Cloud Run's own, more instances than there may be
    (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services)."""
    container = {"image": cloud_run.image(SERVE), "env": [{"name": "PORT", "value": "1"}]}
    scaling = {"min_instance_count": 3, "max_instance_count": 2}
    service = run_v2.Service(template={"containers": [container], "scaling": scaling})
    with pytest.raises(exceptions.InvalidArgument) as raised:
        create(cloud_run, services, service, service_id="a" * 50)
    found = [violation.field for violation in raised.value.details[0].field_violations]
    assert found == [
        "service_id",
        "service.template.containers[0].env",
        "service.template.scaling",
    ]


def test_a_service_may_have_less_than_a_cpu(
    cloud_run: CloudRun, services: run_v2.ServicesClient
) -> None:
    """Unlike a job (https://cloud.google.com/run/docs/configuring/services/cpu)."""
    service = wanted(cloud_run.image(SERVE))
    service.template.containers[0].resources.limits = {"cpu": "500m", "memory": "256Mi"}
    made = create(cloud_run, services, service)
    assert made.terminal_condition.state == STATE.CONDITION_SUCCEEDED


def test_services_outlive_a_restart(
    cloud_run: CloudRun, services: run_v2.ServicesClient, deployed: run_v2.Service
) -> None:
    """A kept cloud serves them again, at a new address."""
    import pickle

    kept: Any = pickle.loads(pickle.dumps(cloud_run.google.kept()))  # noqa: S301 - our own
    cloud_run.google.reset()
    cloud_run.google.put_back(kept)

    def word() -> Any:
        uri = services.get_service(name=deployed.name).uri
        answer = httpx.post(uri)
        return answer.status_code == 201 and answer.json()["word"]

    assert eventually(word) == "one"


def test_a_dry_run_serves_nothing(cloud_run: CloudRun, services: run_v2.ServicesClient) -> None:
    """validate_only."""
    create(cloud_run, services, wanted(cloud_run.image(SERVE)), validate_only=True)
    assert list(services.list_services(parent=f"{PROJECT}/locations/europe-west1")) == []


def test_operations_may_take_their_time(
    services: run_v2.ServicesClient, deployed: run_v2.Service, manners: Callable[..., None]
) -> None:
    """A deletion that is not due leaves the service."""
    manners(operation_seconds=60)
    services.delete_service(name=deployed.name)
    assert httpx.post(deployed.uri).status_code == 201
