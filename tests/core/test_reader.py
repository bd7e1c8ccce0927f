"""Reading an agent's or a run's logs: pages, followers, restarts, and the end of a run."""

import json
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.logbook import BEGINNING, DEV, START_MS, Book, a_run, at, event
from toolkit.core.errors import NotFound, UsageError
from toolkit.core.logs import LogEvent
from toolkit.core.reader import Page, Query, Reader
from toolkit.core.run import Mailbox, RunId, RunState
from toolkit.core.sources import Target

AGENT = Target(agent=DEV)
ONE = Target(agent=DEV, run=RunId("dev-00000001"))
LAST = json.dumps({"_log": True, "msg": "run completed"})


def reader(book: Book, *, moment: datetime = BEGINNING, last_line_ends: bool = False) -> Reader:
    return Reader(book, book.runtime, clock=lambda: moment, last_line_ends=last_line_ends)


def texts(page: Page) -> list[str]:
    return [entry["msg"] for entry in page.entries]


def lines(*times: int) -> list[LogEvent]:
    return [event(ms, str(n)) for n, ms in enumerate(times)]


def test_the_last_lines_come_oldest_first() -> None:
    """Without a cursor, the newest `lines` of the log, in its order."""
    book = Book()
    book.add(a_run(), *lines(0, 10, 10, 10, 20))
    page = reader(book).page(AGENT, Query(lines=3))
    assert (texts(page), page.has_more) == (["2", "3", "4"], True)


def test_reading_the_last_lines_does_not_read_the_whole_log() -> None:
    """The log is paged backwards only as far as it must: the overlap, and the lines asked for."""
    book = Book()
    book.add(a_run(), *lines(*range(0, 1_000_000, 1000)))
    reader(book).page(AGENT, Query(lines=5))
    assert book.fetched < 40


def test_grep_pages_back_as_far_as_it_must() -> None:
    """`-n 1 -g` finds a line however far back it is."""
    book = Book()
    book.add(a_run(), *lines(*range(0, 1_000_000, 1000)))
    page = reader(book).page(AGENT, Query(lines=1, grep=lambda text: text == "3"))
    assert texts(page) == ["3"]


def test_a_follower_gets_what_is_new_and_nothing_twice() -> None:
    """The cursor of a page continues exactly there."""
    book = Book()
    run = book.add(a_run(), *lines(0, 10))
    first = reader(book).page(AGENT, Query(lines=1))
    book.say(run, event(10, "late, with an equal time"), event(11, "new"))
    second = reader(book).page(AGENT, Query(), cursor=first.cursor)
    third = reader(book).page(AGENT, Query(), cursor=second.cursor)
    assert (texts(first), texts(second), texts(third)) == (
        ["1"],
        ["late, with an equal time", "new"],
        [],
    )


def test_runs_of_an_agent_are_merged_by_time() -> None:
    """Lines of concurrent runs are shown as they happened, each with its run."""
    book = Book()
    book.add(a_run("dev-00000001"), event(0, "a"), event(20, "c"))
    book.add(a_run("dev-00000002"), event(10, "b"), event(20, "d"))
    book.add(a_run("ops-00000001"), event(15, "another agent's"))
    page = reader(book).page(AGENT, Query())
    assert [(e["msg"], e["run"][-1]) for e in page.entries] == [
        ("a", "1"),
        ("b", "2"),
        ("c", "1"),
        ("d", "2"),
    ]


def test_a_run_that_starts_while_following_is_followed_too() -> None:
    """An agent's follower sees the agent's next run from its first line."""
    book = Book()
    book.add(a_run("dev-00000001"), event(0, "a"))
    first = reader(book).page(AGENT, Query())
    book.add(a_run("dev-00000002", seconds=3600), event(3_600_100, "b"))
    assert texts(reader(book).page(AGENT, Query(), cursor=first.cursor)) == ["b"]


