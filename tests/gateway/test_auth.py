"""Nobody without the key learns anything, and nobody with it is kept out for long."""

import logging

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from gateway.app import create_app
from gateway.auth import KEY_SECONDS, KeyRing
from tests.fakes import FakeClock
from toolkit.core.errors import CredentialError, Unreachable
from toolkit.core.secrets import Secret

from .place import BEARER, KEY, Place

CLOSED = [
    "/api/logs/agents/dev", "/api/logs/agents/dev/dev-00000001", "/api/logs/scheduler", "/api/runs", "/api/runs/dev-1",
    "/control/status", "/control/kill/x", "/locks/status", "/api/docs", "/api/openapi.json", "/dashboard/api/locks",
    "/nothing", "/", "/health/", "//health", "/health/../api/runs", "/%2e%2e/api/runs", "/API/runs", "/webhooks/a/b/c",
]  # fmt: skip


@pytest.mark.parametrize("path", CLOSED)
def test_everything_but_the_open_paths_needs_the_key(client: TestClient, path: str) -> None:
    """Also what does not exist: a stranger cannot tell."""
    answer = client.get(path, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}", KEY, "Bearer é"],
)  # fmt: skip
def test_only_the_exact_key_opens(client: TestClient, header: str) -> None:
    """No prefix, no other scheme, no strange bytes."""
    answer = client.get("/api/runs", headers={"Authorization": header.encode()})
    assert answer.status_code == 401


def test_the_scheme_is_read_in_any_case(client: TestClient) -> None:
    """RFC 9110: the scheme is case-insensitive."""
    assert client.get("/api/runs", headers={"Authorization": f"bearer {KEY}"}).status_code == 200


def test_no_websocket_comes_in(client: TestClient) -> None:
    """What no route serves yet is closed before it exists."""
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("/chat/ws/1") as socket,
    ):
        socket.receive_text()
    assert refused.value.code == 1008


def test_the_api_describes_itself_to_who_has_the_key(client: TestClient) -> None:
    """No documentation page is open."""
    assert "/api/runs" in client.get("/api/openapi.json").json()["paths"]


def test_health_is_open_and_says_nothing(client: TestClient) -> None:
    """A load balancer has no key."""
    answer = client.get("/health", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_a_key_the_gateway_is_closed(place: Place) -> None:
    """An environment whose key is missing answers 503 with the reason, and nothing else."""
    place.services.local_store.delete("gateway_api_key/default/key")
    with TestClient(create_app(place.services), headers=BEARER) as client:
        answer = client.get("/api/runs")
    assert (answer.status_code, answer.json()["error"]) == (503, "the gateway has no API key")


def test_an_empty_key_is_no_key(place: Place) -> None:
    """An empty bearer token must not open an empty lock."""
    place.services.local_store.put("gateway_api_key/default/key", Secret(""), tags={})
    with TestClient(create_app(place.services)) as client:
        answer = client.get("/api/runs", headers={"Authorization": "Bearer "})
    assert answer.status_code == 503


def test_a_rotated_key_works_without_a_restart() -> None:
    """The new key at once after a failed try, the old one for at most a minute."""
    clock, keys = FakeClock(), [Secret("old")]
    ring = KeyRing(lambda: keys[-1], clock=clock.monotonic)
    assert ring.accepts(b"old")
    keys.append(Secret("new"))
    clock.sleep(6)
    assert (ring.accepts(b"old"), ring.accepts(b"new")) == (True, True)
    clock.sleep(KEY_SECONDS)
    assert (ring.accepts(b"old"), ring.accepts(b"new")) == (False, True)


def test_wrong_keys_do_not_make_the_store_busy() -> None:
    """A thousand guesses are a few looks at the store."""
    clock, looks = FakeClock(), list[int]()
    ring = KeyRing(lambda: looks.append(1) or Secret("right"), clock=clock.monotonic)  # type: ignore[func-returns-value]
    assert not any(ring.accepts(b"wrong") for _ in range(1000))
    assert len(looks) == 1


def test_a_store_that_fails_closes_the_gateway() -> None:
    """The last known key is not good for ever."""

    clock = FakeClock()

    def load() -> Secret:
        if clock.monotonic() > 0:
            raise Unreachable("the store does not answer", hint="wait")
        return Secret("key")

    ring = KeyRing(load, clock=clock.monotonic)
    assert ring.accepts(b"key")
    clock.sleep(KEY_SECONDS)
    with pytest.raises(Unreachable):
        ring.accepts(b"key")


def test_a_missing_key_is_looked_for_again() -> None:
    """The first push makes it; the gateway need not be restarted."""
    keys: list[Secret | None] = [None]
    ring = KeyRing(lambda: keys[-1])
    with pytest.raises(CredentialError):
        ring.accepts(b"key")
    keys.append(Secret("key"))
    assert ring.accepts(b"key")


def test_the_access_log_has_no_query_and_no_key(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands in a query or a header is nobody's to read in a log."""
    with caplog.at_level(logging.DEBUG, "al.gateway"):
        client.get("/api/runs?secret=hunter2")
        client.get("/api/runs/x?secret=hunter2", headers={"Authorization": "Bearer hunter3"})
    assert "/api/runs" in caplog.text
    assert not {"hunter2", "hunter3", KEY} & set(caplog.text.split())
    assert "hunter" not in caplog.text
