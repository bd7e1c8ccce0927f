"""Google over plain HTTP: one connection, the metadata server's token, and errors that say whether anything was sent."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.clouds.gcp_server import Server, served
from toolkit.clouds.gcp_errors import class_of
from toolkit.clouds.gcp_rest import Metadata, Rest, Unsent
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    ConfigError,
    Conflict,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.secrets import Secret

TOKEN = {"access_token": "ya29.hunter2", "expires_in": 3599, "token_type": "Bearer"}


def refused(status: int, word: str) -> tuple[int, dict[str, object]]:
    return status, {"error": {"code": status, "message": "why not", "status": word}}


def bearer() -> Secret:
    return Secret("ya29.hunter2")


@contextmanager
def rest(*answers: tuple[int, object] | None) -> Iterator[tuple[Rest, Server]]:
    """An API that answers so."""
    with served(*answers) as server, closing(Rest(f"http://{server.address}", bearer)) as made:
        yield made, server


def test_requests_share_one_connection() -> None:
    """A container is paid for by the moment, and a handshake takes several."""
    with rest((200, {"a": 1})) as (api, server):
        assert api.ask("GET", "/v1/x", "looking") == {"a": 1}
        assert api.ask("DELETE", "/v1/x", "deleting", query={"etag": '"1f"'}) == {"a": 1}
        assert server.connections == 1
    assert [asked.line.split()[:2] for asked in server.asked] == [
        ["GET", "/v1/x"],
        ["DELETE", "/v1/x?etag=%221f%22"],
    ]
    assert {asked.headers["Authorization"] for asked in server.asked} == {"Bearer ya29.hunter2"}


@pytest.mark.parametrize(
    ("status", "word", "ours", "name"),
    [
        (404, "NOT_FOUND", NotFound, "NotFound"),
        (403, "PERMISSION_DENIED", AccessDenied, "Forbidden"),
        (401, "UNAUTHENTICATED", AccessDenied, "Unauthenticated"),
        (400, "FAILED_PRECONDITION", Conflict, "FailedPrecondition"),
        (400, "INVALID_ARGUMENT", AlError, "InvalidArgument"),
        (409, "ABORTED", Conflict, "Aborted"),
        (429, "RESOURCE_EXHAUSTED", Throttled, "ResourceExhausted"),
        (503, "UNAVAILABLE", Unreachable, "ServiceUnavailable"),
        (500, "INTERNAL", Unreachable, "ServerError"),
    ],
)
def test_an_error_over_http_is_the_one_of_the_library(
    status: int, word: str, ours: type[AlError], name: str
) -> None:
    """The same words, by another way (https://cloud.google.com/apis/design/errors#http_mapping)."""
    with (
        rest(refused(status, word)) as (api, _),
        pytest.raises(ours, match="looking: why not") as raised,
    ):
        api.ask("GET", "/v1/x", "looking")
    assert class_of(raised.value) == name


def test_an_error_that_is_no_json_is_told_by_its_status() -> None:
    """A proxy's page, for instance."""
    with rest((502, "<html>")) as (api, _), pytest.raises(Unreachable, match="answered 502"):
        api.ask("GET", "/v1/x", "looking")


def test_a_lost_answer_is_told_from_a_connection_that_never_was() -> None:
    """What was sent may have happened; then the next request has a connection of its own."""
    with rest(None, (200, {})) as (api, _):
        with pytest.raises(Unreachable) as raised:
            api.ask("DELETE", "/v1/x", "deleting")
        assert not isinstance(raised.value, Unsent)
        assert api.ask("DELETE", "/v1/x", "deleting") == {}
    with pytest.raises(Unsent):
        api.ask("DELETE", "/v1/x", "deleting")


@pytest.mark.parametrize("base", ["http://10.0.0.1", "http://example.com", "ftp://127.0.0.1"])
def test_tokens_do_not_travel_in_the_clear(base: str) -> None:
    """Without TLS only to this machine."""
    with pytest.raises(ConfigError, match="without TLS"):
        Rest(base, bearer)


def test_a_token_is_asked_for_once_and_again_before_it_ends() -> None:
    """https://cloud.google.com/compute/docs/access/authenticate-workloads."""
    moment = [0.0]
    with served((200, TOKEN)) as server:
        metadata = Metadata(f"{server.address}/al/ticket", clock=lambda: moment[0])
        assert metadata.token().reveal() == metadata.token().reveal() == "ya29.hunter2"
        assert len(server.asked) == 1
        moment[0] = 3550.0
        metadata.token()
        assert len(server.asked) == 2
    assert server.asked[0].headers["Metadata-Flavor"] == "Google"
    assert server.asked[0].line.split()[1] == (
        "/al/ticket/computeMetadata/v1/instance/service-accounts/default/token"
    )


def test_a_container_without_an_account_says_so() -> None:
    """Its metadata server knows none."""
    with served((404, {})) as server, pytest.raises(NotFound, match="metadata server"):
        Metadata(server.address).token()


def test_the_container_loads_no_google_library() -> None:
    """They take longer than everything else that it does before the agent works."""
    code = "import toolkit.inside.platforms.gcp, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert not {"google", "grpc", "requests", "boto3"} & {m.split(".")[0] for m in loaded.split()}