def test_a_run_recorded_late_is_not_missed() -> None:
    """The clock of who started it may be behind the newest run's."""
    book = Book()
    book.add(a_run("dev-00000002", seconds=30), event(30_000, "b"))
    first = reader(book).page(AGENT, Query())
    book.add(a_run("dev-00000001", seconds=10), event(10_000, "a"))
    assert texts(reader(book).page(AGENT, Query(), cursor=first.cursor)) == ["a"]


def test_two_hundred_new_runs_between_two_looks_are_all_read() -> None:
    """A follower whose laptop slept catches up."""
    book = Book()
    book.add(a_run("dev-0000ffff"), event(0, "first"))
    first = reader(book).page(AGENT, Query())
    for n in range(200):
        book.add(a_run(f"dev-{n:08x}", seconds=100 + n), event(100_000 + n * 1000, str(n)))
    page = reader(book).page(AGENT, Query(lines=1000), cursor=first.cursor)
    assert texts(page) == [str(n) for n in range(200)]


def test_an_old_runs_log_is_opened_only_when_it_is_needed() -> None:
    """A log service is asked about the runs that can hold the last lines, not about all that ever were."""
    book = Book()
    for n in range(300):
        run = book.add(a_run(f"dev-{n:08x}", seconds=n * 600), event(n * 600_000 + 10, str(n)))
        book.end(run, seconds=n * 600 + 5)
    page = reader(book, moment=at(10**6)).page(AGENT, Query(lines=3))
    assert (texts(page), len(book.calls) < 8) == (["297", "298", "299"], True)


def test_a_long_old_run_that_goes_on_is_found() -> None:
    """However many newer runs there are."""
    book = Book()
    for n in range(150):
        book.end(book.add(a_run(f"dev-{n:08x}", seconds=n + 1)), seconds=n + 2)
    book.add(a_run("dev-0000ffff"), event(900_000, "still here"))
    first = reader(book, moment=at(1000)).page(AGENT, Query(lines=1))
    assert texts(first) == ["still here"]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), max_size=40), st.integers(1, 5))
def test_paging_back_gives_every_line_once(places: list[tuple[int, int]], size: int) -> None:
    """Whatever the page's size, also when lines of one millisecond fall on two pages."""
    book = Book()
    for run in range(3):
        of_run = [event(ms, f"{n}") for n, (r, ms) in enumerate(places) if r == run]
        book.add(a_run(f"dev-0000000{run}"), *of_run)
    page = reader(book).page(AGENT, Query(lines=size))
    read = list(page.entries)
    for _ in range(len(places)):
        page = reader(book).page(AGENT, Query(lines=size), older=page.older or "WzEsMF0")
        read = [*page.entries, *read]
    assert sorted(int(e["msg"]) for e in read) == list(range(len(places)))
    assert [e["time"] for e in read] == sorted(e["time"] for e in read)


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20_000)), max_size=6), max_size=6
    ),
    st.integers(1, 4),
)
def test_a_follower_of_several_runs_reads_every_line_once(
    polls: list[list[tuple[int, int]]], size: int
) -> None:
    """Whatever arrives when, with a restart before every page and pages of any size."""
    book = Book()
    runs = [book.add(a_run(f"dev-0000000{n}")) for n in range(3)]
    cursor, read, said = reader(book).page(AGENT, Query()).cursor, list[str](), 0
    for poll in [*polls, *([[]] * 40)]:
        for run, ms in poll:
            book.say(runs[run], event(ms, str(said)))
            said += 1
        page = reader(book).page(AGENT, Query(lines=size), cursor=cursor)
        cursor, read = page.cursor, [*read, *texts(page)]
    assert sorted(map(int, read)) == list(range(said))


def test_grep_while_following_reads_past_what_does_not_match() -> None:
    """Lines that do not match are not read again at every poll."""
    book = Book()
    run = book.add(a_run())
    cursor = reader(book).page(AGENT, Query()).cursor
    book.say(run, *lines(*range(0, 100_000, 1000)))
    wanted = Query(lines=2, grep=lambda text: text in {"1", "50", "99"})
    first = reader(book).page(AGENT, wanted, cursor=cursor)
    second = reader(book).page(AGENT, wanted, cursor=first.cursor)
    assert (texts(first), first.has_more, texts(second)) == (["1", "50"], True, ["99"])


