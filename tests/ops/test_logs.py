"""Reading logs as `al logs` and `al run` do: from the gateway or directly, to the last line."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.fakes import MemoryLedger
from tests.gateway.logbook import a_run
from tests.gateway.place import KEY, Place
from tests.services import FakeServices
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import AlError, CredentialError, NotFound, Unreachable, UsageError
from toolkit.core.run import RunId, RunState
from toolkit.core.secrets import Secret
from toolkit.core.sources import Target
from toolkit.ops import logs
from toolkit.ops.logs import Wish
from toolkit.ops.logs.gateway import RemoteLogs
from toolkit.wiring import Services

RUN = RunId("dev-00000001")
TARGET = Target(agent=AgentName("dev"), run=RUN)


def through(place: Place, url: str | None) -> Services:
    """The place, with a gateway."""
    environment = replace(place.services.environment, gateway_url=url)
    return Services(replace(place.services.context, environment=environment))


def read(
    services: Services, wish: Wish, notes: list[str] | None = None, **variables: str
) -> Iterator[str]:
    def note(text: str) -> None:
        if notes is not None:
            notes.append(text)

    entries = logs.stream(services, wish, note=note, variables=variables, sleep=no_time)
    return (entry["msg"] for entry in entries)


def no_time(seconds: float) -> None:
    """Polls follow each other at once."""


@pytest.fixture(params=["directly", "through the gateway"])
def services(request: pytest.FixtureRequest, place: Place, served: str) -> Services:
    """Both ways to read."""
    return through(place, served if request.param == "through the gateway" else None)


def test_the_last_lines(services: Services, place: Place) -> None:
    """As many as asked for, oldest first."""
    place.say(place.run(), *map(str, range(100)))
    assert list(read(services, Wish(target="dev", lines=3))) == ["97", "98", "99"]


def test_more_lines_than_a_page_holds(services: Services, place: Place) -> None:
    """`-n` pages as far as it must, each line once."""
    place.say(place.run(), *map(str, range(5000)))
    lines = list(read(services, Wish(target="dev", lines=4500)))
    assert lines == [*map(str, range(500, 5000))]


def test_following_a_run_to_its_end(services: Services, place: Place) -> None:
    """What was, what comes, and the last line; then it stops by itself."""
    run = place.run()
    place.say(run, "before")
    lines = read(services, Wish(target=RUN, follow=True))
    first = next(lines)
    place.say(run, "after")
    second = next(lines)
    place.end(run)
    assert [first, second, *lines] == ["before", "after", "run completed"]


def test_following_an_agent_goes_on_to_its_next_run(services: Services, place: Place) -> None:
    """An agent has no end."""
    run = place.run(ago=10)
    place.say(run, "one")
    lines = read(services, Wish(target="dev", follow=True))
    first = next(lines)
    place.end(run)
    place.say(place.run("dev-00000002", ago=0), "two")
    assert [first, *islice(lines, 2)] == ["one", "run completed", "two"]


def test_grep_and_times_choose_lines(services: Services, place: Place) -> None:
    """The same on both ways."""
    run = place.run(ago=8000)
    place.say(run, "old apple", ago=7200)
    place.say(run, "apple", "pear")
    hour_ago = (json.loads(place.log(run).read_text().splitlines()[0])["ts"]) + 3_600_000
    assert list(read(services, Wish(target="dev", grep="ap+le"))) == ["old apple", "apple"]
    assert list(read(services, Wish(target="dev", grep="apple", after=hour_ago))) == ["apple"]
    assert list(read(services, Wish(target="dev", before=hour_ago))) == ["old apple"]


@pytest.mark.parametrize("target", ["ops", "dev-0000ffff"])
def test_what_never_was_is_not_an_empty_log(services: Services, place: Place, target: str) -> None:
    """An unknown agent or run is an error that says so."""
    place.run()
    with pytest.raises(NotFound):
        list(read(services, Wish(target=target)))


@pytest.mark.parametrize(
    "wish",
    [
        Wish(target="dev", lines=0), Wish(target="dev", grep="("), Wish(target="Not A Name"),
        Wish(target="dev", follow=True, before=1), Wish(target="", lines=1), Wish(target="dev", grep="a{99999999999}"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_carried_out_is_refused(services: Services, wish: Wish) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError):
        list(read(services, wish))


class NeverPushed(MemoryLedger):
    """The state table is not there."""

    def fact(self, key: str) -> Any | None:
        raise NotFound("Requested resource not found", hint="run `al push` for this environment")


@pytest.mark.parametrize("target", ["dev", RUN])
def test_where_nothing_was_pushed_push_is_what_to_do(tmp_path: Path, target: str) -> None:
    """Not the cloud's words for a table that does not exist."""
    services = FakeServices(tmp_path, ledger=NeverPushed())
    with pytest.raises(NotFound, match="nothing has been pushed to staging yet") as error:
        list(read(services, Wish(target=target)))
    assert error.value.hint == "al push -E staging"


