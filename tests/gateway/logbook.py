"""A ledger and a runtime in memory, for reading logs: what was logged when, and when the service shows it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.logs import LogEvent
from toolkit.core.run import Mailbox, Run, RunHandle, RunId, RunState, TriggerKind

BEGINNING = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
START_MS = int(BEGINNING.timestamp() * 1000)


def at(seconds: float) -> datetime:
    return BEGINNING + timedelta(seconds=seconds)


def a_run(name: str = "dev-00000001", *, seconds: float = 0, **changes: Any) -> Run:
    """A run that was created so many seconds after the beginning, and goes on."""
    run = RunId(name)
    made = Run(
        id=run,
        agent=run.agent,
        runtime="memory",
        trigger=TriggerKind.MANUAL,
        created=iso(at(seconds)),
        state=RunState.RUNNING,
        handle=RunHandle(runtime="memory", run=run, agent=run.agent, ids={"task": name}),
    )
    return replace(made, **changes)


def event(ms: int, text: str, key: str = "") -> LogEvent:
    """A line, so many milliseconds after the beginning."""
    return LogEvent(time=START_MS + ms, id=key or f"{ms}/{text}", message=text)


@dataclass
class Book:
    """The ledger's and the runtime's reading half.  `calls` counts what was asked of the log service."""

    records: dict[str, Run] = field(default_factory=dict)
    boxes: dict[str, Mailbox] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, list[LogEvent]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fetched: int = 0

    def add(self, run: Run, *lines: LogEvent) -> Run:
        self.records[run.id] = run
        self.lines.setdefault(run.id, []).extend(lines)
        return run

    def say(self, run: Run, *lines: LogEvent) -> None:
        """Lines become visible."""
        self.lines[run.id].extend(lines)

    def end(self, run: Run, *, seconds: float, state: RunState = RunState.SUCCEEDED) -> None:
        self.records[run.id] = replace(run, state=state, finished=iso(at(seconds)))

    # the ledger

    def get(self, run: RunId) -> Run | None:
        return self.records.get(run)

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        wanted = [
            r
            for r in self.records.values()
            if agent in (None, r.agent) and not (active and r.state.final)
        ]
        return sorted(wanted, key=lambda r: r.created, reverse=True)[:limit]

    def mailbox(self, run: RunId) -> Mailbox:
        return self.boxes.get(run, Mailbox())

    def fact(self, key: str) -> Any | None:
        return self.known.get(key)

    def facts(self, prefix: str) -> Mapping[str, Any]:
        return {key: value for key, value in self.known.items() if key.startswith(prefix)}

    # the runtime

    def runtime(self, name: str) -> "Book":
        return self

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        self.calls.append(f"logs {handle.run}")
        for line in sorted(self.lines[handle.run], key=lambda e: e.time):
            if line.time >= since:
                self.fetched += 1
                yield line

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        self.calls.append(f"tail {handle.run}")
        for line in sorted(self.lines[handle.run], key=lambda e: e.time)[::-1]:
            if before is None or line.time < before:
                self.fetched += 1
                yield line


DEV = AgentName("dev")