def test_times_bound_a_page() -> None:
    """`after` is inclusive and `before` exclusive, in epoch milliseconds."""
    book = Book()
    book.add(a_run(), *lines(0, 10, 20, 30))
    page = reader(book).page(AGENT, Query(after=START_MS + 10, before=START_MS + 30))
    assert (texts(page), page.cursor) == (["1", "2"], None)


def test_a_page_is_bounded_in_size_and_says_so() -> None:
    """A very long line still gets through: at least one line is on every page."""
    book = Book()
    run = book.add(a_run(), event(0, "x" * 1000), event(1, "y"), event(2, "z"))
    cursor = reader(book).beginning(ONE)
    page = reader(book).page(ONE, Query(size=100), cursor=cursor)
    assert ([t[0] for t in texts(page)], page.has_more) == (["x"], True)
    assert texts(reader(book).page(ONE, Query(size=100), cursor=page.cursor)) == ["y", "z"]
    assert run.id in book.records


def test_hurry_hands_over_what_was_found_and_where_it_stopped() -> None:
    """A slow search goes on with the next page instead of holding the caller."""
    book = Book()
    book.add(a_run(), *lines(*range(10)))
    slow = Query(grep=lambda text: text == "0", hurry=lambda: True)
    page, pages = reader(book).page(AGENT, slow), 1
    while not page.entries and page.older:
        page, pages = reader(book).page(AGENT, slow, older=page.older), pages + 1
    assert (texts(page), pages) == (["0"], 10)


# ------------------------------------------------------------------------- the end of a run


def test_a_run_with_its_last_line_ends_when_that_was_read() -> None:
    """The tail is complete: one more look is taken after the last line was seen."""
    book = Book()
    run = book.add(a_run(), event(0, "a"), event(5, LAST))
    book.end(run, seconds=1)
    first = reader(book, moment=at(2)).page(ONE, Query())
    book.say(run, event(6, "from a child process"))
    second = reader(book, moment=at(2)).page(ONE, Query(), cursor=first.cursor)
    assert (first.ended, texts(second), second.ended) == (False, ["from a child process"], True)


def test_a_run_without_its_last_line_is_given_time_to_deliver() -> None:
    """Killed runs print no last line; what they printed may arrive seconds later."""
    book = Book()
    run = book.add(a_run(), event(0, "a"))
    book.end(run, seconds=1, state=RunState.FAILED)
    first = reader(book, moment=at(2)).page(ONE, Query())
    book.say(run, event(900, "Killed"))
    second = reader(book, moment=at(15)).page(ONE, Query(), cursor=first.cursor)
    third = reader(book, moment=at(22)).page(ONE, Query(), cursor=second.cursor)
    assert [first.ended, second.ended, third.ended] == [False, False, True]
    assert texts(second) == ["Killed"]


def test_the_state_alone_does_not_end_a_log() -> None:
    """A final state is known before the last lines arrive."""
    book = Book()
    run = book.add(a_run())
    book.end(run, seconds=1)
    assert not reader(book, moment=at(1)).page(ONE, Query()).ended


def test_a_run_that_nobody_closed_ends_by_its_own_report() -> None:
    """`kill -9` of who started it: the container's report says that it is over."""
    book = Book()
    run = book.add(a_run(), event(0, LAST))
    report = {"exit_code": 0, "state": "succeeded", "finished": "2026-11-20T12:00:01.000Z"}
    book.boxes[run.id] = Mailbox(report=report)
    first = reader(book, moment=at(2)).page(ONE, Query())
    assert reader(book, moment=at(2)).page(ONE, Query(), cursor=first.cursor).ended


@pytest.mark.parametrize(
    ("trusted", "last", "ended"), [(True, LAST, True), (False, LAST, False), (True, "a", False)]
)
def test_where_no_report_can_come_the_last_line_is_the_end(
    trusted: bool, last: str, ended: bool
) -> None:
    """Of a run that reports in its log alone, and that nobody has closed: for those who are told so, and then only."""
    book = Book()
    book.add(a_run(), event(0, last))
    first = reader(book, moment=at(2), last_line_ends=trusted).page(ONE, Query())
    second = reader(book, moment=at(2), last_line_ends=trusted)
    assert (first.ended, second.page(ONE, Query(), cursor=first.cursor).ended) == (False, ended)