# ----------------------------------------------------------------------- which source, and when not


def test_an_agents_name_wins_over_a_runs_id(place: Place, tmp_path: Path) -> None:
    """An agent may be called like a run."""
    agent = Agent(name=AgentName("dev-00000001"), directory=tmp_path, instructions="")
    project = Project(name="shop", directory=tmp_path, agents=(agent,))
    services = replace(place.services, project=project)
    assert logs.target_of(services, RUN) == Target(agent=AgentName("dev-00000001"))
    assert logs.target_of(place.services, RUN) == TARGET


def test_without_a_gateway_running_here_the_files_are_read(place: Place) -> None:
    """On this machine only, only when nobody listens, and said so."""
    place.say(place.run(), "a")
    notes = list[str]()
    lines = read(through(place, "http://127.0.0.1:9"), Wish(target="dev"), notes)
    assert (list(lines), notes) == (["a"], ["no gateway is running here: reading the log files"])


def test_a_remote_gateway_that_is_away_is_an_error(place: Place) -> None:
    """Another source would show something else."""
    services = through(place, "http://127.0.0.1:9")
    cloud = AwsCloud(region="eu-west-1", account="123456789012")
    remote = Services(
        replace(
            services.context,
            environment=replace(
                services.environment, cloud=cloud, gateway_url="http://127.0.0.1:9"
            ),
        )
    )
    with pytest.raises(Unreachable, match="cannot be reached"):
        list(read(remote, Wish(target="dev")))


def test_a_wrong_key_is_an_error_and_never_an_empty_log(place: Place, served: str) -> None:
    """A 401 is shown as what it is, also on this machine."""
    place.say(place.run(), "a")
    services = through(place, served)
    with pytest.raises(CredentialError, match="does not accept"):
        list(read(services, Wish(target="dev"), AL_GATEWAY_API_KEY="wrong"))


def test_the_key_may_come_from_the_environment(place: Place, served: str) -> None:
    """CI has no credential files."""
    place.say(place.run(), "a")
    services = through(place, served)
    assert list(read(services, Wish(target="dev"), AL_GATEWAY_API_KEY=KEY)) == ["a"]


def test_without_a_key_the_logs_are_read_directly_and_it_is_said(place: Place, served: str) -> None:
    """Who may read the log service needs no gateway."""
    place.say(place.run(), "a")
    place.services.local_store.delete("gateway_api_key/default/key")
    notes = list[str]()
    assert list(read(through(place, served), Wish(target="dev"), notes)) == ["a"]
    assert "no key for the gateway" in notes[0]


# --------------------------------------------------------------------------- a gateway with manners


Script = list[tuple[int, dict[str, str], str]]


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], tuple[str, list[dict[str, Any]]]]]:
    """A server that gives these answers one after the other, and keeps what it was asked."""
    servers = list[tuple[ThreadingHTTPServer, Thread]]()

    def start(script: Script) -> tuple[str, list[dict[str, Any]]]:
        answers, asked = iter(script), list[dict[str, Any]]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
                status, headers, body = next(answers)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", asked

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def data(name: str, cursor: str = "") -> str:
    return f"{f'id: {cursor}' + chr(10) if cursor else ''}data: {json.dumps({'id': name, 'run': RUN, 'msg': name})}\n\n"


END = "event: end\nid: z\ndata: {}\n\n"


def remote(url: str) -> RemoteLogs:
    return RemoteLogs(url=url, key=Secret("key"), target=TARGET, sleep=no_time)


