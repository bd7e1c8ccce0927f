"""CloudWatch Logs is read so that every line comes once, in order, and the same line always has the same id."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from moto_tests.given import MOMENT_MS
from toolkit.clouds.aws import Clients
from toolkit.clouds.aws_logs import Reader
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import AccessDenied
from toolkit.core.logs import OVERLAP_MS, Cursor, LogEvent, fresh

GROUP, STREAM = "/ecs/al-shop-staging", "dev/agent/1"
NOW = MOMENT_MS


class Paged:
    """GetLogEvents over a list: pages of any size, with empty ones in between, as the real service gives them."""

    def __init__(self, lines: list[tuple[int, str]], page: int) -> None:
        self.lines, self.page = sorted(lines, key=lambda line: line[0]), page
        self.calls = 0

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        end = request.get("endTime", 2**62)  # exclusive
        found = [one for one in self.lines if request["startTime"] <= one[0] < end]
        forward = request["startFromHead"]
        at, turn = map(int, request.get("nextToken", "0/1").split("/"))
        size = self.page if turn % 2 else 0  # every second page is empty
        last = max(0, len(found) - at)
        some = found[at : at + size] if forward else found[max(0, last - size) : last]
        token = (
            f"{at + len(some)}/{turn + 1}" if at < len(found) else request.get("nextToken", "0/1")
        )
        events = [{"timestamp": time, "message": text} for time, text in some]
        return {"events": events, "nextForwardToken": token, "nextBackwardToken": token}


@pytest.fixture
def logs(aws_cloud: AwsCloud) -> Any:
    client = Clients(aws_cloud).client("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    return client


def put(logs: Any, *lines: tuple[int, str], stream: str = STREAM) -> None:
    events = [{"timestamp": NOW + time, "message": text} for time, text in lines]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def forward(logs: Any, *, since: int = 0, page: int = 10_000) -> list[LogEvent]:
    return list(Reader(logs=logs, run="r", page=page).forward(GROUP, STREAM, since=since))


def backward(logs: Any, *, before: int | None = None, page: int = 10_000) -> list[LogEvent]:
    return list(Reader(logs=logs, run="r", page=page).backward(GROUP, STREAM, before=before))


def texts(events: Any) -> list[str]:
    return [event.message for event in events]


def test_lines_come_in_order_without_their_line_ends(logs: Any) -> None:
    """Oldest first; Lambda's own lines end in a newline that nobody wants twice."""
    put(logs, (0, "one\n"), (1, "two"))
    assert texts(forward(logs)) == ["one", "two"]


def test_a_log_group_that_does_not_exist_yet_is_an_empty_log(aws_cloud: AwsCloud) -> None:
    """A task that was just launched has printed nothing."""
    assert forward(Clients(aws_cloud).client("logs")) == []


def test_a_stream_that_does_not_exist_yet_has_no_tail(logs: Any) -> None:
    """The same from the end."""
    assert list(Reader(logs=logs, run="r").backward(GROUP, "dev/agent/none")) == []


def test_equal_lines_of_one_millisecond_have_different_ids(logs: Any) -> None:
    """Three times the same text at the same time are three lines."""
    put(logs, (0, "tick"), (0, "tick"), (0, "tick"))
    assert len({event.id for event in forward(logs)}) == 3


def test_an_id_does_not_depend_on_where_reading_begins(logs: Any) -> None:
    """Reading again from a later moment gives the same lines the same ids."""
    put(logs, (0, "a"), (5, "tick"), (5, "tick"), (6, "b"))
    assert forward(logs, since=NOW + 5) == forward(logs)[1:]


@pytest.mark.parametrize("page", [1, 2, 3, 10_000])
def test_forwards_and_backwards_tell_the_same_story(logs: Any, page: int) -> None:
    """The same lines with the same ids, in reverse, wherever a page ends."""
    put(logs, (0, "a"), (1, "x"), (1, "x"), (1, "y"), (1, "x"), (2, "b"))
    assert backward(logs, page=page) == forward(logs, page=page)[::-1]


@given(
    lines=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), max_size=20),
    page=st.integers(1, 7),
)
def test_every_line_once_whatever_the_pages(lines: list[tuple[int, str]], page: int) -> None:
    """Partly full and empty pages are not the end: the end is the token that was sent
    (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html)."""
    ahead = forward(Paged(lines, page))
    assert sorted((e.time, e.message) for e in ahead) == sorted(lines)
    assert len({e.id for e in ahead}) == len(lines)
    assert backward(Paged(lines, page)) == ahead[::-1]


def test_before_leaves_out_its_own_moment(logs: Any) -> None:
    """`endTime` is exclusive in GetLogEvents (API reference), and so is `before`, also where an emulator differs."""
    put(logs, (0, "a"), (1, "b"), (2, "c"))
    assert texts(backward(logs, before=NOW + 1)) == ["a"]


def test_the_tail_reads_no_more_than_is_looked_at() -> None:
    """Two lines of a long log cost one call, or two where a page ends between them."""
    service = Paged([(time, "x") for time in range(1000)], page=10)
    list(islice(Reader(logs=service, run="r").backward(GROUP, STREAM), 2))
    assert service.calls == 1


def test_the_tail_goes_as_far_back_as_it_must() -> None:
    """Asking for more lines than a page has reads more pages."""
    service = Paged([(time, str(time)) for time in range(1000)], page=10)
    found = list(islice(Reader(logs=service, run="r").backward(GROUP, STREAM), 995))
    assert texts(found)[-1] == "5"


