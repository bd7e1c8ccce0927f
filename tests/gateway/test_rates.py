"""Who guesses has to wait, and nobody can make somebody else wait."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.auth import FAILED_KEYS
from gateway.deployment import dump, load
from gateway.rates import MOST_ADDRESSES, Limiter, Rate, address_of, networks
from gateway.routes.auth import LOG_INS
from tests.fakes import FakeClock
from toolkit.config.schema import Gateway

from .place import BEARER, KEY, Place
from .shop import Shop

PROXIES = networks(["10.0.0.0/8", "::1"])


def scope(peer: str, *forwarded: str) -> dict[str, object]:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return {"type": "http", "client": (peer, 1), "headers": headers}


def test_the_rate_is_a_sliding_window() -> None:
    """So many within any minute; the wait is until the oldest of them is a minute old."""
    clock = FakeClock()
    limiter = Limiter(Rate(most=2, seconds=60), clock=clock.monotonic)
    assert limiter.take("a") == 0
    clock.sleep(30)
    assert (limiter.take("a"), limiter.take("a")) == (0, 30)
    clock.sleep(30)
    assert (limiter.take("a"), limiter.take("a")) == (0, 30)


def test_of_many_at_once_no_more_go_on() -> None:
    """Who asks for leave is counted in the same moment."""

    def clock() -> float:
        time.sleep(0.001)  # others come in meanwhile
        return 7.0

    limiter = Limiter(Rate(most=3), clock=clock)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(limiter.take, ["a"] * 24))
    assert waits.count(0) == 3


def test_addresses_are_counted_apart_and_forgotten() -> None:
    """Memory is bounded however many there are."""
    limiter = Limiter(Rate(most=1))
    for number in range(MOST_ADDRESSES + 1):
        limiter.note(str(number))
    assert (limiter.wait("0"), limiter.wait("1") > 0) == (0, True)


def test_wrong_keys_are_limited_by_address(shop: Shop) -> None:
    """429 with Retry-After, and then not even the right key is looked at: guessing has to wait."""
    wrong = {"Authorization": "Bearer wrong"}
    answers = [
        shop.client.get("/api/runs", headers=wrong).status_code for _ in range(FAILED_KEYS.most)
    ]
    assert set(answers) == {401}
    refused = shop.client.get("/api/runs", headers=wrong)
    assert (refused.status_code, set(refused.json())) == (429, {"error", "hint"})
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert shop.client.get("/api/runs").status_code == 429


def test_somebody_elses_wrong_keys_do_not_count(shop: Shop) -> None:
    """Another address has its own count."""
    stranger = TestClient(shop.app, client=("192.0.2.1", 1), headers={"Authorization": "Bearer no"})
    for _ in range(FAILED_KEYS.most + 1):
        stranger.get("/api/runs")
    assert stranger.get("/api/runs").status_code == 429
    assert shop.client.get("/api/runs").status_code == 200


def test_the_right_key_is_never_limited(shop: Shop) -> None:
    """Only what failed counts."""
    answers = {shop.client.get("/api/auth/check").status_code for _ in range(FAILED_KEYS.most * 2)}
    assert answers == {200}


def test_log_ins_are_limited(shop: Shop) -> None:
    """429 after so many wrong keys; a good log-in does not count."""
    for _ in range(LOG_INS.most + 1):
        assert shop.post("/api/auth/login", key=KEY)[0] == 200
    tries = [shop.post("/api/auth/login", key="wrong")[0] for _ in range(LOG_INS.most)]
    assert set(tries) == {401}
    answer = shop.client.post("/api/auth/login", json={"key": KEY})
    assert (answer.status_code, "retry-after" in answer.headers) == (429, True)


def test_a_forwarded_address_is_not_believed(shop: Shop) -> None:
    """Whoever writes the header himself gets no new count by it."""
    for number in range(FAILED_KEYS.most):
        headers = {"Authorization": "Bearer no", "X-Forwarded-For": f"192.0.2.{number}"}
        shop.client.get("/api/runs", headers=headers)
    headers = BEARER | {"X-Forwarded-For": "198.51.100.1"}
    assert shop.client.get("/api/runs", headers=headers).status_code == 429


def test_a_trusted_proxys_word_counts() -> None:
    """Read from the right: what the client wrote itself is left of what the proxy added."""
    assert address_of(scope("10.0.0.1", "6.6.6.6, 192.0.2.7"), PROXIES) == "192.0.2.7"
    assert address_of(scope("10.0.0.1", "6.6.6.6", "192.0.2.7, 10.1.1.1"), PROXIES) == "192.0.2.7"
    assert address_of(scope("192.0.2.9", "6.6.6.6"), PROXIES) == "192.0.2.9"
    assert address_of(scope("10.0.0.1", "nonsense"), PROXIES) == "10.0.0.1"
    assert address_of(scope("10.0.0.1"), PROXIES) == "10.0.0.1"


def test_one_site_is_one_address() -> None:
    """Who has an IPv6 network has 2^64 addresses; a mapped IPv4 address is that."""
    assert address_of(scope("2001:db8::1")) == address_of(scope("2001:db8::2")) == "2001:db8::"
    assert address_of(scope("::ffff:192.0.2.1")) == "192.0.2.1"
    assert address_of({"type": "http", "client": None, "headers": []}) == "unknown"


def test_the_configured_proxies_are_the_trusted_ones(place: Place) -> None:
    """`[gateway] trustedProxies`, also in what push bakes for a deployed gateway."""
    context = place.services.context
    environment = replace(context.environment, trusted_proxies=("10.0.0.0/8",))
    baked = context.project / "deployment.json"
    baked.parent.mkdir(parents=True, exist_ok=True)
    baked.write_text(json.dumps(dump(environment)))
    assert load(baked).environment.trusted_proxies == ("10.0.0.0/8",)
    services = replace(place.services, context=replace(context, environment=environment))
    proxy = TestClient(create_app(services), client=("10.0.0.1", 1), headers=BEARER)
    for _ in range(FAILED_KEYS.most):
        proxy.get(
            "/api/runs", headers={"Authorization": "Bearer no", "X-Forwarded-For": "192.0.2.1"}
        )
    assert proxy.get("/api/runs", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 429
    assert proxy.get("/api/runs", headers={"X-Forwarded-For": "192.0.2.2"}).status_code == 200


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.1/8", "10.0.0.0/33", ""])
def test_a_proxy_that_is_no_network_is_refused(text: str) -> None:
    """When the configuration is read, not when a request comes in."""
    with pytest.raises(ValidationError, match="no address and no network"):
        Gateway.model_validate({"trustedProxies": [text]})
