"""Reads a target's logs: every line once, in order, over all of its runs (D12).

Nothing is kept between two calls but where a run's stream is: the bookmark, which is the cursor that clients
hold, knows the rest, so that a restarted process goes on where another one stopped.  It writes nothing.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from .bookmark import Bookmark, Older, Spot
from .clock import now
from .environment import Environment
from .history import NewestFirst
from .logs import OVERLAP_MS, Cursor, Entry, LogEvent, Reading, entry, fresh, is_last, level
from .merge import GAP_MS, Merge, Nothing, Relayed, Step, Told, begun
from .run import Run, RunId
from .sources import LEDGER_OVERLAP_MS, Lines, Records, Sources, Target, created_ms

# The wait for late lines of a run whose last line was not seen: what the overlap covers, or next to none where a log is
# complete when its process has gone.
SETTLE_SECONDS, SETTLE_HERE = 20.0, 1.0


def settle_seconds(environment: Environment) -> float:
    """Only a real cloud's log service lags behind; this machine and the embedded clouds do not."""
    late = environment.cloud is not None and not environment.embedded
    return SETTLE_SECONDS if late else SETTLE_HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which lines, and how many.  Times are epoch ms, `before` exclusive; `size` bounds a page's bytes as JSON; `level`
    is the least grave line that is shown, as core.levels counts.

    `hurry` says when to hand over what has been found; every page gets a little further.
    """

    lines: int = 50
    after: int | None = None
    before: int | None = None
    level: int = 0
    grep: Callable[[str], bool] | None = None
    size: int | None = None
    hurry: Callable[[], bool] = lambda: False

    def matches(self, event: LogEvent) -> bool:
        return (
            (self.after is None or event.time >= self.after)
            and (self.before is None or event.time < self.before)
            and (not self.level or level(event) >= self.level)
            and (self.grep is None or self.grep(event.message))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Lines, oldest first.  `cursor` reads on, `older` reads back (None: there is nothing).

    `has_more`: further lines in the direction read are there now.  `ended`: the target is a run, it is over, and
    nothing comes after these lines.
    """

    entries: tuple[Entry, ...]
    cursor: str | None = None
    older: str | None = None
    has_more: bool = False
    ended: bool = False


class Reader:
    """`runtime` finds a plug-in by name; `look` says what a run is now, by default its record and its report.
    `last_line_ends` as in Sources; `relayed` gives what runs have sent directly."""

    def __init__(
        self,
        ledger: Records,
        runtime: Callable[[str], Lines],
        *,
        look: Callable[[RunId], Run | None] | None = None,
        clock: Callable[[], datetime] = now,
        settle: Callable[[str], float] = lambda _: SETTLE_SECONDS,
        last_line_ends: bool = False,
        relayed: Callable[[RunId], Relayed] = lambda _: Nothing(),
    ) -> None:
        self._relayed, self._clock = relayed, clock
        self._sources = Sources(
            ledger, runtime, look=look, clock=clock, settle=settle, last_line_ends=last_line_ends
        )

    def page(
        self, target: Target, query: Query, *, cursor: str | None = None, older: str | None = None
    ) -> Page:
        """Without a cursor the last lines, with `cursor` what is new since, with `older` what was before.

        Raises NotFound for a target that never was, UsageError for a cursor that is none.
        """
        if cursor is not None:
            return self._newer(target, query, Bookmark.parse(cursor, str(target)))
        if older is not None or query.before is not None:
            return self._back(target, query, Older.parse(older) if older else None, {})
        return self._latest(target, query)

    def beginning(self, target: Target) -> str:
        """The cursor before a run's first line: to read it whole."""
        runs = self._sources.begin(target)
        spots = {run.id: Spot(created_ms(run)) for run in runs}
        return str(Bookmark(target=str(target), runs=spots))

    # ---------------------------------------------------------------------------- forwards

    def _newer(self, target: Target, query: Query, bookmark: Bookmark) -> Page:
        runs = self._sources.after(target, bookmark)
        spots = {run.id: bookmark.runs.get(run.id) or Spot(created_ms(run)) for run in runs}
        # asked before reading, so that nothing falls between the last look at the log and the end
        over = {run.id: self._sources.over(run, ended=spots[run.id].ended) for run in runs}
        merges = {run.id: self._merge(run, spots[run.id], over=over[run.id]) for run in runs}
        found, more = _take(merges, query)
        for run, spot in spots.items():
            merge = merges[run]
            spots[run] = replace(
                spot,
                cursor=merge.cursor(bookmark.most_seen),
                ended=spot.ended or merge.ended,
                done=over[run] and merge.exhausted,
                told=merge.told,
            )
        after = _bookmark(target, {**bookmark.runs, **spots}, bookmark.floor)
        ended = target.run is not None and spots[target.run].done
        return Page(entries=found, cursor=str(after), has_more=more, ended=ended)

    def _merge(self, run: Run, spot: Spot, *, over: bool) -> Merge:
        events = self._sources.logs(run, since=spot.cursor.since)
        reading = Reading(events, spot.cursor)
        return Merge(reading, spot.told, self._relayed(run.id), over=over, late=self._late())

    def _late(self) -> Callable[[LogEvent], bool]:
        """Whether a line has waited long enough for those before it."""
        present = self._clock().timestamp() * 1000
        return lambda event: present - event.time >= GAP_MS

    # --------------------------------------------------------------------------- backwards

    def _latest(self, target: Target, query: Query) -> Page:
        runs = self._sources.begin(target)
        over = {run.id: self._sources.over(run) for run in runs}  # before reading
        windows = {run.id: self._window(run, over=over[run.id]) for run in runs}
        spots = {r: replace(spot, done=over[r]) for r, (spot, _) in windows.items()}
        page = self._back(target, query, None, {r: events for r, (_, events) in windows.items()})
        ended = target.run is not None and all(over.values())
        return replace(page, cursor=str(_bookmark(target, spots, 0)), ended=ended)

    def _window(self, run: Run, *, over: bool) -> tuple[Spot, Iterator[LogEvent]]:
        """The run's lines newest first, and the spot that has read them all."""
        events = self._sources.tail(run, before=None)
        window = list(_overlap(events))
        recent = [e for e in reversed(window) if e.time >= window[0].time - OVERLAP_MS]
        shown, told = begun(recent, late=(lambda _: True) if over else self._late())
        left = {event.id for event in recent} - {event.id for event in shown}
        read, ended = fresh(shown, Cursor())[1], any(is_last(event) for event in shown)
        spot = Spot(created_ms(run), read, ended, told=told if window else Told())
        return spot, chain((e for e in window if e.id not in left), events)

    def _back(
        self,
        target: Target,
        query: Query,
        older: Older | None,
        ready: Mapping[RunId, Iterator[LogEvent]],
    ) -> Page:
        """The last lines before `older`; `ready` are the logs that are open already."""
        before = older.before if older else query.before

        def opened(run: Run) -> Iterator[LogEvent]:
            if before is not None and created_ms(run) - LEDGER_OVERLAP_MS >= before:
                return iter(())
            return ready.get(run.id) or self._sources.tail(run, before=before)

        events = iter(NewestFirst(self._sources.history(target), opened))
        found, rest = _last(events, query, older)
        entries = tuple(entry(event) for event in reversed(found))
        return Page(entries=entries, older=str(rest) if rest else None, has_more=rest is not None)


