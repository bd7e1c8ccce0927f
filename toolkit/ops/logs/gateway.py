"""Logs through the deployed gateway: pages, and a follower that reconnects."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from toolkit.core.errors import (
    AlError,
    CredentialError,
    NotFound,
    Throttled,
    Unreachable,
    UsageError,
)
from toolkit.core.logs import Entry
from toolkit.core.reader import Page
from toolkit.core.secrets import Secret
from toolkit.core.sources import Target
from toolkit.ops.logs.source import PATIENCE, Refused

MOST_LINES = 2_000  # what one page of the gateway holds
READ_SECONDS = 40.0  # the gateway answers within 20 s or sends a heartbeat every 15 s
LEAST_INTERVAL = (
    0.4  # seconds between two requests of a follower: an answer that is held back ends at once
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLogs:
    """The logs API at `url`, for one target.  Times in seconds."""

    url: str
    key: Secret
    target: Target
    bounds: Mapping[str, Any] = field(default_factory=dict)  # after, before, grep
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def page(self, *, lines: int, older: str | None = None) -> Page:
        """Raises Refused, Unreachable, CredentialError, NotFound, UsageError, and AlError for what is not understood."""
        asked = {"lines": min(lines, MOST_LINES), "back_cursor": older}
        with self._client() as client, _reached(self.url):
            body = _body(client.get(self._path(), params=self._params(asked)))
        return Page(
            entries=tuple(body["entries"]),
            cursor=body["cursor"],
            older=body["backCursor"],
            has_more=body["hasMore"],
            ended=body["ended"],
        )

    def follow(self, cursor: str) -> Iterator[Entry]:
        """What comes after `cursor`, each line once, until the run has ended; reconnects as long as it must."""
        place, lost, pause = _Place(cursor), None, 0.5
        with self._client() as client:
            while not place.ended:
                began = self.clock()
                try:
                    yield from self._connection(client, place)
                    lost, pause, wait = None, 0.5, LEAST_INTERVAL - (self.clock() - began)
                except AlError as error:
                    lost = self.clock() if lost is None else lost
                    if not error.temporary or self.clock() - lost > PATIENCE:
                        raise
                    pause, wait = min(pause * 2, 10.0), pause
                if wait > 0 and not place.ended:
                    self.sleep(wait)

    def _connection(self, client: httpx.Client, place: "_Place") -> Iterator[Entry]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": place.cursor}
        request = client.build_request(
            "GET", self._path(), params=self._params({}), headers=headers
        )
        with _reached(self.url):
            answer = client.send(request, stream=True)
            try:
                if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                    answer.read()
                    raise _refusal(answer)
                for event in _events(answer.iter_bytes()):
                    yield from place.take(event)
            finally:
                answer.close()

    def _client(self) -> httpx.Client:
        local = urlsplit(self.url).hostname in LOOPBACK
        return httpx.Client(
            base_url=self.url.rstrip("/"),
            headers={"Authorization": f"Bearer {self.key.reveal()}"},
            timeout=httpx.Timeout(READ_SECONDS, connect=10.0),
            trust_env=not local,  # a proxy does not know this machine's loopback
        )

    def _path(self) -> str:
        run = f"/{self.target.run}" if self.target.run else ""
        return f"/api/logs/agents/{self.target.agent}{run}"

    def _params(self, more: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in {**self.bounds, **more}.items() if value is not None}


@dataclass(slots=True)
class _Place:
    """Where a follower is.  `had` are the lines since the last cursor, which a broken connection repeats."""

    cursor: str
    ended: bool = False
    had: set[tuple[str, str]] = field(default_factory=set)

    def take(self, event: Mapping[str, str]) -> Iterator[Entry]:
        kind = event.get("event", "message")
        if kind == "error":
            told = json.loads(event["data"])
            raise AlError(told["error"], hint=told["hint"])
        self.ended = kind == "end"
        if kind == "message" and "data" in event:
            entry: Entry = json.loads(event["data"])
            if (name := (entry["run"], entry["id"])) not in self.had:
                self.had.add(name)
                yield entry
        if "id" in event:
            self.cursor = event["id"]
            self.had.clear()


def _events(chunks: Iterator[bytes]) -> Iterator[dict[str, str]]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, for our own server."""
    rest, fields = b"", dict[str, str]()
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.decode().partition(":")
            if line:
                fields |= {name: value.removeprefix(" ")} if name else {}
            elif fields:
                yield fields
                fields = {}


@contextmanager
def _reached(url: str) -> Iterator[None]:
    """Transport errors as ours."""
    try:
        yield
    except httpx.ConnectError as error:
        raise Refused(
            f"the gateway at {url} cannot be reached ({error})",
            hint="check the address with `al env show`, or `al push` to deploy it again",
        ) from error
    except httpx.HTTPError as error:
        raise Unreachable(
            f"the gateway at {url} broke off ({type(error).__name__})", hint="try again"
        ) from error
    except httpx.InvalidURL as error:
        raise UsageError(
            f"{url!r} is no address of a gateway", hint="correct it in the environment's file"
        ) from error


def _body(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code != 200:
        raise _refusal(answer)
    try:
        body = answer.json()
        if isinstance(body, dict) and "entries" in body:
            return body
    except ValueError:
        pass
    raise _strange(answer)


def _refusal(answer: httpx.Response) -> AlError:
    """What the gateway says is wrong, as an error of ours."""
    try:
        told = answer.json()
        message, hint = str(told["error"]), str(told.get("hint") or "see the gateway's log")
    except (ValueError, TypeError, KeyError, AttributeError):
        if answer.status_code in (502, 504):
            return Unreachable(f"the gateway answers {answer.status_code}", hint="try again later")
        return _strange(answer)
    if answer.status_code in (401, 403):
        return CredentialError(
            "the gateway does not accept this machine's API key",
            hint="push again, or set the key with `al creds add gateway_api_key` or AL_GATEWAY_API_KEY",
        )
    if answer.status_code in (429, 503) and "retry-after" in answer.headers:
        return Throttled(message, hint=hint)
    kinds: dict[int, type[AlError]] = {400: UsageError, 404: NotFound}
    return kinds.get(answer.status_code, AlError)(f"the gateway says: {message}", hint=hint)


def _strange(answer: httpx.Response) -> AlError:
    preview = " ".join(answer.text[:120].split())
    return AlError(
        f"the gateway answered {answer.status_code} with something that is not its own: {preview!r}",
        hint="the address is probably wrong, or a proxy stands between",
    )
