"""Shorter words for entries of logs: writing, listing and following them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.cloud.logging_v2 import types
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

from toolkit.clouds.gcp import GcpClients
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.gcp.logs import Logging

PROJECT = "projects/al-sandbox"
LOG = f"{PROJECT}/logs/run.googleapis.com%2Fstdout"
JOB = {"type": "cloud_run_job", "labels": {"job_name": "agent"}}


@dataclass
class Follower:
    """What a session of TailLogEntries has given so far."""

    entries: list[Any] = field(default_factory=list)
    suppressed: list[Any] = field(default_factory=list)
    error: Exception | None = None

    def texts(self) -> list[str]:
        return [entry.text_payload for entry in self.entries]


@dataclass(frozen=True)
class Logs:
    """Of one project, as its operator."""

    google: Google
    clients: GcpClients

    @property
    def followers(self) -> int:
        """How many sessions are open: they get what is written from then on."""
        return self.google.served(Logging).followers

    @property
    def client(self) -> Any:
        return self.clients.client(LoggingServiceV2Client)

    def write(self, *entries: dict[str, Any], **more: Any) -> None:
        """Entries of a job's stdout unless they say otherwise."""
        request = {"log_name": LOG, "resource": JOB, "entries": list(entries), **more}
        self.client.write_log_entries(request=request)

    def say(self, *texts: str, **more: Any) -> None:
        self.write(*({"text_payload": text, **more} for text in texts))

    def page(self, filter_: str = "", **more: Any) -> Any:
        """One answer of ListLogEntries."""
        request = {"resource_names": [PROJECT], "filter": filter_, **more}
        pages = self.client.list_log_entries(request=request).pages
        return next(iter(pages))

    def found(self, filter_: str = "", **more: Any) -> list[str]:
        """The texts of all that match, over all pages."""
        request = {"resource_names": [PROJECT], "filter": filter_, **more}
        return [entry.text_payload for entry in self.client.list_log_entries(request=request)]

    @contextmanager
    def following(
        self, filter_: str = "", *, names: Sequence[str] = (PROJECT,), **more: Any
    ) -> Iterator[Follower]:
        """A session that lasts as long as the block; the client's call blocks until the first answer."""
        follower, over = Follower(), threading.Event()
        first = types.TailLogEntriesRequest(resource_names=names, filter=filter_, **more)

        def requests() -> Iterator[types.TailLogEntriesRequest]:
            yield first
            over.wait()

        thread = threading.Thread(target=self._follow, args=(requests(), follower, over))
        thread.start()
        try:
            yield follower
        finally:
            over.set()
            self.say(
                "the end", insert_id="end"
            )  # so that a call that still waits for its first answer returns
            thread.join(10)

    def _follow(self, requests: Any, follower: Follower, over: threading.Event) -> None:
        try:
            stream = self.client.tail_log_entries(requests)
            for answer in stream:
                follower.entries += answer.entries
                follower.suppressed += answer.suppression_info
                if over.is_set():
                    stream.cancel()
        except Exception as error:
            follower.error = error


def at(second: int, nanosecond: int = 0) -> dict[str, Any]:
    """The `timestamp` of an entry, so many seconds after the 20th of November 2026."""
    start = int(datetime.fromisoformat("2026-11-20T00:00:00+00:00").timestamp())
    return {"timestamp": {"seconds": start + second, "nanos": nanosecond}}
