"""Who has a backend, and who waits for it in which order: values and decisions only, nothing is read or kept here.

A run gets everything that it needs at once or nothing.  Who was asked for first goes first, on every backend alike: so the
oldest that waits is never behind another, nobody waits for ever, and no two wait for each other.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from toolkit.core.clock import from_iso, iso
from toolkit.core.run import RunId
from toolkit.llm.backend import Backend

STALE = timedelta(minutes=10)  # without a sign of life: whoever has it has lost it
UNSEEN = timedelta(minutes=5)  # the same for who waits: nobody asks for it any more
HEARTBEAT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A run that wants its turn.  `created` says how old its wish is; `caller` is the run that called it, which may lend
    it its own place while it waits for the answer."""

    run: RunId
    created: str
    backends: tuple[Backend, ...]
    caller: RunId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A run at a backend, or in the line before it, since when, and when it was last heard of.  Times are ISO 8601."""

    run: RunId
    created: str
    since: str
    beat: str
    limit: int = 1  # what it was told that the backend bears
    caller: RunId | None = None

    @property
    def order(self) -> tuple[str, str]:
        return self.created, self.run

    def silent(self, moment: datetime) -> timedelta:
        return moment - from_iso(self.beat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One backend: who has it, and who waits, oldest first."""

    backend: str
    held: tuple[Place, ...] = ()
    waiting: tuple[Place, ...] = ()

    @property
    def taken(self) -> int:
        """How many sessions; one that works in its caller's place takes none of its own."""
        runs = {place.run for place in self.held}
        return sum(place.caller not in runs for place in self.held)

    def holds(self, run: RunId) -> bool:
        return any(place.run == run for place in self.held)

    def ahead(self, place: Place, moment: datetime) -> list[Place]:
        """Who waits and was there before it."""
        return [
            other
            for other in self.waiting
            if other.order < place.order and other.silent(moment) < UNSEEN
        ]

    def admits(self, place: Place, moment: datetime) -> bool:
        """Whether it may begin now: in a free place when nobody is before it, or in the one that its caller lends."""
        return self.holds(place.run) or self.has_room(place, moment) or self._lends(place)

    def has_room(self, place: Place, moment: datetime) -> bool:
        """Whether there is a place that is nobody's, and nobody is before it."""
        return self.taken < place.limit and not self.ahead(place, moment)

    def _lends(self, place: Place) -> bool:
        """To one at a time: a caller that has two called runs waits for both."""
        if place.caller is None or not self.holds(place.caller):
            return False
        return all(other.caller != place.caller for other in self.held)

    def without(self, *runs: RunId) -> "Line":
        held = tuple(place for place in self.held if place.run not in runs)
        return replace(self.without_waiting(*runs), held=held)

    def without_waiting(self, *runs: RunId) -> "Line":
        return replace(self, waiting=tuple(p for p in self.waiting if p.run not in runs))

    @property
    def empty(self) -> bool:
        return not (self.held or self.waiting)


