"""What a container sees over HTTP: its metadata server, and Secret Manager's REST.

https://cloud.google.com/run/docs/container-contract#metadata-server
"""

import os
import subprocess
import sys
from dataclasses import dataclass

import httpx
import pytest

from moto_tests.gcp.granting import Granting
from toolkit.sandbox.gcp.cloud import Google

FLAVOR = {"Metadata-Flavor": "Google"}


@dataclass(frozen=True)
class Container:
    """Something that runs as an account of the embedded cloud."""

    google: Google
    email: str
    ticket: str

    def look(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        url = f"http://{self.google.http}/al/{self.ticket}/computeMetadata/v1/{path}"
        return httpx.get(url, headers=FLAVOR if headers is None else headers)

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Of Secret Manager, with the account's token."""
        token = self.look("instance/service-accounts/default/token").json()["access_token"]
        url = f"http://{self.google.http}/v1/projects/al-sandbox/secrets/{path}"
        return httpx.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def container(google: Google, granting: Granting) -> Container:
    """One that may claim the secrets of the agent `dev`."""
    email = str(granting.claimer().email)
    return Container(google, email, google.tickets.issue(email))


@pytest.mark.parametrize(
    "headers", [{}, {"Metadata-Flavor": "google"}, {**FLAVOR, "X-Forwarded-For": "10.0.0.1"}]
)
def test_the_metadata_server_wants_its_header(
    container: Container, headers: dict[str, str]
) -> None:
    """So that no web page gets a token (https://cloud.google.com/compute/docs/metadata/querying-metadata)."""
    path = "instance/service-accounts/default/token"
    assert container.look(path, headers).status_code == 403


def test_the_metadata_server_knows_project_and_account(container: Container) -> None:
    """https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys"""
    found = [
        container.look(path).text
        for path in (
            "project/project-id",
            "project/numeric-project-id",
            "instance/region",
            "instance/service-accounts/default/email",
        )
    ]
    region = "projects/123456789012/regions/europe-west1"
    assert found == ["al-sandbox", "123456789012", region, container.email]
    answer = container.look("project/project-id")
    assert answer.headers["Metadata-Flavor"] == "Google"
    assert container.look("project/nothing").status_code == 404


def test_a_container_that_has_ended_gets_no_more_tokens(container: Container) -> None:
    """Its ticket ends with it."""
    container.google.tickets.end(container.ticket)
    assert container.look("instance/service-accounts/default/token").status_code == 404


def test_a_secret_is_claimed_over_rest(container: Container, granting: Granting) -> None:
    """Read, destroyed with its etag, deleted (https://cloud.google.com/secret-manager/docs/reference/rest)."""
    version = granting.secret("run--dev--1", b"hunter2")
    read = container.ask("GET", "run--dev--1/versions/1:access").json()
    assert read["payload"] == {"data": "aHVudGVyMg==", "dataCrc32c": read["payload"]["dataCrc32c"]}
    etag = {"etag": version.etag}
    assert (
        container.ask("POST", "run--dev--1/versions/1:destroy", etag).json()["state"] == "DESTROYED"
    )
    again = container.ask("POST", "run--dev--1/versions/1:destroy", etag)
    assert (again.status_code, again.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert container.ask("DELETE", "run--dev--1").json() == {}
    gone = container.ask("DELETE", "run--dev--1")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, 404)


def test_a_foreign_secret_is_refused_over_rest(container: Container, granting: Granting) -> None:
    """403 with the permission that is missing (https://cloud.google.com/apis/design/errors)."""
    granting.secret("run--other--1")
    answer = container.ask("GET", "run--other--1/versions/1:access")
    detail = answer.json()["error"]["details"][0]
    assert (answer.status_code, detail["reason"]) == (403, "IAM_PERMISSION_DENIED")
    assert detail["metadata"]["permission"] == "secretmanager.versions.access"
    assert "hunter2" not in answer.text


def test_a_container_may_not_look_at_its_secret(container: Container, granting: Granting) -> None:
    """Claiming needs three permissions, and neither `secrets.get` nor `versions.get` is one."""
    granting.secret("run--dev--1")
    assert container.ask("GET", "run--dev--1").status_code == 403
    assert container.ask("GET", "run--dev--1/versions/1").status_code == 403


def test_a_body_that_is_no_json_is_refused(google: Google) -> None:
    """400, as for any other INVALID_ARGUMENT."""
    url = f"http://{google.http}/v1/projects/al-sandbox/secrets/a/versions/1:destroy"
    assert httpx.post(url, content=b"{").status_code == 400
    assert httpx.post(url, json={"no": "field"}).status_code == 400


def test_a_browser_is_refused(container: Container) -> None:
    """Whatever page it shows."""
    headers = {**FLAVOR, "Origin": "http://example.com"}
    assert container.look("project/project-id", headers).status_code == 403


PROGRAM = """
import sys
from google.cloud import secretmanager_v1
from google.api_core import exceptions
from toolkit.clouds.gcp import GcpClients
from toolkit.core.environment import GcpCloud

clients = GcpClients(GcpCloud(project="al-sandbox", region="europe-west1", repository="al"))
secrets = clients.client(secretmanager_v1.SecretManagerServiceClient)
own, foreign = (f"projects/al-sandbox/secrets/run--{name}--1/versions/1" for name in ("dev", "other"))
print(secrets.access_secret_version(name=own).payload.data.decode())
try:
    secrets.access_secret_version(name=foreign)
except exceptions.PermissionDenied:
    print("refused")
"""


def test_google_s_libraries_find_the_account_by_themselves(
    container: Container, granting: Granting
) -> None:
    """google-auth asks the metadata server that the environment names, and `al`'s clients send what it gave."""
    granting.secret("run--dev--1", b"own")
    granting.secret("run--other--1")
    env = {**os.environ, **container.google.surroundings(container.ticket)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["own", "refused"], done.stderr