def test_a_run_that_was_never_launched_has_an_empty_log_that_ends() -> None:
    """Nothing can come any more."""
    book = Book()
    book.add(a_run(handle=None, state=RunState.FAILED, finished="2026-11-20T12:00:00.000Z"))
    page = reader(book).page(ONE, Query())
    assert (page.entries, page.ended) == ((), True)


def test_a_finished_run_is_not_asked_again() -> None:
    """A follower of an agent costs nothing for the runs that are over."""
    book = Book()
    run = book.add(a_run(), event(0, "a"))
    book.end(run, seconds=1)
    first = reader(book, moment=at(100)).page(AGENT, Query())
    book.calls.clear()
    reader(book, moment=at(100)).page(AGENT, Query(), cursor=first.cursor)
    assert book.calls == []


def test_the_bookmark_forgets_runs_that_are_over() -> None:
    """It stays as small after a thousand runs as after ten."""
    book = Book()
    cursor: str | None = None
    book.add(a_run("dev-0000ffff"))
    for n in range(50):
        run = book.add(a_run(f"dev-{n:08x}", seconds=n * 100), event(n * 100_000, str(n)))
        book.end(run, seconds=n * 100 + 1)
        cursor = reader(book, moment=at(n * 100 + 60)).page(AGENT, Query(), cursor=cursor).cursor
    assert len(cursor or "") < 400


def test_where_the_container_logs_is_added_to_the_handle() -> None:
    """On Lambda the launcher does not know the log stream: the container's claim says it."""
    book = Book()
    run = book.add(a_run(), event(0, "a"))
    book.boxes[run.id] = Mailbox(claimed="now", where={"log_stream": "s"})
    seen = list[str]()
    book.logs = lambda handle, since=0: seen.append(handle.ids["log_stream"]) or iter(())  # type: ignore[method-assign,func-returns-value]
    reader(book).page(ONE, Query(), cursor=reader(book).beginning(ONE))
    assert seen == ["s"]


def test_an_unknown_agent_is_refused_with_the_known_ones() -> None:
    """A wrong name is not an empty log."""
    book = Book(known={"definition/ops": {}, "definition/review": {}})
    with pytest.raises(NotFound) as error:
        reader(book).page(AGENT, Query())
    assert error.value.hint == "known agents: ops, review"


def test_a_deployed_agent_without_runs_has_an_empty_log() -> None:
    """And its follower sees the first run."""
    book = Book(known={"definition/dev": {}})
    page = reader(book).page(AGENT, Query())
    book.add(a_run(), event(0, "a"))
    assert texts(reader(book).page(AGENT, Query(), cursor=page.cursor)) == ["a"]


def test_a_run_of_another_agent_is_not_found() -> None:
    """The agent in the address and the run belong together."""
    book = Book()
    book.add(a_run("ops-00000001"))
    with pytest.raises(NotFound):
        reader(book).page(Target(agent=DEV, run=RunId("ops-00000001")), Query())


def test_a_cursor_of_another_target_is_refused() -> None:
    """It would silently skip lines."""
    book = Book()
    book.add(a_run())
    page = reader(book).page(ONE, Query())
    with pytest.raises(UsageError):
        reader(book).page(AGENT, Query(), cursor=page.cursor)


def test_a_run_that_nobody_ends_is_over_after_its_deadline() -> None:
    """Its container and whoever started it have died: followers are not kept for ever."""
    book = Book()
    book.add(a_run(deadline="2026-11-20T12:01:00.000Z"), event(0, "a"))
    before = reader(book, moment=at(70)).page(ONE, Query())
    after = reader(book, moment=at(81)).page(ONE, Query(), cursor=before.cursor)
    assert (before.ended, after.ended) == (False, True)
