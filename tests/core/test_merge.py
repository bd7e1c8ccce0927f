"""Two paths of one run's lines: whatever the relay loses, repeats or delays, a follower reads every line once, in order."""

import json
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.relayed import RelayedLines
from tests.gateway.logbook import BEGINNING, DEV, START_MS, Book, a_run, at
from toolkit.core.bookmark import Bookmark, Spot
from toolkit.core.errors import Throttled
from toolkit.core.logs import LogEvent
from toolkit.core.merge import Told
from toolkit.core.reader import Page, Query, Reader
from toolkit.core.run import Run, RunId
from toolkit.core.sources import Target

ONE = Target(agent=DEV, run=RunId("dev-00000001"))
ALL = Target(agent=DEV)


class Paths:
    """A run's container, its log service and its relay; each path shows what it is told to."""

    def __init__(self) -> None:
        self.book, self.relayed = Book(), RelayedLines()
        self.run: Run = self.book.add(a_run())

    def body(self, count: int, ms: int | None = None) -> dict[str, object]:
        ts = START_MS + (count if ms is None else ms)
        return {"_log": True, "msg": str(count), "run": self.run.id, "ts": ts, "line": count}

    def log(self, *counts: int, ms: int | None = None) -> None:
        """The log service shows these lines, with times and ids of its own."""
        events = [
            LogEvent(
                time=START_MS + 3 + (count if ms is None else ms),
                id=f"cloud-{count}",
                message=json.dumps(self.body(count, ms), separators=(",", ":")),
            )
            for count in counts
        ]
        self.book.say(self.run, *events)

    def send(self, *counts: int) -> None:
        self.relayed.add(self.run.id, [self.body(count) for count in counts])

    def reader(self, moment: datetime = BEGINNING) -> Reader:
        return Reader(self.book, self.book.runtime, clock=lambda: moment, relayed=self.relayed.of)

    def page(self, cursor: str | None, *, lines: int = 1000, moment: datetime = BEGINNING) -> Page:
        return self.reader(moment).page(ONE, Query(lines=lines), cursor=cursor)

    def start(self) -> str:
        return self.reader().beginning(ONE)


def counts(page: Page) -> list[int]:
    return [int(entry["msg"]) for entry in page.entries]


def test_a_line_is_read_before_the_log_service_shows_it_and_not_again_after() -> None:
    """The relay is the fast path; the log service repeats what it had, and is not heard twice."""
    paths = Paths()
    paths.send(1, 2)
    first = paths.page(paths.start())
    paths.log(1, 2, 3)
    second = paths.page(first.cursor)
    assert (counts(first), counts(second), counts(paths.page(second.cursor))) == ([1, 2], [3], [])


def test_a_line_has_one_id_on_both_paths() -> None:
    """A client that loses its connection within a batch knows by them what it has."""
    paths, other = Paths(), Paths()
    paths.send(1)
    other.log(1)
    sent, logged = paths.page(paths.start()).entries[0], other.page(other.start()).entries[0]
    assert (sent["id"], logged["id"]) == ("1", "1")


def test_a_batch_that_was_lost_is_waited_for() -> None:
    """The container's order holds: what the relay has beyond a gap comes when the log service has filled it."""
    paths = Paths()
    paths.send(1, 4, 5)
    first = paths.page(paths.start())
    paths.log(1, 2)
    second = paths.page(first.cursor)
    paths.log(3)
    third = paths.page(second.cursor)
    assert (counts(first), counts(second), counts(third)) == ([1], [2], [3, 4, 5])


def test_the_log_services_own_disorder_is_put_right() -> None:
    """A line that it shows before its predecessor waits for it, on one page or on two."""
    paths = Paths()
    paths.log(1, ms=1)
    paths.log(3, ms=2)
    first = paths.page(paths.start())
    paths.log(2, ms=3)
    assert (counts(first), counts(paths.page(first.cursor))) == ([1], [2, 3])


def test_a_line_that_never_comes_does_not_keep_the_others() -> None:
    """After a while it is given up; should it come all the same, it is read then, and once."""
    paths = Paths()
    paths.log(1, 3)
    first = paths.page(paths.start(), moment=at(14))
    second = paths.page(first.cursor, moment=at(16))
    paths.log(2)
    third = paths.page(second.cursor, moment=at(16))
    fourth = paths.page(third.cursor, moment=at(16))
    assert [counts(p) for p in (first, second, third, fourth)] == [[1], [3], [2], []]


def test_a_log_whose_beginning_is_gone_is_read_page_by_page() -> None:
    """A service that has thrown old lines away is not read whole for what it does not have any more."""
    paths = Paths()
    paths.log(*range(2001, 6001))
    first = paths.page(paths.start(), lines=10, moment=at(100))
    second = paths.page(first.cursor, lines=10, moment=at(100))
    assert (counts(first), counts(second)) == ([*range(2001, 2011)], [*range(2011, 2021)])
    assert paths.book.fetched < 2000


