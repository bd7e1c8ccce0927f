"""Logging in with a browser: what the cookie is, what it opens, and how it ends."""

import re

import pytest
from starlette.testclient import TestClient

from gateway.auth import KeyRing
from gateway.sessions import COOKIE, FACT, MOST, Sessions, superfluous
from tests.fakes import FakeClock, MemoryLedger
from toolkit.core.secrets import Secret

from .place import KEY
from .shop import Shop

NO_KEY = {"Authorization": ""}


@pytest.fixture
def browser(shop: Shop) -> TestClient:
    """Somebody without the key in a header."""
    return TestClient(shop.app, headers=NO_KEY, base_url="https://agents.example.com")


def log_in(browser: TestClient) -> str:
    """The Set-Cookie header of a good log-in; the browser keeps the cookie."""
    answer = browser.post("/api/auth/login", json={"key": KEY})
    assert answer.status_code == 200
    return answer.headers["set-cookie"]


def test_a_session_opens_what_the_key_opens(browser: TestClient) -> None:
    """From the log-in to the log-out."""
    assert browser.get("/api/auth/check").status_code == 401
    log_in(browser)
    assert browser.get("/api/auth/check").json() == {"authenticated": True}
    cookie = f"{COOKIE}={browser.cookies[COOKIE]}"
    assert browser.post("/api/auth/logout").status_code == 200
    assert browser.get("/api/auth/check").status_code == 401
    assert browser.get("/api/auth/check", headers={"cookie": cookie}).status_code == 401


def test_the_cookie_is_for_this_site_and_no_script(browser: TestClient) -> None:
    """HttpOnly, SameSite=Strict, Secure, for 24 hours, and its value is 32 random bytes."""
    value, *flags = log_in(browser).split("; ")
    assert re.fullmatch(rf"{COOKIE}=[0-9a-f]{{64}}", value)
    assert flags == ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=86400", "Secure"]


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_on_this_machine_the_cookie_needs_no_tls(browser: TestClient, host: str) -> None:
    """A browser would not keep a Secure cookie of http://localhost."""
    answer = browser.post("/api/auth/login", json={"key": KEY}, headers={"host": host})
    assert "Secure" not in answer.headers["set-cookie"]


def test_a_log_out_takes_the_cookie_away(browser: TestClient) -> None:
    """Also from the browser."""
    log_in(browser)
    flags = browser.post("/api/auth/logout").headers["set-cookie"]
    assert flags.startswith(f"{COOKIE}=; ")
    assert "Max-Age=0" in flags


def test_a_wrong_key_begins_no_session(browser: TestClient, shop: Shop) -> None:
    """401, no cookie, nothing kept."""
    for key in ("wrong", "", None, KEY[:-1]):
        answer = browser.post("/api/auth/login", json={"key": key})
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert shop.ledger.facts(FACT) == {}


def test_the_key_is_no_cookie(browser: TestClient) -> None:
    """Nor is anything else that the browser could make up."""
    for value in (KEY, "0" * 64, "x", "", "é"):
        answer = browser.get("/api/auth/check", headers={"cookie": f"{COOKIE}={value}".encode()})
        assert answer.status_code == 401


def test_the_ledger_keeps_no_session_that_opens(browser: TestClient, shop: Shop) -> None:
    """Who reads it learns neither a session's id nor the key."""
    log_in(browser)
    kept = str(shop.ledger.facts(FACT))
    assert browser.cookies[COOKIE] not in kept
    assert KEY not in kept


def test_every_gateway_knows_the_session(browser: TestClient, client: TestClient) -> None:
    """It is the environment's, not one process's."""
    log_in(browser)
    cookie = f"{COOKIE}={browser.cookies[COOKIE]}"
    answer = client.get("/api/auth/check", headers=NO_KEY | {"cookie": cookie})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example.com"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
    ],
)
def test_another_site_cannot_use_the_session(
    browser: TestClient, shop: Shop, headers: dict[str, str]
) -> None:
    """403 where the browser says that somebody else made it send a change."""
    log_in(browser)
    assert browser.post("/control/pause", headers=headers).status_code == 403
    assert browser.post("/api/auth/logout", headers=headers).status_code == 403
    assert shop.get("/control/status")[1]["scheduler"]["paused"] is False


@pytest.mark.parametrize(
    "headers", [{"origin": "https://agents.example.com"}, {"sec-fetch-site": "same-origin"}, {}]
)
def test_the_gateways_own_pages_can_use_it(browser: TestClient, headers: dict[str, str]) -> None:
    """Origin and host are the same."""
    log_in(browser)
    assert browser.post("/control/pause", headers=headers).status_code == 200


def test_a_browser_that_wants_a_page_is_sent_to_the_log_in(browser: TestClient) -> None:
    """Nobody reads JSON in a browser's window."""
    answer = browser.get("/dashboard", headers={"accept": "text/html,*/*"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "/login")
    assert browser.post("/control/pause", headers={"accept": "text/html"}).status_code == 401


def sessions(ledger: MemoryLedger, clock: FakeClock, key: str = "key") -> Sessions:
    return Sessions(ledger, KeyRing(lambda: Secret(key)).bind, clock=clock)


def test_a_session_lasts_24_hours_after_its_last_use() -> None:
    """Sliding: each use begins the time anew."""
    clock, ledger = FakeClock(), MemoryLedger()
    known = sessions(ledger, clock)
    session = known.begin()
    clock.sleep(23 * 3600)
    assert known.knows(session)
    clock.sleep(23 * 3600)
    assert known.knows(session)
    clock.sleep(24 * 3600)
    assert not known.knows(session)


def test_another_key_ends_every_session() -> None:
    """Whoever had the old one is out."""
    clock, ledger = FakeClock(), MemoryLedger()
    session = sessions(ledger, clock, "old").begin()
    assert not sessions(ledger, clock, "new").knows(session)
    assert sessions(ledger, clock, "old").knows(session)


def test_sessions_that_are_over_are_forgotten() -> None:
    """The next log-in clears them away."""
    clock, ledger = FakeClock(), MemoryLedger()
    sessions(ledger, clock).begin()
    clock.sleep(25 * 3600)
    sessions(ledger, clock).begin()
    assert len(ledger.facts(FACT)) == 1


def test_there_are_no_more_sessions_than_can_be_kept() -> None:
    """The one that would end first makes room."""
    facts = {f"session/{n:04d}": {"expires": f"2026-11-21T00:00:{n:04d}"} for n in range(MOST + 2)}
    assert superfluous(facts, "2026-11-20", most=MOST) == ["session/0000", "session/0001"]
