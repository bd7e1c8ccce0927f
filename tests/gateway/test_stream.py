"""Server-sent events, under uvicorn over a real connection: lines as they come, heartbeats, and an end."""

import json
from collections.abc import Iterator

import httpx
import uvicorn

from tests.fakes import eventually

from .place import BEARER, STREAM, Place, events

DEV = "/api/logs/agents/dev"
RUN = f"{DEV}/dev-00000001"


def said(lines: Iterator[str], last: str) -> list[str]:
    """The messages of a stream down to `last`."""
    found = list[str]()
    for line in lines:
        if line.startswith("data: "):
            found.append(json.loads(line[6:]).get("msg"))
        if found and found[-1] == last:
            break
    return found


def test_lines_arrive_while_the_run_goes_on(served: str, place: Place) -> None:
    """First the last lines, then each as it is printed, on one connection."""
    run = place.run()
    place.say(run, "a", "b")
    with httpx.stream("GET", served + RUN, headers=STREAM, params={"lines": "1"}) as answer:
        lines = answer.iter_lines()
        first = said(lines, "b")
        place.say(run, "c")
        second = said(lines, "c")
        place.say(run, "d")
        third = said(lines, "d")
    assert (first, second, third) == (["b"], ["c"], ["d"])
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache, no-transform"


def test_a_run_that_is_over_ends_the_stream(served: str, place: Place) -> None:
    """`event: end` after the last line, so that nobody reconnects for ever."""
    run = place.run()
    place.say(run, "a")
    place.end(run)
    answer = httpx.get(served + RUN, headers=STREAM)
    assert answer.text.startswith("retry: 1000\n\n")
    assert [e.get("event") for e in events(answer.text)][-1] == "end"
    assert '"msg": "run completed"' in answer.text


def test_the_last_event_id_wins_over_the_cursor(served: str, place: Place) -> None:
    """A browser reconnects to the same address, with the id of the last event that it has."""
    run = place.run()
    place.say(run, "a")
    old = httpx.get(served + RUN, headers=BEARER).json()["cursor"]
    place.say(run, "b")
    new = httpx.get(served + RUN, headers=BEARER).json()["cursor"]
    place.say(run, "c")
    place.end(run)
    answer = httpx.get(
        served + RUN, headers=STREAM | {"Last-Event-ID": new}, params={"cursor": old}
    )
    assert ['"c"' in answer.text, '"b"' in answer.text] == [True, False]


def test_every_id_continues_exactly_there(served: str, place: Place) -> None:
    """The `id:` of the last event, given back, yields nothing that was seen."""
    run = place.run()
    place.say(run, *map(str, range(50)))
    with httpx.stream("GET", served + RUN, headers=STREAM, params={"lines": "50"}) as answer:
        ids = (line[4:] for line in answer.iter_lines() if line.startswith("id: "))
        last = next(ids)
    place.say(run, "new")
    page = httpx.get(served + RUN, headers=BEARER, params={"cursor": last}).json()
    assert [e["msg"] for e in page["entries"]] == ["new"]


def test_a_silent_run_is_kept_alive_with_heartbeats(served: str, place: Place) -> None:
    """Proxies close what says nothing."""
    place.say(place.run(), "a")
    with httpx.stream("GET", served + DEV, headers=STREAM) as answer:
        assert ": heartbeat" in answer.iter_lines()


def test_a_client_that_leaves_is_forgotten(
    served: str, server: uvicorn.Server, place: Place
) -> None:
    """A closed connection ends its stream, which would go on for an hour: nothing polls any more."""
    place.say(place.run(), "a")
    with httpx.stream("GET", served + DEV, headers=STREAM) as answer:
        lines = answer.iter_lines()  # closes the connection when it is dropped
        assert next(lines) == "retry: 1000"
        assert server.server_state.tasks
    assert eventually(lambda: not server.server_state.tasks)


def test_what_is_wrong_is_said_before_the_stream_begins(served: str, place: Place) -> None:
    """A stream that cannot begin is an ordinary answer with its status."""
    place.run()
    assert httpx.get(served + DEV, headers=STREAM, params={"cursor": "x"}).status_code == 400
    assert httpx.get(served + "/api/logs/agents/ops", headers=STREAM).status_code == 404
    assert httpx.get(served + DEV, headers={"Accept": "text/event-stream"}).status_code == 401


def test_what_goes_wrong_later_is_said_in_the_stream(served: str, place: Place) -> None:
    """The status has been sent; an `error` event still tells, without our code's innards."""
    run = place.run()
    place.say(run, "a")
    with httpx.stream("GET", served + RUN, headers=STREAM) as answer:
        lines = answer.iter_lines()
        assert said(lines, "a") == ["a"]
        place.damage(run)
        rest = "\n".join(lines)
    (last,) = (e for e in events(rest.strip()) if e.get("event") == "error")
    assert set(json.loads(last["data"])) == {"error", "hint"}
    assert "IsADirectoryError" not in rest


def test_grep_follows_too(served: str, place: Place) -> None:
    """Only lines that match are sent, before and after."""
    run = place.run()
    place.say(run, "apple", "pear")
    with httpx.stream("GET", served + RUN, headers=STREAM, params={"grep": "ap.le"}) as answer:
        lines = answer.iter_lines()
        first = said(lines, "apple")
        place.say(run, "plum", "apple pie")
        assert (first, said(lines, "apple pie")) == (["apple"], ["apple pie"])
