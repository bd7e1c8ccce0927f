"""A push waits until its gateway answers, and says what it said instead."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from toolkit.core.errors import AlError, Unreachable
from toolkit.ops.gateway import wait_healthy

DEAD_PROXY = "http://127.0.0.1:9"  # the discard port: nothing answers there


class Health(BaseHTTPRequestHandler):
    """Answers with the statuses of `planned`, in turn, and then with 200."""

    planned: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        self.send_response(self.planned.pop(0) if self.planned else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@contextmanager
def a_gateway(*statuses: int) -> Iterator[str]:
    handler = type("Planned", (Health,), {"planned": list(statuses)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that sends everything to a proxy which is not there."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, DEAD_PROXY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_gateway_on_this_machine_is_asked_without_the_proxy(host: str) -> None:
    """A proxy elsewhere cannot reach our loopback, and must not learn of it either."""
    with a_gateway() as url:
        wait_healthy(url.replace("127.0.0.1", host), seconds=0)


@pytest.mark.usefixtures("proxied")
def test_any_other_gateway_is_asked_through_the_proxy() -> None:
    """It may be the only way out: nothing but the dead proxy can refuse an address that leads nowhere."""
    with pytest.raises(Unreachable, match="refused"):
        wait_healthy("http://gateway.example.invalid", seconds=0)


def test_a_cold_start_is_waited_for() -> None:
    """Two refusals at first are no failure."""
    with a_gateway(502, 503) as url:
        wait_healthy(url, seconds=5, sleep=lambda _: None)


def test_an_unwell_gateway_says_what_it_answered() -> None:
    """With the place where its log is."""
    with a_gateway(500) as url, pytest.raises(Unreachable, match="it answered 500") as caught:
        wait_healthy(url, seconds=0)
    assert "log group" in caught.value.hint


def test_what_is_no_address_is_refused() -> None:
    """An output of the stack that is a path must not be opened as a file."""
    with pytest.raises(AlError, match="no address"):
        wait_healthy("file:///etc/passwd", seconds=0)
