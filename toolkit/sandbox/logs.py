"""Where a container's lines go: a stream of CloudWatch Logs, as the awslogs driver and Lambda write it.

Lines longer than 16 KiB become several events, as Docker cuts them
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html).  With an ingestion delay an event
keeps the time of its line and appears later.
"""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.reconcile.policy import Need

from .cloud import Cloud

LONGEST_LINE = 16 * 1024  # of Docker's drivers
LONGEST_EVENT = 256 * 1024 - 26  # bytes of an event by Lambda, its overhead aside


@dataclass(order=True, slots=True)
class _Delayed:
    due: float
    order: int
    stream: "LogStream" = field(compare=False)
    events: list[dict[str, Any]] = field(compare=False)


class Logs:
    """The way from processes to moto's log service; `delay()` is asked at every line."""

    def __init__(self, cloud: Cloud, delay: Callable[[], float] = lambda: 0.0) -> None:
        self._cloud, self._delay = cloud, delay
        self._queue: list[_Delayed] = []
        self._order = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._deliver, daemon=True, name="log-ingestion").start()

    def has_group(self, group: str, region: str | None = None) -> bool:
        with self._cloud.backend("logs", region) as backend:
            return group in backend.groups

    def create_group(self, group: str, region: str | None = None) -> None:
        with self._cloud.backend("logs", region) as backend:
            if group not in backend.groups:
                backend.create_log_group(group, {})

    def needs(
        self, group: str, stream: str, region: str | None = None, *, create: bool
    ) -> tuple[Need, ...]:
        """What a role needs for writing this stream, and the group with `create`."""
        arn = f"arn:aws:logs:{region or self._cloud.region}:{self._cloud.account}:log-group:{group}:log-stream:"
        own = [
            Need(action=f"logs:{a}", resource=f"{arn}{stream}")
            for a in ("CreateLogStream", "PutLogEvents")
        ]
        return (*([Need(action="logs:CreateLogGroup", resource=arn)] if create else []), *own)

    def stream(self, group: str, name: str, region: str | None = None) -> "LogStream":
        """Create the stream.  The group must exist."""
        with self._cloud.backend("logs", region) as backend:
            if name not in backend.groups[group].streams:
                backend.create_log_stream(group, name)
        return LogStream(self, group, name, region)

    def nowhere(self, group: str, name: str) -> "LogStream":
        """A stream that is not there; what is written to it is lost."""
        return LogStream(self, group, name)

    def write(self, stream: "LogStream", lines: Sequence[str]) -> None:
        now = int(time.time() * 1000)
        events = [
            {"timestamp": now, "message": part}
            for line in lines
            for part in _cut(line, stream.longest)
        ]
        if (delay := self._delay()) <= 0 and not self._queue:
            self._put(stream, events)
            return
        with self._changed:
            self._order += 1
            heapq.heappush(
                self._queue, _Delayed(time.monotonic() + delay, self._order, stream, events)
            )
            self._changed.notify()

    def _put(self, stream: "LogStream", events: list[dict[str, Any]]) -> None:
        with self._cloud.backend("logs", stream.region) as backend:
            group = backend.groups.get(stream.group)
            if (
                group is not None and stream.name in group.streams
            ):  # deleted meanwhile: lines are lost
                backend.put_log_events(stream.group, stream.name, events)

    def _deliver(self) -> None:
        while True:
            with self._changed:
                wait = self._queue[0].due - time.monotonic() if self._queue else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                item = self._queue[0]
            self._put(item.stream, item.events)
            with self._changed:
                self._queue.remove(item)
                heapq.heapify(self._queue)


@dataclass(frozen=True, slots=True)
class LogStream:
    """One stream, open for writing."""

    logs: Logs
    group: str
    name: str
    region: str | None = None
    longest: int = LONGEST_LINE

    def write(self, *lines: str) -> None:
        """Every line becomes an event with the present time; empty ones too."""
        if lines:
            self.logs.write(self, lines)


def _cut(line: str, longest: int) -> list[str]:
    """CloudWatch refuses an empty message, so an empty line becomes a space, as Docker's driver has it."""
    text = line.rstrip("\r") or " "
    return [text[at : at + longest] for at in range(0, len(text), longest)]
