"""The gateway describes itself: every route of the API is there, with every status that it can give."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from gateway.app import ROOMS, create_app
from gateway.auth import OPEN
from gateway.routes import later
from tests.services import FakeServices

from .shop import Shop

# method, path, statuses that the API promises beside those of every route
ROUTES = [
    ("get", "/health", "200"),
    ("post", "/shutdown", "200 400 403"),
    ("post", "/locks/acquire", "200 400 403 409"),
    ("post", "/locks/release", "200 400 403 404 409"),
    ("post", "/locks/heartbeat", "200 400 403 404 409"),
    ("get", "/locks/list", "200 400 403"),
    ("get", "/locks/status", "200 401"),
    ("post", "/calls", "200 400 403 409"),
    ("get", "/calls/{call}", "200 400 403 404"),
    ("post", "/signals/rerun", "200 400 403"),
    ("post", "/signals/status", "200 400 403"),
    ("post", "/signals/trigger", "200 400 403"),
    ("post", "/signals/return", "200 400 403"),
    ("get", "/webhooks/{kind}", "200 400 404"),
    ("post", "/webhooks/{kind}", "200 400 401 404 413"),
    ("post", "/webhooks/{kind}/{source}", "200 400 401 404 413"),
    ("post", "/api/webhooks/{receipt}/replay", "200 400 401 404"),
    ("get", "/control/instances", "200 401 503"),
    ("get", "/control/status", "200 401 503"),
    ("post", "/control/kill/{run}", "200 401 404 500"),
    ("post", "/control/pause", "200 401 500"),
    ("post", "/control/resume", "200 401 500"),
    ("post", "/control/stop", "200 401 503"),
    ("post", "/control/trigger/{agent}", "200 400 401 404 409 503"),
    ("post", "/control/agents/{agent}/enable", "200 401 404 503"),
    ("post", "/control/agents/{agent}/disable", "200 401 404 503"),
    ("post", "/control/agents/{agent}/pause", "200 401 404 503"),
    ("post", "/control/agents/{agent}/resume", "200 401 404 503"),
    ("post", "/control/agents/{agent}/kill", "200 401 404"),
    ("post", "/control/project/scale", "200 400 401 503"),
    ("post", "/control/agents/{agent}/scale", "200 400 401 404"),
    ("post", "/api/auth/login", "200 401 429"),
    ("get", "/api/auth/check", "200 401"),
    ("post", "/api/auth/logout", "200"),
    ("get", "/dashboard/api/status-stream", "200 401"),
    ("get", "/dashboard/api/locks", "200 401"),
    ("get", "/api/dashboard/status", "200 401"),
    ("get", "/api/dashboard/agents/{agent}", "200 401 404"),
    ("get", "/api/dashboard/agents/{agent}/instances/{run}", "200 401 404"),
    ("get", "/api/dashboard/agents/{agent}/skill", "200 401 404"),
    ("get", "/api/dashboard/triggers/{run}", "200 401 404"),
    ("get", "/api/dashboard/config", "200 401"),
    ("get", "/api/logs/agents/{agent}", "200 400 401 404"),
    ("get", "/api/logs/agents/{agent}/{run}", "200 400 401 404"),
    ("get", "/api/stats/agents/{agent}/runs", "200 400 401"),
    ("get", "/api/stats/agents/{agent}/runs/{run}", "200 401"),
    ("get", "/api/stats/triggers", "200 400 401"),
    ("get", "/api/stats/jobs", "200 400 401"),
    ("get", "/api/stats/activity", "200 400 401"),
    ("get", "/api/stats/webhooks/{receipt}", "200 401 404"),
    ("get", "/api/runs", "200 400 401"),
    ("get", "/api/runs/{run}", "200 400 401 404"),
]  # fmt: skip


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    """The description's paths; nothing is asked of the services for them."""
    document: dict[str, Any] = create_app(FakeServices(directory=None)).openapi()  # type: ignore[arg-type]
    return dict(document["paths"])


@pytest.mark.parametrize(("method", "path", "statuses"), ROUTES)
def test_a_route_is_described_with_its_statuses(
    paths: dict[str, Any], method: str, path: str, statuses: str
) -> None:
    """Each of the API's routes."""
    described = set(paths[path][method]["responses"])
    assert set(statuses.split()) <= described


def test_every_answer_says_what_it_is(paths: dict[str, Any]) -> None:
    """No route answers something without a schema, and none claims FastAPI's own 422."""
    answers = [a for ops in paths.values() for op in ops.values() for a in op["responses"].items()]
    assert [status for status, answer in answers if not answer.get("content")] == []
    assert "422" not in {status for status, _ in answers}


def test_every_route_says_who_may_ask(paths: dict[str, Any]) -> None:
    """The open ones are exactly those that the guard lets through."""
    unguarded = {p for p, ops in paths.items() for op in ops.values() if not op["security"]}
    assert unguarded == {path for path in paths if OPEN.fullmatch(path)}


def test_every_served_route_is_described(paths: dict[str, Any]) -> None:
    """But those that come later."""
    served = {route.path for room in ROOMS for route in room.router.routes}  # type: ignore[attr-defined]
    assert served - set(paths) == {path for _, path, _ in later.LATER}


def test_no_route_hides_another(shop: Shop) -> None:
    """What is asked for by its own path is answered by its own route, not by one that comes later."""
    assert shop.get("/dashboard/api/locks") == (200, {"locks": []})
    assert shop.get("/dashboard/agents/dev")[0] == 503


def test_the_description_needs_the_key(shop: Shop) -> None:
    """Nobody else learns which routes there are."""
    assert TestClient(shop.app).get("/api/openapi.json").status_code == 401
    assert shop.client.get("/api/openapi.json").json()["components"]["securitySchemes"]
