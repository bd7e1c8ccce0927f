"""The cursor's rule: whatever order, delay and cuts, each event is read exactly once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.bookmark import Bookmark, Older, Spot
from toolkit.core.errors import UsageError
from toolkit.core.logs import (
    MOST_SEEN,
    OVERLAP_MS,
    Cursor,
    LogEvent,
    Reading,
    entry,
    event_id,
    fresh,
    is_last,
)
from toolkit.core.run import RunId

RUN = RunId("dev-00000001")


def event(time: int, nth: int = 0) -> LogEvent:
    return LogEvent(time=time, id=f"{time}-{nth}", message=f"line {time} {nth}")


def restored(cursor: Cursor) -> Cursor:
    """The cursor as a restarted process has it: through its text."""
    text = str(Bookmark(target=RUN, runs={RUN: Spot(0, cursor)}))
    return Bookmark.parse(text, RUN).runs[RUN].cursor


def polled(polls: list[list[LogEvent]]) -> list[str]:
    """What a follower reads that is restarted after each poll; each poll shows what has arrived until then."""
    cursor, arrived, read = Cursor(), list[LogEvent](), list[str]()
    for arriving in polls:
        arrived += arriving
        new, cursor = fresh(arrived, restored(cursor))
        read += [e.id for e in new]
    return read


times = st.integers(0, OVERLAP_MS)


@given(st.lists(st.lists(st.tuples(times, st.integers(0, 3)), max_size=8), max_size=8))
def test_every_event_is_read_exactly_once_whatever_the_order_of_arrival(
    polls: list[list[tuple[int, int]]],
) -> None:
    """Within the overlap, events may arrive in any order and in any number of bunches, also with equal times."""
    arriving = [[event(time, nth) for time, nth in poll] for poll in polls]
    expected = {e.id for poll in arriving for e in poll}
    read = polled(arriving)
    assert (len(read), set(read)) == (len(expected), expected)


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=60), st.lists(st.integers(1, 7), min_size=1)
)
def test_pages_of_any_size_read_every_event_once_and_in_order(
    gaps: list[int], sizes: list[int]
) -> None:
    """A page may end anywhere, also between two events of one millisecond."""
    events = [event(sum(gaps[: i + 1]) // 20, i) for i in range(len(gaps))]
    cursor, read = Cursor(), list[LogEvent]()
    for turn in range(len(events)):
        reading = Reading(events, restored(cursor))
        page = [e for e, _ in zip(reading.unread(), range(sizes[turn % len(sizes)]), strict=False)]
        [reading.take(e) for e in page]
        cursor, read = reading.cursor(most=5), read + page
    assert read == events


def test_an_event_behind_the_read_position_is_read_and_none_is_repeated() -> None:
    """Rule: log events can appear behind the read position, and a stream's lastEventTimestamp is updated late.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    """
    assert polled([[event(30_000)], [event(10_001)], [event(29_999)], []]) == [
        "30000-0",
        "10001-0",
        "29999-0",
    ]


def test_a_service_that_repeats_an_event_in_one_answer_shows_it_once() -> None:
    """Pages of a log service may overlap: endTime is exclusive in GetLogEvents and inclusive in FilterLogEvents.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    assert [e.id for e in fresh([event(5), event(5)], Cursor())[0]] == ["5-0"]


def test_a_burst_of_equal_times_is_counted_instead_of_remembered() -> None:
    """More events in a millisecond than the cursor has room for are still read once each."""
    burst = [event(7, n) for n in range(3 * MOST_SEEN)]
    new, cursor = fresh(burst[:-1], Cursor())
    assert len(cursor.seen) <= MOST_SEEN
    assert ([e.id for e in fresh(burst, restored(cursor))[0]], len(new)) == (
        [burst[-1].id],
        len(burst) - 1,
    )


def test_a_long_burst_keeps_the_cursor_small() -> None:
    """The cursor fits into a request's headers: 8 KiB are refused by some proxies."""
    cursor = fresh([event(n // 3, n) for n in range(20_000)], Cursor())[1]
    assert len(str(Bookmark(target=RUN, runs={RUN: Spot(0, cursor)}))) < 6_500


def test_sixty_runs_at_once_keep_the_bookmark_small() -> None:
    """The runs of an agent share the room for marks."""
    runs = [RunId(f"dev-{n:08x}") for n in range(60)]
    spots = {run: Spot(0, Cursor()) for run in runs}
    most = Bookmark(target="dev", runs=spots).most_seen
    reading = Reading([event(10**12 + n) for n in range(100)], Cursor())
    [reading.take(e) for e in reading.unread()]
    full = {run: Spot(10**12, reading.cursor(most)) for run in runs}
    assert len(str(Bookmark(target="dev", runs=full))) < 16_384


@pytest.mark.parametrize(
    "text",
    [
        "!", "AAAA", "e30", "W10K", "bnVsbA", "WyJkZXYtMDAwMDAwMDEiXQo", "%00", "é" * 8, "A" * 100_000,
        "WyJkZXYtMDAwMDAwMDEiLDAsWyJkZXYtMDAwMDAwMDEiLDAsMCwwLDEsMF1dCg",
        "WyJkZXYtMDAwMDAwMDEiLC0xXQo", "W1tbW1tbW1tbW1tbW1tbW1tb", "",
    ],
)  # fmt: skip
def test_a_damaged_cursor_is_refused(text: str) -> None:
    """A cursor comes back from a client: anything may be in it."""
    with pytest.raises(UsageError, match="cursor"):
        Bookmark.parse(text, RUN)


@given(st.text(max_size=60))
def test_no_text_makes_a_cursor_fail_otherwise(text: str) -> None:
    """Whatever comes, it is read or refused in words."""
    with pytest.raises(UsageError):
        Bookmark.parse(text, RUN)


@given(st.binary(max_size=80))
def test_a_backward_cursor_is_read_or_refused_in_words(data: bytes) -> None:
    """The same for reading back."""
    with pytest.raises(UsageError):
        Older.parse(str(data))


def test_a_cursor_of_other_logs_is_refused() -> None:
    """It would skip lines silently."""
    with pytest.raises(UsageError, match="not one of ops's"):
        Bookmark.parse(str(Bookmark(target="dev")), "ops")


def test_a_json_line_becomes_its_fields_and_other_text_becomes_msg() -> None:
    """Time, id and run are always there, and are the service's, not the line's."""
    line = LogEvent(
        time=5, id="x", message='{"msg": "hi", "time": 1, "run": "dev-00000009"}', run=RUN
    )
    assert entry(line) == {"msg": "hi", "time": 5, "id": "x", "run": RUN}
    assert entry(LogEvent(time=5, id="x", message="{plain", run=RUN))["msg"] == "{plain"
    assert entry(LogEvent(time=5, id="x", message="[1]", run=RUN))["msg"] == "[1]"
    assert entry(LogEvent(time=5, id="x", message="{" * 100_000, run=RUN))["msg"] == "{" * 100_000


def test_only_the_containers_own_last_line_ends_a_log() -> None:
    """An agent that prints the same words does not cut off its own log."""
    assert is_last(LogEvent(time=1, id="1", message='{"_log": true, "msg": "run completed"}'))
    assert not is_last(
        LogEvent(time=1, id="1", message='{"msg": "output", "text": "run completed"}')
    )


def test_equal_lines_have_different_ids() -> None:
    """The nth line with one time and text keeps its id at every reading."""
    assert event_id(1, "a", 0) != event_id(1, "a", 1)
    assert event_id(1, "a", 0) == event_id(1, "a", 0)
