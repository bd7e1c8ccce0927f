"""GET /api/logs/scheduler: what this process has said of its work, in pages."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.recent import Recent
from tests.gateway.place import BEARER, Place

Get = Callable[..., Any]


@pytest.fixture
def get(place: Place) -> Iterator[Get]:
    """Asks a gateway whose process has said five things, from "line 0" to "line 4"."""
    app = create_app(place.services)
    app.state.recent, log = Recent(), logging.getLogger("al.scheduler")
    log.addHandler(app.state.recent)
    for number in range(5):
        log.warning("line %s", number)
    log.removeHandler(app.state.recent)
    with TestClient(app, headers=BEARER) as client:

        def got(*, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
            return client.get("/api/logs/scheduler", params=query, headers=headers)

        yield got


def told(answer: httpx.Response) -> list[str]:
    return [entry["msg"] for entry in answer.json()["entries"]]


def test_the_last_lines_come_with_level_and_time(get: Get) -> None:
    """As agents' lines do, so that one reader shows both."""
    answer = get(lines=2)
    assert told(answer) == ["line 3", "line 4"]
    (entry, _) = answer.json()["entries"]
    assert (entry["level"], entry["logger"]) == ("warning", "al.scheduler")
    assert {"time", "id"} <= set(entry)


def test_reading_goes_on_at_a_cursor_in_both_directions(get: Get) -> None:
    """Each line is there once."""
    middle = get(lines=2).json()
    assert told(get(lines=2, back_cursor=middle["backCursor"])) == ["line 1", "line 2"]
    assert told(get(cursor=middle["cursor"])) == []
    page = get(lines=2, cursor="1")
    assert (told(page), page.json()["hasMore"]) == (["line 1", "line 2"], True)
    assert told(get(cursor=page.json()["cursor"])) == ["line 3", "line 4"]


def test_a_cursor_of_an_earlier_process_begins_anew(get: Get) -> None:
    """Its lines are gone; silence would look as if nothing had happened since."""
    assert len(told(get(cursor="100"))) == 5


def test_lines_are_searched_and_bounded_in_time(get: Get) -> None:
    """With the parameters of all logs."""
    assert told(get(grep="line [12]")) == ["line 1", "line 2"]
    assert told(get(before="1000")) == []
    assert (told(get(level="error")), len(told(get(level="warn")))) == ([], 5)
    assert len(told(get(after="1000"))) == 5


def test_what_cannot_be_a_cursor_is_refused(get: Get) -> None:
    """400, as of agents' logs."""
    assert get(cursor="nonsense").status_code == 400


def test_there_is_no_stream_of_them(get: Get) -> None:
    """406: pages it is."""
    assert get(headers={"accept": "text/event-stream"}).status_code == 406