def test_a_late_line_is_not_missed(logs: Any) -> None:
    """CloudWatch shows a line behind the newest one; reading again from the overlap finds it, once."""
    put(logs, (0, "a"), (9, "c"))
    _, cursor = fresh(forward(logs), Cursor())
    put(logs, (5, "late"))
    new, cursor = fresh(forward(logs, since=cursor.since), cursor)
    again, _ = fresh(forward(logs, since=cursor.since), cursor)
    assert (texts(new), texts(again)) == (["late"], [])


def test_a_late_twin_of_a_line_is_a_new_line(logs: Any) -> None:
    """The same text at the same time, arriving later, is shown too."""
    put(logs, (0, "tick"), (9, "c"))
    _, cursor = fresh(forward(logs), Cursor())
    put(logs, (0, "tick"))
    new, _ = fresh(forward(logs, since=cursor.since), cursor)
    assert texts(new) == ["tick"]


def test_a_restart_in_the_middle_repeats_and_loses_nothing(logs: Any) -> None:
    """The cursor alone is enough for another process to go on with."""
    put(logs, (0, "a"), (OVERLAP_MS + 1, "b"), (OVERLAP_MS + 1, "b"))
    first, cursor = fresh(forward(logs), Cursor())
    put(logs, (OVERLAP_MS + 2, "c"))
    second, _ = fresh(forward(logs, since=cursor.since), cursor)
    assert texts(first + second) == ["a", "b", "b", "c"]


def test_throttling_is_waited_out(logs: Any) -> None:
    """GetLogEvents allows some 25 calls a second per account; a reader that is told to slow down goes on later."""
    with Stubber(logs) as service:
        service.add_client_error("get_log_events", "ThrottlingException", "Rate exceeded", 400)
        service.add_response("get_log_events", page_of("a", "f/1"))
        service.add_response("get_log_events", page_of(None, "f/1"))
        assert texts(forward(logs)) == ["a"]


def test_a_refusal_is_not_an_empty_log(logs: Any) -> None:
    """Without permission to read, the reader says so."""
    with Stubber(logs) as service:
        service.add_client_error("get_log_events", "AccessDeniedException", "no", 400)
        with pytest.raises(AccessDenied):
            forward(logs)


def test_a_token_is_sent_with_the_window_it_came_from(logs: Any) -> None:
    """A forward token wants `startFromHead` and the same start again (API reference, GetLogEvents)."""
    where = {
        "logGroupName": GROUP,
        "logStreamName": STREAM,
        "startFromHead": True,
        "startTime": 7,
        "limit": 10_000,
    }
    with Stubber(logs) as service:
        service.add_response("get_log_events", page_of("a", "f/1"), where)
        service.add_response("get_log_events", page_of(None, "f/1"), where | {"nextToken": "f/1"})
        forward(logs, since=7)
        service.assert_no_pending_responses()


def test_a_search_follows_its_token_through_empty_pages(logs: Any) -> None:
    """FilterLogEvents may answer with nothing and a token; only an answer without a token is the end
    (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html)."""
    where = {"logGroupName": GROUP, "startTime": 0, "filterPattern": '?"r-1" ?"q-2"'}
    event = {"timestamp": NOW, "message": "a"}
    with Stubber(logs) as service:
        service.add_response("filter_log_events", {"events": [], "nextToken": "t"}, where)
        service.add_response("filter_log_events", {"events": [event]}, where | {"nextToken": "t"})
        assert texts(Reader(logs=logs, run="r").search(GROUP, ("r-1", "q-2"))) == ["a"]


def test_a_search_ends_before_its_end(logs: Any) -> None:
    """`endTime` is inclusive in FilterLogEvents (API reference), `before` is not."""
    where = {"logGroupName": GROUP, "startTime": 0, "filterPattern": '?"r"', "endTime": 9}
    with Stubber(logs) as service:
        service.add_response("filter_log_events", {"events": []}, where)
        list(Reader(logs=logs, run="r").search(GROUP, ("r",), before=10))
        service.assert_no_pending_responses()


def test_a_search_gives_a_line_the_id_that_its_stream_gives_it(logs: Any) -> None:
    """A run is searched for until its stream is known: switching repeats nothing."""
    put(logs, (0, "tick"), (0, "tick"), (1, "b"))
    assert list(Reader(logs=logs, run="r").search(GROUP, ("tick", "b"))) == forward(logs)


def test_lines_of_others_are_left_out_and_do_not_change_ids(logs: Any) -> None:
    """A stream may be shared; a filter chooses lines, and nothing else."""
    put(logs, (0, "mine"), (0, "other"), (0, "mine"))
    reader = Reader(logs=logs, run="r", mine=lambda line: line == "mine")
    chosen = list(reader.forward(GROUP, STREAM))
    assert chosen == [event for event in forward(logs) if event.message == "mine"]


def page_of(text: str | None, token: str) -> dict[str, Any]:
    events = [] if text is None else [{"timestamp": NOW, "message": text}]
    return {"events": events, "nextForwardToken": token, "nextBackwardToken": token}


def test_reading_costs_nothing_until_somebody_reads() -> None:
    """A log that nobody looks at makes no call."""
    service = Paged([(0, "a")], page=1)
    unread: Iterator[LogEvent] = Reader(logs=service, run="r").forward(GROUP, STREAM)
    assert service.calls == 0
    assert texts(unread) == ["a"]
