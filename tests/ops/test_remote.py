"""A gateway that is busy: `al` comes again by itself when it is told to, and only where that can do no harm."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from toolkit.core.errors import Throttled
from toolkit.core.secrets import Secret
from toolkit.ops.remote import Remote

Refusal = tuple[int, str]  # the status, and what Retry-After says


@contextmanager
def busy(*refusals: Refusal) -> Iterator[tuple[Remote, list[str]]]:
    """A gateway that refuses so many times and then agrees, and the requests that it has seen."""
    left, seen = list(refusals), list[str]()

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.command)
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, wait = left.pop(0) if left else (200, "")
            told = b'{"ok": true}' if status == 200 else b'{"error": "busy", "hint": "wait"}'
            told = told if wait or status == 200 else b'{"Message": "Rate exceeded"}'
            self.send_response(status)
            self.send_header("retry-after", wait)
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Remote(url=f"http://127.0.0.1:{server.server_port}", key=Secret("k")), seen
        server.shutdown()


def test_who_is_told_to_come_again_soon_does() -> None:
    """With 429 nothing was done, so even what changes something is asked again; a look may always be repeated."""
    with busy((429, "1")) as (remote, seen):
        assert remote.post("/control/pause") == {"ok": True}
        assert seen == ["POST", "POST"]
    with busy((503, "1"), (429, "1")) as (remote, seen):
        assert remote.get("/control/status") == {"ok": True}
        assert seen == ["GET", "GET", "GET"]


def test_a_platform_that_holds_the_gateway_back_is_asked_again() -> None:
    """Lambda answers in its own words, and the function has not seen the request."""
    with busy((429, "")) as (remote, seen):
        assert remote.post("/control/pause") == {"ok": True}
        assert seen == ["POST", "POST"]


@pytest.mark.parametrize("wait", ["60", "Sat, 21 Nov 2026 12:00:00 GMT"])
def test_who_is_told_to_come_later_says_so(wait: str) -> None:
    """The user decides whether to wait for that."""
    with busy((429, wait)) as (remote, seen), pytest.raises(Throttled, match="busy"):
        remote.get("/control/status")
    assert seen == ["GET"]


def test_what_may_have_been_done_is_not_asked_twice() -> None:
    """A 503 can come after the run was queued: a second request would queue another."""
    with busy((503, "1")) as (remote, seen), pytest.raises(Throttled, match="busy"):
        remote.post("/control/trigger/dev")
    assert seen == ["POST"]
