"""Logs through the deployed gateway: pages, and a follower that reconnects."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from toolkit.core.errors import AlError
from toolkit.core.logs import Entry
from toolkit.core.reader import Page
from toolkit.core.secrets import Secret
from toolkit.core.sources import Target
from toolkit.ops.logs.source import PATIENCE
from toolkit.ops.remote import Remote, body, reached, refusal, strange

MOST_LINES = 2_000  # what one page of the gateway holds
LEAST_INTERVAL = (
    0.4  # seconds between two requests of a follower: an answer that is held back ends at once
)


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
        with self._client() as client, reached(self.url):
            page = _page_body(client.get(self._path(), params=self._params(asked)))
        return Page(
            entries=tuple(page["entries"]),
            cursor=page["cursor"],
            older=page["backCursor"],
            has_more=page["hasMore"],
            ended=page["ended"],
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
        with reached(self.url):
            answer = client.send(request, stream=True)
            try:
                if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                    answer.read()
                    raise refusal(answer)
                for event in _events(answer.iter_bytes()):
                    yield from place.take(event)
            finally:
                answer.close()

    def _client(self) -> httpx.Client:
        return Remote(url=self.url, key=self.key).client()

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


def _page_body(answer: httpx.Response) -> dict[str, Any]:
    read = body(answer)
    if "entries" not in read:
        raise strange(answer)
    return read
