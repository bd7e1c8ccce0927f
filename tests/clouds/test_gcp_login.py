"""How `al` logs in to Google: application default credentials, federated ones among them, or a key of its own."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.clouds.gcp_server import served
from toolkit import wiring
from toolkit.clouds.gcp import SCOPE, GcpClients, gcp_clients_for
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.errors import AccessDenied
from toolkit.core.secrets import Secret

CLOUD = GcpCloud(project="shop-1", region="europe-west1", repository="images")
TOKEN = {
    "access_token": "federated",
    "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "token_type": "Bearer",
    "expires_in": 3600,
}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user whom Google does not know, in a process that has asked for nothing yet."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "AL_GCP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("toolkit.clouds.gcp._clients", {})


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def account(private_key: str, token_uri: str) -> str:
    """The JSON of a service account's key (https://cloud.google.com/iam/docs/keys-create-delete)."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "shop-1",
            "private_key_id": "1",
            "private_key": private_key,
            "client_email": "deployer@shop-1.iam.gserviceaccount.com",
            "token_uri": token_uri,
        }
    )


def federated(place: Path, token_url: str) -> Path:
    """The configuration that `gcloud iam workload-identity-pools create-cred-config` writes for a CI job
    (https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines)."""
    (place / "token").write_text("the-ci-jobs-own-token")
    config = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/ci/providers/forge",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": token_url,
        "credential_source": {"file": str(place / "token")},
    }
    (place / "federation.json").write_text(json.dumps(config))
    return place / "federation.json"


def test_a_federated_token_is_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's own token goes to the token service, and what comes back is what we ask Google with: no key anywhere."""
    with served((200, TOKEN)) as server:
        file = federated(tmp_path, f"http://{server.address}/v1/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert GcpClients(CLOUD).token().reveal() == "federated"
    asked = parse_qs(server.asked[0].body)
    assert asked["subject_token"] == ["the-ci-jobs-own-token"]
    assert asked["grant_type"] == ["urn:ietf:params:oauth:grant-type:token-exchange"]
    assert asked["scope"] == [SCOPE]


def test_a_federated_token_that_is_refused_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the service's words, and without the token."""
    refusal = {"error": "invalid_grant", "error_description": "The audience is wrong."}
    with served((400, refusal)) as server:
        file = federated(tmp_path, f"http://{server.address}/v1/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        with pytest.raises(AccessDenied, match="audience is wrong") as raised:
            GcpClients(CLOUD).token()
    assert "the-ci-jobs-own-token" not in str(raised.value)


def test_a_stored_key_is_what_al_logs_in_with(private_key: str, tmp_path: Path) -> None:
    """`al creds add gcp_service_account`; it is signed with, and never sent."""
    with served((200, TOKEN)) as server:
        key = Secret(account(private_key, f"http://{server.address}/token"))
        services = wiring.services(None, environment(), directory=tmp_path)
        services.local_store.put(wiring.GCP_KEY, key, tags={})
        assert gcp_clients_for(CLOUD).token().reveal() == "federated"
    assert "PRIVATE KEY" not in server.asked[0].body
    assert parse_qs(server.asked[0].body)["assertion"]


def test_application_default_credentials_come_before_the_key(
    private_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever names a file in the environment means it."""
    with served((200, TOKEN)) as server:
        file = federated(tmp_path, f"http://{server.address}/v1/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        key = Secret(account(private_key, "http://127.0.0.1:9/token"))
        assert GcpClients(CLOUD, lambda: key).token().reveal() == "federated"


def test_the_key_is_not_read_before_google_is_asked(tmp_path: Path) -> None:
    """A verb that asks Google nothing opens no secret."""
    read: list[Any] = []
    clients = GcpClients(CLOUD, lambda: read.append(1))  # type: ignore[func-returns-value, arg-type]
    wiring.services(None, environment(), directory=tmp_path)
    assert clients.parent == "projects/shop-1"
    assert read == []


def test_the_embedded_cloud_gets_no_key(tmp_path: Path) -> None:
    """The user's own are never shown to the sandbox."""
    cloud = GcpCloud(project="p", region="r", repository="i", endpoint="127.0.0.1:9")
    clients = GcpClients(cloud, lambda: pytest.fail("the key was read"))
    assert clients.token().reveal() == "sandbox"


def environment() -> Environment:
    return Environment(
        name="production", scope=Scope(project="shop", environment="production"), cloud=CLOUD
    )
