"""GET /api/logs/agents/...: pages in JSON."""

import pytest
from starlette.testclient import TestClient

from .place import Place, messages

DEV = "/api/logs/agents/dev"
RUN = f"{DEV}/dev-00000001"


def test_the_last_lines_of_an_agent(client: TestClient, place: Place) -> None:
    """Oldest first, each with its time, id and run, and a cursor to go on from."""
    place.say(place.run(), "a", "b", "c")
    answer = client.get(DEV, params={"lines": "2"})
    body = answer.json()
    assert messages(answer) == ["b", "c"]
    assert set(body) == {"entries", "cursor", "backCursor", "hasMore", "ended"}
    assert {"time", "id", "run", "msg"} <= set(body["entries"][0])
    assert body["hasMore"] is True


def test_the_cursor_reads_on_and_the_back_cursor_reads_back(
    client: TestClient, place: Place
) -> None:
    """Nothing twice and nothing left out, in both directions."""
    run = place.run()
    place.say(run, "a", "b", "c")
    page = client.get(RUN, params={"limit": "1"}).json()
    place.say(run, "d")
    assert messages(client.get(RUN, params={"cursor": page["cursor"]})) == ["d"]
    assert messages(client.get(RUN, params={"back_cursor": page["backCursor"]})) == ["a", "b"]


def test_a_runs_log_says_when_it_has_ended(client: TestClient, place: Place) -> None:
    """A client that polls knows when to stop."""
    run = place.run()
    place.end(run)
    page = client.get(RUN).json()
    assert client.get(RUN, params={"cursor": page["cursor"]}).json()["ended"] is True


def test_times_and_grep_choose_lines(client: TestClient, place: Place) -> None:
    """`after` and `before` are epoch milliseconds or ISO 8601; grep is a regular expression on the whole line."""
    run = place.run()
    place.say(run, "yesterday", ago=86_400)
    place.say(run, "today", "today too")
    all_lines = client.get(RUN).json()["entries"]
    assert messages(client.get(RUN, params={"after": str(all_lines[1]["time"])})) == [
        "today",
        "today too",
    ]
    assert messages(client.get(RUN, params={"before": str(all_lines[1]["time"])})) == ["yesterday"]
    assert messages(client.get(RUN, params={"after": "2200-01-01T00:00:00+02:00"})) == []
    assert messages(client.get(RUN, params={"grep": "today$|msg.: .yester"})) == ["yesterday"]
    assert messages(client.get(RUN, params={"grep": "today too"})) == ["today too"]