def test_what_the_relay_has_beyond_a_gap_waits_however_late_the_log_service_is() -> None:
    """A log service that shows nothing for a minute may still show all of it."""
    paths = Paths()
    paths.send(1, 3)
    first = paths.page(paths.start(), moment=at(60))
    paths.log(1, 2, 3)
    assert (counts(first), counts(paths.page(first.cursor, moment=at(60)))) == ([1], [2, 3])


def test_at_the_end_nothing_is_held_back() -> None:
    """A log that lacks a line for good is still read to its end, and the reading ends."""
    paths = Paths()
    paths.log(1, 3)
    paths.send(5)
    paths.book.end(paths.run, seconds=1)
    page = paths.page(paths.start(), moment=at(100))
    assert (counts(page), page.ended) == ([1, 3, 5], True)


def test_a_follower_who_begins_in_the_middle_goes_on_from_there() -> None:
    """The last lines that the log service has, then at once what the relay has of those that follow."""
    paths = Paths()
    paths.log(*range(40, 61))
    paths.send(*range(30, 66))
    first = paths.page(None, lines=2)
    second = paths.page(first.cursor)
    paths.log(*range(61, 66))
    third = paths.page(second.cursor)
    assert (counts(first), counts(second), counts(third)) == ([59, 60], [*range(61, 66)], [])


def test_who_begins_at_a_gap_sees_what_is_before_it_first() -> None:
    """Also the first page keeps the container's order."""
    paths = Paths()
    paths.log(7, 8, 10)
    first = paths.page(None)
    paths.log(9, ms=11)
    assert (counts(first), counts(paths.page(first.cursor))) == ([7, 8], [9, 10])


def test_the_relay_goes_on_while_the_log_service_is_busy() -> None:
    """A service that refuses for a moment delays nobody whom the relay can serve; without it the refusal is told."""
    paths = Paths()
    paths.send(1)
    paths.book.logs = busy  # type: ignore[method-assign]
    first = paths.page(paths.start())
    assert counts(first) == [1]
    with pytest.raises(Throttled):
        paths.page(first.cursor)


def busy(*_: object, **__: object) -> object:
    raise Throttled("busy", hint="wait")


def test_lines_that_no_container_counted_come_as_the_log_service_gives_them() -> None:
    """A platform's own lines have no number, and are neither held nor lost."""
    paths = Paths()
    paths.log(1, 3)
    paths.book.say(paths.run, LogEvent(time=START_MS + 5, id="x", message="0"))
    assert counts(paths.page(paths.start())) == [1, 0]


@given(
    st.none() | st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), max_size=16),
)
def test_what_was_told_travels_with_the_cursor(
    last: int | None, gaps: list[tuple[int, int]]
) -> None:
    """A restarted process, or a client, goes on with all of it."""
    spot = Spot(START_MS, told=Told(last, tuple(gaps)))
    bookmark = Bookmark(target=str(ONE), runs={RunId("dev-00000001"): spot})
    assert Bookmark.parse(str(bookmark), str(ONE)) == bookmark


class Happening:
    """What hypothesis lets happen: lines are printed, batches are delayed, repeated, lost, and the service lags."""

    def __init__(self, total: int) -> None:
        self.paths, self.total = Paths(), total
        self.read: list[int] = []
        self.cursor: str | None = self.paths.start()

    def do(self, what: str, first: int, length: int) -> None:
        some = range(first, min(first + length, self.total + 1))
        if what == "send":
            self.paths.send(*some)
        elif what == "send backwards":
            self.paths.send(*reversed(some))
        elif what == "log":
            self.paths.log(*(n for n in some if n not in self.logged))
        else:
            self.look(lines=length)

    @property
    def logged(self) -> set[int]:
        return {int(e.id.removeprefix("cloud-")) for e in self.paths.book.lines[ONE.run or ""]}

    def look(self, lines: int) -> bool:
        page = self.paths.page(self.cursor, lines=lines)
        self.read += counts(page)
        self.cursor = page.cursor
        return page.has_more

    def complete(self) -> None:
        """In the end the log service has everything."""
        self.paths.log(*(n for n in range(1, self.total + 1) if n not in self.logged))
        while self.look(lines=7):
            pass


STEPS = st.tuples(
    st.sampled_from(["send", "send", "send backwards", "log", "look"]),
    st.integers(1, 40),
    st.integers(1, 12),
)


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=30), st.integers(1, 40))
def test_every_line_is_read_once_and_in_the_containers_order(
    steps: list[tuple[str, int, int]], total: int
) -> None:
    """Any interleaving, delay, repetition and loss of batches, and any lag and disorder of the log service, which has
    everything in the end."""
    happening = Happening(total)
    for step in steps:
        happening.do(*step)
    happening.complete()
    assert happening.read == list(range(1, total + 1))


@settings(max_examples=100)
@given(st.lists(STEPS, max_size=30), st.integers(1, 40))
def test_who_begins_in_the_middle_reads_on_without_a_gap(
    steps: list[tuple[str, int, int]], total: int
) -> None:
    """From the first line that such a follower is shown, every line once and in order."""
    happening = Happening(total)
    happening.cursor = None
    for step in steps:
        happening.do(*step)
    happening.complete()
    tail = [n for n in happening.read if n >= happening.read[0]]
    assert tail == list(range(happening.read[0], total + 1))