def test_a_broken_connection_repeats_nothing_and_loses_nothing(
    scripted: Callable[[Script], tuple[str, list[dict[str, Any]]]],
) -> None:
    """It goes on at the last cursor, and knows what it had after that."""
    url, asked = scripted(
        [
            (200, STREAM, "retry: 1000\n\n" + data("a", "A") + data("b") + 'data: {"id": "c'),
            (503, JSON | {"Retry-After": "1"}, '{"error": "busy", "hint": "wait"}'),
            (502, {"content-type": "text/html"}, "<h1>Bad gateway</h1>"),
            (200, STREAM, data("b") + data("c", "B") + ": idle\n\n"),
            (200, STREAM, "id: C\n: idle\n\n"),
            (200, STREAM, data("d", "D") + END),
        ]
    )
    lines = [entry["msg"] for entry in remote(url).follow("0")]
    assert lines == ["a", "b", "c", "d"]
    assert [a["last-event-id"] for a in asked] == ["0", "A", "A", "A", "B", "C"]
    assert all(a["authorization"] == "Bearer key" for a in asked)


def test_unusual_characters_do_not_end_a_line(
    scripted: Callable[[Script], tuple[str, list[dict[str, Any]]]],
) -> None:
    """Only CR and LF end a line of a stream; U+2028 and its like are text."""
    url, _ = scripted([(200, STREAM, data("x").replace('"x"}', '"a\u2028b\x85c"}') + END)])
    assert [e["msg"] for e in remote(url).follow("0")] == ["a\u2028b\x85c"]


def test_a_stream_that_cannot_go_on_says_why(
    scripted: Callable[[Script], tuple[str, list[dict[str, Any]]]],
) -> None:
    """An `error` event ends it."""
    told = 'event: error\ndata: {"error": "the log group is gone", "hint": "push again"}\n\n'
    url, _ = scripted([(200, STREAM, data("a", "A") + told)])
    with pytest.raises(AlError, match="the log group is gone"):
        list(remote(url).follow("0"))


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (200, {"content-type": "text/html"}, "<html>Sign in</html>", "something that is not its own"),
        (200, JSON, "[]", "something that is not its own"),
        (200, JSON, "null", "something that is not its own"),
        (302, {"location": "https://login.example"}, "", "answered 302"),
        (500, JSON, '{"error": "something went wrong", "hint": "its log says what"}', "something went wrong"),
        (503, JSON, '{"error": "the gateway has no API key", "hint": "push"}', "has no API key"),
        (403, JSON, '{"Message": null}', "answered 403"),
        (400, JSON, '{"error": "bad grep", "hint": "x"}', "bad grep"),
        (504, {}, "timeout", "answers 504"),
    ],
)  # fmt: skip
def test_what_the_gateway_refuses_is_shown(
    scripted: Callable[[Script], tuple[str, list[dict[str, Any]]]],
    status: int,
    headers: dict[str, str],
    body: str,
    words: str,
) -> None:
    """Never as an empty log, and never with the key."""
    url, _ = scripted([(status, headers, body)])
    with pytest.raises(AlError, match=words) as error:
        remote(url).page(lines=5)
    assert "Bearer" not in str(error.value) + error.value.hint


# --------------------------------------------------------------------------------- al run's follower


def test_a_runs_follower_reads_it_whole_and_settles_it(place: Place) -> None:
    """From the first line to the last; the run's own report becomes its record."""
    run = place.run()
    place.say(run, *map(str, range(300)))
    lines = logs.follow_run(place.services, RUN, sleep=no_time)
    first = [next(lines)["msg"] for _ in range(300)]
    place.end(run)
    assert first == [*map(str, range(300))]
    assert [e["msg"] for e in lines] == ["run completed"]


def test_a_follower_goes_on_after_an_interruption(place: Place) -> None:
    """Ctrl-C that only asks a question neither loses nor repeats a line."""
    run = place.run()
    place.say(run, "a")
    interruptions = iter([True])

    def sleep(seconds: float) -> None:
        if next(interruptions, False):
            raise KeyboardInterrupt

    lines = logs.follow_run(place.services, RUN, sleep=sleep)
    assert next(lines)["msg"] == "a"
    with pytest.raises(KeyboardInterrupt):
        next(lines)
    place.say(run, "b")
    place.end(run)
    assert [e["msg"] for e in lines] == ["b", "run completed"]


def test_who_follows_a_run_records_its_end(tmp_path: Path) -> None:
    """`al run` was killed: whoever looks at the run next gives it the end that its container reported."""
    services = FakeServices(tmp_path)
    services.ledger.add(a_run())
    report = {"exit_code": 0, "state": "succeeded", "finished": "2026-11-20T12:00:00.000Z"}
    services.ledger.note(RUN, report=report)  # type: ignore[attr-defined]
    assert list(logs.follow_run(services, RUN, sleep=no_time)) == []
    record = services.ledger.get(RUN)
    assert record
    assert record.state is RunState.SUCCEEDED