Lines = Mapping[str, Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a run stands that waits: `position` counts from 1, `holders` are those that have the backend."""

    backend: str
    position: int
    since: str
    holders: tuple[Place, ...]


def entered(lines: Lines, asking: Asking, moment: datetime) -> tuple[Lines, bool]:
    """The lines with it: at all its backends, and then True; or before all of them."""
    places = {b.id: _place(lines.get(b.id), asking, b, moment) for b in asking.backends}
    known = {name: lines.get(name) or Line(backend=name) for name in places}
    now = all(line.admits(places[name], moment) for name, line in known.items())
    put = _begun if now else _waiting
    return {**lines, **{n: put(line, places[n], moment) for n, line in known.items()}}, now


def left(lines: Lines, *runs: RunId) -> Lines:
    """Without them, whether they had a place or waited for one."""
    return _peopled({name: line.without(*runs) for name, line in lines.items()})


def called_off(lines: Lines, *runs: RunId) -> Lines:
    """They wait no longer; whoever has a place keeps it."""
    return _peopled({name: line.without_waiting(*runs) for name, line in lines.items()})


def silenced(lines: Lines, *runs: RunId) -> Lines:
    """As if nobody had asked for them for long: they keep nobody back.  Whoever has a place keeps it."""
    return {
        name: replace(
            line, waiting=tuple(_silenced(p) if p.run in runs else p for p in line.waiting)
        )
        for name, line in lines.items()
    }


def _silenced(place: Place) -> Place:
    return replace(place, beat=iso(from_iso(place.beat) - UNSEEN))


def _peopled(lines: Lines) -> Lines:
    return {name: line for name, line in lines.items() if not line.empty}


def heard(lines: Lines, runs: Collection[RunId], moment: datetime) -> Lines:
    """These runs gave a sign of life; it is noted where the last one is a while ago."""
    return {
        name: replace(
            line,
            held=tuple(_heard(place, runs, moment) for place in line.held),
            waiting=tuple(_heard(place, runs, moment) for place in line.waiting),
        )
        for name, line in lines.items()
    }


def kept_back(lines: Lines, moment: datetime) -> frozenset[RunId]:
    """Those that wait, and whose turn it is not yet."""
    return frozenset(
        place.run
        for line in lines.values()
        for place in line.waiting
        if not line.admits(place, moment)
    )


def holders(lines: Lines) -> dict[RunId, Place]:
    """All that have a backend, each once."""
    return {place.run: place for line in lines.values() for place in line.held}


def waiters(lines: Lines) -> dict[RunId, Place]:
    """All that wait, each once."""
    return {place.run: place for line in lines.values() for place in line.waiting}


def standing(lines: Lines, run: RunId, moment: datetime) -> Standing | None:
    """Where it stands at the backend that keeps it back; None for one that does not wait."""
    found = [(line, place) for line in lines.values() for place in line.waiting if place.run == run]
    kept = [pair for pair in found if not pair[0].admits(pair[1], moment)]
    for line, place in kept or found:
        position = len(line.ahead(place, moment)) + 1
        return Standing(
            backend=line.backend, position=position, since=place.since, holders=line.held
        )
    return None


def stuck(lines: Lines, moment: datetime) -> frozenset[RunId]:
    """Those that wait and can never begin: for callers that wait themselves, maybe through others, for what they called.

    Whoever has a backend is taken to wait for all that it called and that has not begun."""
    wait, have = waiters(lines), holders(lines)
    able: set[RunId] = set()
    while (
        more := {
            *(run for run in have if all(w.run in able for w in wait.values() if w.caller == run)),
            *(run for run, place in wait.items() if _may_begin_after(lines, place, able, moment)),
        }
        - able
    ):
        able |= more
    return frozenset(wait.keys() - able)


def _may_begin_after(lines: Lines, place: Place, over: Collection[RunId], moment: datetime) -> bool:
    """Whether there is, or will be, room for it wherever it waits, once those are over."""
    return all(
        line.taken < place.limit
        or line.admits(place, moment)
        or any(holder.run in over for holder in line.held if holder.run != place.caller)
        for line in lines.values()
        if place in line.waiting
    )


def to_fact(lines: Lines) -> dict[str, Any] | None:
    """Plain JSON; None where there is nobody."""
    return {name: _plain(line) for name, line in _peopled(lines).items()} or None


def from_fact(fact: Mapping[str, Any] | None) -> Lines:
    return {
        name: Line(
            backend=name, held=tuple(_parsed(line["held"])), waiting=tuple(_parsed(line["waiting"]))
        )
        for name, line in (fact or {}).items()
    }


def _place(line: Line | None, asking: Asking, backend: Backend, moment: datetime) -> Place:
    """As it is known there already, or new."""
    places = (*line.held, *line.waiting) if line else ()
    if known := next((place for place in places if place.run == asking.run), None):
        return _heard(replace(known, limit=backend.limit), (asking.run,), moment)
    return Place(
        run=asking.run,
        created=asking.created,
        since=iso(moment),
        beat=iso(moment),
        limit=backend.limit,
        caller=asking.caller,
    )


def _begun(line: Line, place: Place, moment: datetime) -> Line:
    """At its backend, as whose guest it may be; it waited until now."""
    if line.holds(place.run):
        return _renewed(line, place)
    own = line.has_room(place, moment)
    begun = replace(place, since=iso(moment), caller=None if own else place.caller)
    rest = line.without(place.run)
    return replace(rest, held=(*rest.held, begun))


def _waiting(line: Line, place: Place, moment: datetime) -> Line:
    """In the line before it.  What it has already it keeps."""
    if line.holds(place.run):
        return _renewed(line, place)
    rest = (*line.without(place.run).waiting, place)
    return replace(line, waiting=tuple(sorted(rest, key=lambda one: one.order)))


def _renewed(line: Line, place: Place) -> Line:
    held = tuple(place if other.run == place.run else other for other in line.held)
    return replace(line, held=held)


def _heard(place: Place, runs: Collection[RunId], moment: datetime) -> Place:
    recent = timedelta() <= place.silent(moment) < HEARTBEAT / 2
    return place if place.run not in runs or recent else replace(place, beat=iso(moment))


def _plain(line: Line) -> dict[str, Any]:
    return {name: [_short(place) for place in getattr(line, name)] for name in ("held", "waiting")}


def _short(place: Place) -> dict[str, Any]:
    return {name: value for name, value in asdict(place).items() if value is not None}


def _parsed(places: Iterable[Mapping[str, Any]]) -> Iterator[Place]:
    for data in places:
        caller = RunId(data["caller"]) if "caller" in data else None
        yield Place(**{**data, "run": RunId(data["run"]), "caller": caller})
