"""Google's clients and errors, without Google."""

import json
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from google.cloud import secretmanager_v1

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import class_of, disabled, translated
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    AlreadyExists,
    ConfigError,
    Conflict,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.secrets import Secret

CLOUD = GcpCloud(project="shop-1", region="europe-west1", repository="images")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (exceptions.NotFound, NotFound),
        (exceptions.AlreadyExists, AlreadyExists),
        (exceptions.PermissionDenied, AccessDenied),
        (exceptions.Unauthenticated, AccessDenied),
        (exceptions.Aborted, Conflict),
        (exceptions.FailedPrecondition, Conflict),
        (exceptions.ResourceExhausted, Throttled),
        (exceptions.ServiceUnavailable, Unreachable),
        (exceptions.DeadlineExceeded, Unreachable),
        (exceptions.InternalServerError, Unreachable),
        (exceptions.InvalidArgument, AlError),
    ],
)
def test_each_of_googles_errors_is_one_of_ours(
    theirs: type[exceptions.GoogleAPICallError], ours: type[AlError]
) -> None:
    """By gRPC's code (https://cloud.google.com/apis/design/errors)."""
    with (
        pytest.raises(ours, match="reading the secret: why") as raised,
        translated("reading the secret"),
    ):
        raise theirs("why")
    assert raised.value.hint
    assert class_of(raised.value) == theirs.__name__


def test_a_disabled_api_is_a_matter_of_configuration() -> None:
    """What to do is in the hint: four are enabled by hand before a first push, and that enables the others."""
    words = "Cloud Run Admin API has not been used in project 1 before or it is disabled"
    with pytest.raises(ConfigError) as raised, translated("looking at jobs"):
        raise exceptions.PermissionDenied(words)
    for api in ("Cloud Resource Manager", "Service Usage", "IAM", "Cloud Firestore"):
        assert api in raised.value.hint
    assert disabled(raised.value)
    assert not disabled(ConfigError("no project", hint="-"))


@pytest.mark.parametrize(("chosen", "counted"), [(None, "acme"), ("mine", "mine")])
def test_calls_of_a_person_s_own_login_are_counted_in_the_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: str | None, counted: str
) -> None:
    """Such a login belongs to no project, and Service Usage and others refuse it then
    (https://cloud.google.com/docs/quotas/set-quota-project)."""
    login = {
        "type": "authorized_user",
        "client_id": "i",
        "client_secret": "s",
        "refresh_token": "t",
    }
    file = tmp_path / "login.json"
    file.write_text(json.dumps(login | ({"quota_project_id": chosen} if chosen else {})))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.delenv("AL_GCP_ENDPOINT", raising=False)
    clients = GcpClients(GcpCloud(project="acme", region="r", repository="i"))
    assert clients.credentials.quota_project_id == counted


def test_a_revision_that_does_not_start_is_not_said_to_be_busy() -> None:
    """FAILED_PRECONDITION otherwise means that something else is changing it
    (https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start)."""
    words = "Revision 'gateway-00001-abc' is not ready and cannot serve traffic."
    with pytest.raises(AlError) as raised, translated("making the service gateway"):
        raise exceptions.FailedPrecondition(words)
    assert "Cloud Logging says why" in raised.value.hint


def test_a_refused_login_says_why_without_the_whole_answer() -> None:
    """google.auth puts what it was told, or what went wrong below it, beside its own words."""
    with pytest.raises(AccessDenied) as raised, translated("getting an access token"):
        raise RefreshError("invalid_grant: Bad key", {"error": "invalid_grant"})  # type: ignore[no-untyped-call]
    assert raised.value.message == "getting an access token: invalid_grant: Bad key"
    with pytest.raises(AccessDenied) as raised, translated("looking for Google credentials"):
        raise DefaultCredentialsError("cannot load x.json", ValueError("no token_uri"))  # type: ignore[no-untyped-call]
    assert raised.value.message.endswith("cannot load x.json; no token_uri")


def test_other_errors_pass() -> None:
    """Our own mistakes are not the cloud's."""
    with pytest.raises(KeyError), translated("anything"):
        raise KeyError("x")


@pytest.mark.parametrize("endpoint", ["10.0.0.1:80", "example.com:443", "127.0.0.1.example.com:80"])
def test_an_endpoint_without_tls_must_be_on_this_machine(endpoint: str) -> None:
    """Tokens and secrets would travel in the clear."""
    clients = GcpClients(GcpCloud(project="p", region="r", repository="i", endpoint=endpoint))
    with pytest.raises(ConfigError, match="not on this machine"):
        clients.client(secretmanager_v1.SecretManagerServiceClient)


def test_a_broken_key_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the message nor in a cause that a traceback would show."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    clients = GcpClients(CLOUD, lambda: Secret('{"private_key": "hunter2"}'))
    with pytest.raises(ConfigError, match="key cannot be used") as raised:
        _ = clients.credentials
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_number_that_is_known_is_not_asked_for() -> None:
    """The environment's file may name it."""
    known = GcpCloud(project="p", region="r", repository="i", number="42")
    assert GcpClients(known).number == "42"
