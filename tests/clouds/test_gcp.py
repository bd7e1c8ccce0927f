"""Google's clients and errors, without Google."""

import pytest
from google.api_core import exceptions
from google.cloud import secretmanager_v1

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import class_of, translated
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
    """What to do is in the hint."""
    words = "Cloud Run Admin API has not been used in project 1 before or it is disabled"
    with pytest.raises(ConfigError), translated("looking at jobs"):
        raise exceptions.PermissionDenied(words)


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
