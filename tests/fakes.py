"""Real parts that live in memory: a clock, a store, a ledger and a runtime.

Each passes the same suite in tests/contracts/ as the ones that users have; none is a mock.
"""

import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from toolkit.core.agent import Agent
from toolkit.core.clock import iso
from toolkit.core.errors import AlError, AlreadyExists, NotFound
from toolkit.core.logs import LogEvent
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Limits
from toolkit.core.run import Cause, Mailbox, Run, RunHandle, RunId, RunSpec, RunState, RunStatus
from toolkit.core.secrets import Receipt, Secret, StoredSecret
from toolkit.scheduler.ledgers._codec import ended_before
from toolkit.scheduler.ledgers._on_facts import Calls, Deliveries, Locks, Queue, forget

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, seconds: float = 20.0) -> T:
    """The first true answer of `look`, asked again and again; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {answer!r} after {seconds:.0f} s")
        time.sleep(0.01)
    return answer


class FakeClock:
    """Time that passes only when somebody sleeps.  `clock()` is now; `clock.sleep` and `clock.monotonic` fit in too."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> None:
        self._now = self._start = start

    def __call__(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    @property
    def ms(self) -> int:
        return int(self._now.timestamp() * 1000)


class MemoryStore:
    """A Store in a dictionary.  `calls` counts what was asked of it, by verb."""

    def __init__(self, clock: Callable[[], datetime] | None = None, name: str = "memory") -> None:
        self.name = name
        self.calls: list[str] = []
        self._clock = clock or FakeClock()
        self._kept: dict[str, tuple[str, StoredSecret]] = {}

    def put(self, name: str, value: Secret, *, tags: Mapping[str, str]) -> None:
        self.calls.append("put")
        stored = StoredSecret(name=name, tags=dict(tags), created=self._clock())
        self._kept[name] = (value.reveal(), self._kept.get(name, ("", stored))[1])

    def get(self, name: str) -> Secret | None:
        self.calls.append("get")
        return Secret(self._kept[name][0]) if name in self._kept else None

    def delete(self, name: str) -> None:
        self.calls.append("delete")
        self._kept.pop(name, None)

    def exists(self, name: str) -> bool:
        self.calls.append("exists")
        return name in self._kept

    def revive(self, names: Collection[str]) -> tuple[str, ...]:
        self.calls.append("revive")
        return ()

    def list(self, prefix: str) -> Iterator[StoredSecret]:
        self.calls.append("list")
        return iter([stored for n, (_, stored) in self._kept.items() if n.startswith(prefix)])


class MemoryLedger:
    """A Ledger in dictionaries; `note` is the container's hand in a run's mailbox."""

    most_facts = 100

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._prepared = False
        self._runs: dict[RunId, Run] = {}
        self._boxes: dict[RunId, Mailbox] = {}
        self._facts: dict[str, str] = {}
        self.queue = Queue(self)
        self.locks = Locks(self)
        self.calls = Calls(self)
        self.deliveries = Deliveries(self, self.queue)

    def prepare(self) -> bool:
        with self._lock:
            was, self._prepared = self._prepared, True
            return not was

    def add(self, run: Run) -> None:
        with self._lock:
            if run.id in self._runs:
                raise AlreadyExists(f"{run.id} is recorded", hint="allocate a new run id")
            self._runs[run.id] = run

    def get(self, run: RunId) -> Run | None:
        return self._runs.get(run)

    def update(self, run: RunId, **changes: Any) -> Run:
        _check_fields(changes)
        with self._lock:
            if (record := self._runs.get(run)) is None:
                raise NotFound(f"no run {run}", hint="record it first")
            if record.state.final and "state" in changes:
                changes = {k: v for k, v in changes.items() if k == "receipt"}
            if "receipt" in changes:
                changes["receipt"] = _filled(record.receipt, changes["receipt"])
            self._runs[run] = replace(record, **changes)
            return self._runs[run]

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        found = [
            run
            for run in self._runs.values()
            if agent in (None, run.agent) and not (active and run.state.final)
        ]
        return tuple(sorted(found, key=lambda r: (r.created, r.id), reverse=True)[:limit])

    def mailbox(self, run: RunId) -> Mailbox:
        return self._boxes.get(run, Mailbox())

    def note(self, run: RunId, **written: Any) -> None:
        with self._lock:
            self._boxes[run] = replace(self.mailbox(run), **written)

    def request_stop(self, run: RunId) -> None:
        self.note(run, stop=True)

    def fact(self, key: str) -> Any | None:
        return json.loads(self._facts.get(key, "null"))

    def set_fact(
        self,
        key: str,
        value: Any,
        *,
        expected: Any = ...,
        given: Mapping[str, Any] | None = None,
    ) -> bool:
        conditions = {**(given or {}), **({} if expected is ... else {key: expected})}
        return self.set_facts({key: value}, expected=conditions)

    def facts(self, prefix: str, *, limit: int | None = None) -> Mapping[str, Any]:
        with self._lock:
            found = sorted(key for key in self._facts if key.startswith(prefix))
            return {key: json.loads(self._facts[key]) for key in found[:limit]}

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        with self._lock:
            return {k: json.loads(self._facts[k]) for k in keys if k in self._facts}

    def set_facts(self, values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        with self._lock:
            if any(self._facts.get(k, "null") != _text(v) for k, v in expected.items()):
                return False
            self._facts |= {key: _text(value) for key, value in values.items()}
            for gone in (key for key, value in values.items() if value is None):
                del self._facts[gone]
            return True

    def prune(self, before: datetime) -> int:
        with self._lock:
            old = [r.id for r in self._runs.values() if ended_before(r, iso(before))]
            for run in old:
                del self._runs[run]
                self._boxes.pop(run, None)
        return len(old) + forget(self, before)


def _check_fields(changes: Mapping[str, Any]) -> None:
    if wrong := changes.keys() - {f.name for f in fields(Run)} | changes.keys() & {
        "id",
        "agent",
        "created",
    }:
        raise TypeError(f"cannot set {wrong}")


def _filled(old: Receipt, new: Receipt) -> Receipt:
    return Receipt(
        created=new.created or old.created,
        read=new.read or old.read,
        deleted=new.deleted or old.deleted,
        verified_absent=new.verified_absent or old.verified_absent,
    )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What the runs of an agent do: print `lines`, then end with `exit_code`, or go on until stopped (None).

    A run that `reports` does its container's duty: it claims, reads and burns its secret, and says how it ended.
    `log_delay` is how many seconds its lines need to be seen.  `refusal` is what launching raises.
    """

    lines: tuple[str, ...] = ()
    exit_code: int | None = 0
    reports: bool = True
    log_delay: float = 0.0
    refusal: AlError | None = None


@dataclass(slots=True)
class _Running:
    spec: RunSpec
    play: Play
    began: int  # epoch ms
    exit_code: int | None
    reason: str = ""
    events: list[LogEvent] = field(default_factory=list)


class MemoryRuntime:
    """A Runtime whose agents follow a script: `MemoryRuntime({"dev": Play(lines=("cloning", "done"))})`.

    With a ledger and a store, the runs also do in them what containers do.
    """

    name = "memory"
    limits = Limits(timeout=None, credentials_path="/credentials", writable=("/tmp",))  # noqa: S108

    def __init__(
        self,
        script: Mapping[str, Play] | None = None,
        *,
        clock: FakeClock | None = None,
        ledger: MemoryLedger | None = None,
        store: MemoryStore | None = None,
    ) -> None:
        self.script = dict(script or {})
        self.clock = clock or FakeClock()
        self.launched: list[RunSpec] = []
        self.troubles: dict[str, str] = {}  # definition -> why it cannot be launched
        self._ledger, self._store = ledger, store
        self._all: dict[RunId, _Running] = {}

    def check(self, agent: Agent) -> Sequence[str]:
        return ()

    def definition(self, agent: Agent, image: str) -> Item:
        return Item(kind="play", name=agent.name, attributes={"image": image})

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return ()

    def define(self, item: Item) -> str:
        return f"{item.name}@{item.attributes['image']}"

    def trouble(self, definition: str) -> str:
        return self.troubles.get(definition, "")

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        return ()

    def launch(self, spec: RunSpec) -> RunHandle:
        play = self.script.get(spec.agent, Play())
        if play.refusal:
            raise play.refusal
        if spec.run not in self._all:
            self.launched.append(spec)
            self._all[spec.run] = _Running(spec, play, self.clock.ms, play.exit_code)
            self._act(self._all[spec.run])
        return RunHandle(runtime=self.name, run=spec.run, agent=spec.agent)

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        known = (self._all[h.run] for h in handles if h.run in self._all)
        return {running.spec.run: _status(running) for running in known}

    def stop(self, handle: RunHandle) -> str:
        running = self._all.get(handle.run)
        if running is None or running.exit_code is not None:
            return f"{handle.run} was already over"
        self._end(running, 143, "stopped")
        return f"{handle.run} ended by SIGTERM"

    def kill(self, run: RunId) -> None:
        """The platform ends it without a word."""
        self._all[run].exit_code, self._all[run].reason = 137, "killed"

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        return iter([e for e in self._visible(handle) if e.time >= since])

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        events = self._visible(handle)
        return iter([e for e in reversed(events) if before is None or e.time < before])

    def running(self) -> Iterable[RunHandle]:
        live = [r.spec for r in self._all.values() if r.exit_code is None]
        return [RunHandle(runtime=self.name, run=s.run, agent=s.agent) for s in live]

    def _visible(self, handle: RunHandle) -> list[LogEvent]:
        running = self._all.get(handle.run)
        if running is None or self.clock.ms < running.began + running.play.log_delay * 1000:
            return []
        return running.events

    def _act(self, running: _Running) -> None:
        run = running.spec.run
        for number, line in enumerate(running.play.lines):
            event = LogEvent(time=running.began + number, id=f"{number:06d}", message=line, run=run)
            running.events.append(event)
        self._note(running, claimed=iso(self.clock()), read=iso(self.clock()))
        if self._store and running.play.reports:
            self._store.delete(running.spec.lease.ref.name)
            self._note(running, burned=iso(self.clock()))
        if running.exit_code is not None:
            self._end(running, running.exit_code, "")

    def _end(self, running: _Running, code: int, reason: str) -> None:
        running.exit_code, running.reason = code, reason
        state = _status(running).state
        report = {"exit_code": code, "state": state.value, "reason": reason}
        self._note(running, report=report | {"finished": iso(self.clock())})

    def _note(self, running: _Running, **written: Any) -> None:
        if self._ledger and running.play.reports:
            self._ledger.note(running.spec.run, **written)


def _status(running: _Running) -> RunStatus:
    code = running.exit_code
    if code is None:
        return RunStatus(state=RunState.RUNNING)
    if code in (0, 42):
        return RunStatus(state=RunState.SUCCEEDED, exit_code=code)
    if running.reason == "stopped":
        return RunStatus(state=RunState.STOPPED, exit_code=code, reason=running.reason)
    if code == 124:
        return RunStatus(state=RunState.TIMED_OUT, exit_code=code)
    reason = running.reason or f"exited with code {code}"
    return RunStatus(state=RunState.FAILED, exit_code=code, cause=Cause.EXIT_CODE, reason=reason)