@pytest.mark.parametrize("level", ["warn", "WARNING", "40"])
def test_a_level_chooses_lines_before_they_are_counted(
    client: TestClient, place: Place, level: str
) -> None:
    """A page is full of what was asked for, however much else lies between; numbers of other loggers count as their words."""
    run = place.run()
    grave = [{"msg": "a", "level": "warn"}, {"msg": "b", "level": 50}]
    place.record(
        run, *grave, *({"msg": "noise", "level": "debug"} for _ in range(300)), {"msg": "c"}
    )
    params = {"level": level, "lines": "2"}
    assert messages(client.get(RUN, params=params)) == ["a", "b"]
    assert messages(client.get(RUN, params={"level": "info"})) == ["a", "b", "c"]
    page = client.get(RUN).json()
    place.record(run, {"msg": "d", "level": "info"}, {"msg": "e", "level": "fatal"})
    assert messages(client.get(RUN, params={"level": level, "cursor": page["cursor"]})) == ["e"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/logs/agents/ops", "/api/logs/agents/dev/dev-0000ffff", "/api/logs/agents/ops/dev-00000001",
        "/api/runs/dev-0000ffff", "/api/nothing", "/api/logs/agents/dev/dev-00000001/x", "/api/logs/agents/",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_in_json(client: TestClient, place: Place, path: str) -> None:
    """Also a run under another agent's name."""
    place.say(place.run(), "a")
    answer = client.get(path)
    assert (answer.status_code, set(answer.json())) == (404, {"error", "hint"})


BAD = [
    ("lines", "0"), ("lines", "-1"), ("lines", "x"), ("lines", "1e3"), ("lines", "²"), ("lines", "1;drop"),
    ("limit", "0"), ("cursor", "!!"), ("cursor", "AAAA"), ("cursor", "x" * 40_000), ("cursor", "\x00"), ("cursor", "é"),
    ("cursor", "bnVsbA"), ("back_cursor", "x"), ("back_cursor", "W10"), ("after", "yesterday"), ("after", "-5"),
    ("after", "9" * 400), ("after", "2026-13-01"), ("before", "1e9"), ("before", "2026-11-20T25:00"), ("before", "0x1"),
    ("grep", "("), ("grep", "a{99999999999}"), ("grep", "x" * 300), ("grep", "(?P<a>"), ("grep", "(" * 250),
    ("level", "loud"), ("level", "-1"), ("level", "²"), ("wait", "soon"), ("wait", "-1"), ("wait", "nan"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_input_is_refused_in_words(
    client: TestClient, place: Place, name: str, value: str
) -> None:
    """400 with what is wrong and what to write instead; never 422, never 500."""
    place.say(place.run(), "a")
    answer = client.get(RUN, params={name: value})
    assert (answer.status_code, set(answer.json())) == (400, {"error", "hint"})


@pytest.mark.parametrize(
    "name", ["Dev", "dev--x", "..", "a" * 65, "default", "dév", "-gateway", "dev%00", "dev%0a"]
)
def test_an_impossible_name_is_refused(client: TestClient, name: str) -> None:
    """A name is checked before anyone is asked about it."""
    assert client.get(f"/api/logs/agents/{name}/").status_code in (400, 404)
    assert client.get(f"/api/runs?agent={name}").status_code == 400


@pytest.mark.parametrize("value", ["5000", "99999999999999999999"])
def test_more_lines_than_a_page_holds_are_a_page(
    client: TestClient, place: Place, value: str
) -> None:
    """At most 2000 lines; the back cursor gives the rest."""
    place.say(place.run(), *map(str, range(2500)))
    page = client.get(RUN, params={"lines": value}).json()
    rest = client.get(RUN, params={"lines": value, "back_cursor": page["backCursor"]}).json()
    assert (len(page["entries"]), len(rest["entries"]), rest["hasMore"]) == (2000, 500, False)


def test_an_answer_stays_below_what_lambda_can_return(client: TestClient, place: Place) -> None:
    """Rule: a synchronous response of Lambda holds at most 6 MB.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    place.say(place.run(), *('"\n' * 50_000 for _ in range(60)))
    page = client.get(RUN, params={"lines": "2000"})
    assert (len(page.content) < 3_000_000, page.json()["hasMore"]) == (True, True)


def test_a_pattern_that_never_ends_is_ended(client: TestClient, place: Place) -> None:
    """A regular expression with exponential time holds up neither the request nor anyone else."""
    place.say(place.run(), "a" * 60 + "!")
    answer = client.get(RUN, params={"grep": "(a+)+$"})
    assert (answer.status_code, "takes too long" in answer.json()["error"]) == (400, True)


def test_a_request_that_is_too_large_is_refused(client: TestClient) -> None:
    """By what it says of itself."""
    answer = client.post("/webhooks/github", content=b"x" * (10 * 1024**2 + 1))
    assert (answer.status_code, set(answer.json())) == (413, {"error", "hint"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/chat/sessions"), ("GET", "/login"), ("GET", "/dashboard/agents/dev"),
        ("POST", "/api/logs/agents/dev/dev-00000001/summarize"),
    ],
)  # fmt: skip
def test_what_comes_later_says_so(client: TestClient, method: str, path: str) -> None:
    """503 with the reason: silence would look like success."""
    answer = client.request(method, path)
    assert (answer.status_code, set(answer.json())) == (503, {"error", "hint"})


def test_a_mistake_of_ours_leaves_no_trace_in_the_answer(
    client: TestClient, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """The traceback is for the gateway's log; no client learns where our code is."""
    place.damage(place.run())
    answer = client.get(DEV)
    assert (answer.status_code, set(answer.json())) == (500, {"error", "hint"})
    assert "IsADirectoryError" not in answer.text
    assert "IsADirectoryError" in caplog.text
