"""Which runs a target's lines come from, and where each run's lines are.

The ledger says which runs there are, their containers where they log, the runtimes give the lines.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from .agent import AgentName
from .bookmark import Bookmark
from .clock import from_iso
from .errors import NotFound
from .logs import LogEvent
from .run import Mailbox, Run, RunHandle, RunId, RunState

LEDGER_OVERLAP_MS = 60_000  # clocks of those who start runs, and of those who log, differ
MOST_PLACES = 10_000  # runs whose log's place is remembered, in a process that lives long
UNCLAIMED = Mailbox()
LATEST_RUNS = 100  # runs that one look at the ledger asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whose logs: an agent's, or one run's."""

    agent: AgentName
    run: RunId | None = None

    def __str__(self) -> str:
        return self.run or self.agent


class Records(Protocol):
    """What a reader asks a Ledger."""

    def get(self, run: RunId) -> Run | None: ...
    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]: ...
    def mailbox(self, run: RunId) -> Mailbox: ...
    def fact(self, key: str) -> Any | None: ...
    def facts(self, prefix: str) -> Mapping[str, Any]: ...


class Lines(Protocol):
    """What a reader asks a Runtime."""

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]: ...
    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]: ...


class Sources:
    """`look` says what a run is now; `settle` is how many seconds after its end lines may still arrive, by its runtime.

    `last_line_ends`: a run's last line is its end also where no record says so, for those who cannot ask its platform.
    """

    def __init__(
        self,
        ledger: Records,
        runtime: Callable[[str], Lines],
        *,
        look: Callable[[RunId], Run | None] | None,
        clock: Callable[[], datetime],
        settle: Callable[[str], float],
        last_line_ends: bool = False,
    ) -> None:
        self._ledger = ledger
        self._last_line_ends = last_line_ends
        self._runtime = runtime
        self._look = look or self._recorded
        self._clock = clock
        self._settle = settle
        self._claims: dict[RunId, Mailbox] = {}

    # ---------------------------------------------------------------------------- which runs

    def begin(self, target: Target) -> list[Run]:
        """The runs that a new follower watches: those that go on, and the latest.  Raises NotFound."""
        if target.run is not None:
            return [self._only(target)]
        runs = {run.id: run for run in self._latest(target.agent)}
        if not runs and self._ledger.fact(f"definition/{target.agent}") is None:
            raise unknown_agent(target.agent, self._ledger)
        floor = max((created_ms(run) for run in runs.values()), default=0) - LEDGER_OVERLAP_MS
        wanted = (r for r in runs.values() if created_ms(r) >= floor or not self.over(r))
        return sorted(wanted, key=created_ms)

    def after(self, target: Target, bookmark: Bookmark) -> list[Run]:
        """The runs that may have something new, oldest first."""
        if target.run is not None:
            return [self._only(target)]
        recent = {run.id: run for run in self._since(target.agent, bookmark.floor)}
        wanted = {r for r, run in recent.items() if created_ms(run) >= bookmark.floor}
        wanted |= set(bookmark.runs)
        wanted -= {run for run, spot in bookmark.runs.items() if spot.done}
        runs = (recent.get(run) or self._ledger.get(run) for run in wanted)
        mine = (run for run in runs if run and run.agent == target.agent)
        return sorted(mine, key=lambda run: (created_ms(run), run.id))

    def history(self, target: Target) -> Iterator[list[Run]]:
        """All runs, in bunches, the newest first; more are asked for only when they are needed."""
        if target.run is not None:
            yield [self._only(target)]
            return
        known: set[RunId] = set()
        batch, limit = self._latest(target.agent), LATEST_RUNS
        while True:
            yield [run for run in batch if run.id not in known]
            known |= {run.id for run in batch}
            if len(batch) < limit:
                return
            limit *= 4
            batch = list(self._ledger.runs(agent=target.agent, limit=limit))

    def _since(self, agent: str, floor: int) -> Sequence[Run]:
        """The newest runs, at least back to those created at `floor`."""
        limit = LATEST_RUNS
        while True:
            runs = self._ledger.runs(agent=agent, limit=limit)
            if len(runs) < limit or created_ms(runs[-1]) < floor:
                return runs
            limit *= 4

    def _latest(self, agent: str) -> list[Run]:
        """The newest runs, and those that go on however old they are."""
        latest = self._ledger.runs(agent=agent, limit=LATEST_RUNS)
        active = self._ledger.runs(agent=agent, active=True, limit=LATEST_RUNS)
        return list({run.id: run for run in (*latest, *active)}.values())

    def _only(self, target: Target) -> Run:
        found = self._look(target.run) if target.run else None
        if found is None or found.agent != target.agent:
            raise NotFound(
                f"there is no run {target.run} of {target.agent}",
                hint=f"`al logs {target.agent}` shows its runs",
            )
        return found

    def _recorded(self, run: RunId) -> Run | None:
        record = self._ledger.get(run)
        return reported(record, self._ledger) if record else None

    # --------------------------------------------------------------------------- their lines

    def over(self, run: Run, *, ended: bool = False) -> bool:
        """Whether a reading begun now finds all that this run will ever have logged.

        The state alone does not say: log services deliver late.  A run whose last line was seen (`ended`) is
        over when its end is known; any other one when its lines have had time to arrive.
        """
        present = self._clock().timestamp() * 1000 - self._settle(run.runtime) * 1000
        if not run.state.final:  # nobody may be left to record its end
            past = run.deadline is not None and present >= _ms(run.deadline)
            return past or (ended and self._last_line_ends)
        return ended or present >= ended_ms(run) or self._handle(run) is None

    def logs(self, run: Run, *, since: int) -> Iterator[LogEvent]:
        """Oldest first; nothing for a run that was not launched yet."""
        if (handle := self._handle(run)) is not None:
            for event in self._runtime(run.runtime).logs(handle, since=since):
                yield _owned(event, run.id)

    def tail(self, run: Run, *, before: int | None) -> Iterator[LogEvent]:
        """Newest first, lazily."""
        if (handle := self._handle(run)) is not None:
            for event in self._runtime(run.runtime).tail(handle, before=before):
                yield _owned(event, run.id)

    def _handle(self, run: Run) -> RunHandle | None:
        """Also of a run whose launcher died before it recorded one, once the container has claimed it."""
        if run.id not in self._claims and (box := self._ledger.mailbox(run.id)).claimed:
            if len(self._claims) >= MOST_PLACES:
                self._claims.clear()
            self._claims[run.id] = Mailbox(claimed=box.claimed, where=box.where)
        return run.handle_at(self._claims.get(run.id, UNCLAIMED))