def _take(merges: Mapping[RunId, Merge], query: Query) -> tuple[tuple[Entry, ...], bool]:
    """Takes what fits on the page: the entries that match, and whether it was full before the end."""
    found: list[Entry] = []
    size, any_taken = 0, False
    streams = [_labelled(run, merge.unread()) for run, merge in merges.items()]
    for run, step in heapq.merge(*streams, key=lambda item: item[1].event.time):
        if any_taken and (_full(query, len(found), size) or query.hurry()):
            return tuple(found), True
        merges[run].take(step)
        any_taken = True
        if step.shown and query.matches(step.event):
            found.append(entry(step.event))
            size += _weight(step.event)
    return tuple(found), False


def _last(
    events: Iterator[LogEvent], query: Query, older: Older | None
) -> tuple[list[LogEvent], Older | None]:
    """The newest lines that match, newest first, and where the ones before them begin."""
    found: list[LogEvent] = []
    at, size = Older(0), 0
    for event in _beyond(events, older):
        if query.after is not None and event.time < query.after:
            return found, None
        if at.before and (_full(query, len(found), size) or query.hurry()):
            return found, at
        at = _past(event, at if at.before else older)
        if query.matches(event):
            found.append(event)
            size += _weight(event)
    return found, None


def _beyond(events: Iterator[LogEvent], older: Older | None) -> Iterator[LogEvent]:
    """Without those that were read already: of one millisecond, as many as `older` has counted."""
    skipped = 0
    for event in events:
        if older and event.time >= older.before:
            continue
        if older and event.time == older.before - 1 and skipped < older.skip:
            skipped += 1
            continue
        yield event


def _past(event: LogEvent, at: Older | None) -> Older:
    """Where to read on after this event, coming from `at`."""
    same = at is not None and at.before == event.time + 1
    return Older(event.time + 1, at.skip + 1 if at and same else 1)


def _weight(event: LogEvent) -> int:
    """Bytes of the line in JSON, whatever is in it."""
    return len(json.dumps(event.message))


def _full(query: Query, lines: int, size: int) -> bool:
    return lines >= query.lines or (query.size is not None and size >= query.size)


def _labelled(run: RunId, steps: Iterable[Step]) -> Iterator[tuple[RunId, Step]]:
    return ((run, step) for step in steps)


def _overlap(newest_first: Iterator[LogEvent]) -> Iterator[LogEvent]:
    """Down to the first event that is older than the overlap, that one included."""
    newest: int | None = None
    for event in newest_first:
        newest = event.time if newest is None else newest
        yield event
        if event.time < newest - OVERLAP_MS:
            return


def _bookmark(target: Target, spots: Mapping[RunId, Spot], floor: int) -> Bookmark:
    """What is done with, and was created before the floor, needs no mention."""
    if target.run is not None:
        return Bookmark(target=str(target), runs=spots)
    floor = max([floor, *(spot.created - LEDGER_OVERLAP_MS for spot in spots.values())])
    kept = {r: spot for r, spot in spots.items() if not spot.done or spot.created >= floor}
    return Bookmark(target=str(target), floor=floor, runs=kept)