def reported(record: Run, ledger: Records) -> Run:
    """The run as recorded, and where nobody has closed it yet, as its container's own report says."""
    return record if record.state.final else as_said(record, ledger.mailbox(record.id))


def as_said(record: Run, mailbox: Mailbox) -> Run:
    """The same, with the mailbox that was read."""
    report = mailbox.report
    if record.state.final or report is None:
        return record
    return replace(
        record,
        state=RunState(report["state"]),
        finished=report["finished"],
        exit_code=report.get("exit_code"),
        reason=report.get("reason") or "",
        return_value=report.get("return_value"),
    )


def created_ms(run: Run) -> int:
    return _ms(run.created)


def ended_ms(run: Run) -> int:
    return _ms(run.finished or run.created)


def last_ms(run: Run) -> float:
    """No line of this run is later."""
    return ended_ms(run) + LEDGER_OVERLAP_MS if run.finished else float("inf")


def unknown_agent(agent: str, ledger: Records) -> NotFound:
    known = sorted(key.split("/", 1)[1] for key in ledger.facts("definition/"))
    hint = f"known agents: {', '.join(known)}" if known else "deploy the project first: `al push`"
    return NotFound(f"no agent named {agent!r} was deployed or has run here", hint=hint)


def _owned(event: LogEvent, run: RunId) -> LogEvent:
    return event if event.run else replace(event, run=run)


def _ms(text: str) -> int:
    return int(from_iso(text).timestamp() * 1000)
