"""The container's side of the relay: what it sends, what it keeps, and that it never holds the run up."""

import json
import os
import socket
from collections.abc import Iterator

import pytest

from tests.fakes import eventually
from tests.inside.relay_gateway import TOKEN, Told, listening
from toolkit.inside import relay as relay_module
from toolkit.inside.gateway_client import Gateway
from toolkit.inside.lines import Log
from toolkit.inside.records import Reader, Records
from toolkit.inside.redact import Redactor
from toolkit.inside.relay import FULL, Relay, Spool

REPORT = {"exit_code": 0, "state": "succeeded"}


@pytest.fixture
def told() -> Iterator[Told]:
    with listening() as told:
        yield told


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "EVERY", 0.01)
    monkeypatch.setattr(relay_module, "FIRST_PAUSE", 0.01)


def say(relay: Relay, *numbers: int) -> None:
    for number in numbers:
        relay.line(number, json.dumps({"line": number}).encode())


def nowhere() -> Gateway:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = Gateway.of({"GATEWAY_URL": f"http://127.0.0.1:{port}", "SHUTDOWN_SECRET": TOKEN})
    assert found
    return found


def test_what_was_said_before_the_gateway_was_known_is_sent_too(told: Told) -> None:
    """From the run's first line on, with the run's token, and in order."""
    relay = Relay()
    say(relay, 1, 2)
    relay.start(told.gateway)
    say(relay, 3)
    relay.close(None)
    assert (told.lines, told.tokens) == ([1, 2, 3], {f"Bearer {TOKEN}"})


def test_lines_go_on_one_connection(told: Told) -> None:
    """A handshake for each batch would cost more than the batch."""
    relay = Relay()
    relay.start(told.gateway)
    for number in range(1, 6):
        say(relay, number)
        assert eventually(lambda n=number: told.lines[-1:] == [n])
    relay.close(None)
    assert (told.lines, told.connections) == ([1, 2, 3, 4, 5], 1)


def test_a_gateway_that_has_hung_up_meanwhile_is_called_again(told: Told) -> None:
    """Servers close what is silent for some seconds; that is no failure, and nothing waits for it."""
    told.hangs_up = True
    relay = Relay()
    relay.start(told.gateway)
    for number in range(1, 4):
        say(relay, number)
        assert eventually(lambda n=number: told.lines[-1:] == [n])
    relay.close(None)
    assert (told.lines, told.connections) == ([1, 2, 3], 3)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_was_not_taken_is_sent_again(told: Told, status: int) -> None:
    """A gateway that is busy or broken for a while loses nothing."""
    told.statuses = [status, status]
    relay = Relay()
    relay.start(told.gateway)
    say(relay, 1)
    assert eventually(lambda: told.lines == [1])
    say(relay, 2)
    relay.close(None)
    assert (told.lines, told.codes[:3]) == ([1, 2], [status, status, 200])


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_gateway_that_does_not_know_the_run_is_asked_no_more(told: Told, status: int) -> None:
    """The token is not good any more, or the gateway is older than the relay: it stops, and says nothing."""
    told.statuses = [status]
    relay = Relay()
    relay.start(told.gateway)
    say(relay, 1)
    assert eventually(lambda: relay.spool.size == 0)
    say(relay, 2)
    relay.close(REPORT)
    assert (told.codes, relay.spool.size) == ([status], 0)


def test_the_report_comes_last_with_all_that_was_told_before(told: Told) -> None:
    """Whoever takes it may not have had the rest."""
    relay = Relay()
    relay.start(told.gateway)
    relay.tell(read="then", status="busy")
    assert eventually(lambda: len(told.bodies) == 1)
    relay.tell(status="done")
    say(relay, 1)
    relay.close(REPORT)
    assert told.words[0] == {"read": "then", "status": "busy"}
    assert told.words[-1] == {"read": "then", "status": "done", "report": REPORT}
    assert told.lines == [1]


def test_the_report_is_tried_again_within_its_bound(told: Told) -> None:
    """One refusal at the end is not the end."""
    told.statuses = [503, 503]
    relay = Relay()
    relay.start(told.gateway)
    relay.close(REPORT)
    assert (told.codes, told.words[-1]) == ([503, 503, 200], {"report": REPORT})


def test_without_anybody_listening_the_run_ends_all_the_same() -> None:
    """In the time that was given, and with nothing raised or kept."""
    relay = Relay()
    relay.start(nowhere())
    say(relay, 1)
    relay.close(REPORT, seconds=0.2)
    assert relay.spool.size == 0


def test_a_gateway_that_does_not_answer_delays_no_line_and_not_the_end(told: Told) -> None:
    """Lines are taken while a request hangs, and what hangs at the end is left."""
    told.mute.set()
    relay = Relay()
    relay.start(told.gateway)
    say(relay, *range(1, 1000))
    relay.close(REPORT, seconds=0.2)
    assert told.bodies == []


def test_without_a_gateway_nothing_is_kept() -> None:
    """Nor is there a thread."""
    relay = Relay()
    say(relay, 1)
    relay.start(None)
    say(relay, 2)
    relay.close(REPORT)
    assert relay.spool.size == 0


def test_the_gateway_says_how_often(told: Told) -> None:
    """Where a batch is dear they are fewer and longer; the end does not wait for the next one."""
    told.answer = {"ok": True, "every": 1000}
    relay = Relay()
    relay.start(told.gateway)
    say(relay, 1)
    assert eventually(lambda: len(told.bodies) == 1)
    say(relay, 2)
    say(relay, 3)
    relay.close(REPORT)
    assert [len(body["lines"]) for body in told.bodies] == [1, 2]


@pytest.mark.parametrize("answer", [{}, [], {"every": "x"}, {"every": None}])
def test_an_answer_that_says_nothing_of_it_changes_nothing(told: Told, answer: object) -> None:
    """200 is enough."""
    told.answer = answer  # type: ignore[assignment]
    relay = Relay()
    relay.start(told.gateway)
    say(relay, 1)
    assert eventually(lambda: told.lines == [1])
    say(relay, 2)
    assert eventually(lambda: told.lines == [1, 2])
    relay.close(None)


def test_what_waits_is_bounded_and_the_oldest_lines_go_first() -> None:
    """And how many went is known; the platform's log has them."""
    spool = Spool(room=100)
    for number in range(1, 31):
        spool.add(number, b"x" * 10)
    batch = spool.batch()
    assert batch
    assert ([number for number, _ in batch.lines], spool.lost) == ([*range(21, 31)], 20)


def test_lines_that_are_dropped_while_a_batch_is_on_its_way_do_no_harm() -> None:
    """What comes after the batch is not taken for sent."""
    spool = Spool(room=30)
    spool.add(1, b"x" * 10)
    batch = spool.batch()
    assert batch
    for number in range(2, 7):
        spool.add(number, b"x" * 10)
    spool.sent(batch)
    rest = spool.batch()
    assert rest
    assert [number for number, _ in rest.lines] == [4, 5, 6]


def test_a_batch_has_its_size_and_words_go_with_the_last_one() -> None:
    """A report does not overtake the lines before it."""
    spool = Spool()
    for number in range(1, 4):
        spool.add(number, b"x" * (FULL // 2))
    spool.tell({"report": REPORT})
    first = spool.batch()
    assert first
    spool.sent(first)
    second = spool.batch()
    assert second
    assert (len(first.lines), first.words) == (2, {})
    assert (len(second.lines), second.words) == (1, {"report": REPORT})


def test_a_line_longer_than_a_batch_is_sent_alone() -> None:
    """It is not stuck."""
    spool = Spool()
    spool.add(1, b"x" * (FULL + 1))
    spool.add(2, b"y")
    batch = spool.batch()
    assert batch
    assert [number for number, _ in batch.lines] == [1]


def test_what_is_told_anew_while_it_is_sent_is_sent_again() -> None:
    """The last status wins."""
    spool = Spool()
    spool.tell({"status": "one"})
    batch = spool.batch()
    assert batch
    spool.tell({"status": "two"})
    spool.sent(batch)
    rest = spool.batch()
    assert rest
    assert rest.words == {"status": "two"}


def test_lines_are_counted_from_the_claim_to_the_last_one() -> None:
    """Ours before and after are not the run's; each copy is what was printed."""
    printed, copies = list[bytes](), Copies()
    log = Log("dev-1", write=printed.append)
    log.info("before")
    log.begin(copies)
    log.info("first")
    log.output({"text": "second"})
    log.last("run completed")
    log.error("after")
    counts = [json.loads(line).get("line") for line in printed]
    assert counts == [None, 1, 2, 3, None]
    assert copies.lines == [(n, line.rstrip(b"\n")) for n, line in enumerate(printed[1:4], 1)]


def test_both_paths_are_redacted() -> None:
    """The copy has what was printed, and what is told passes the same door."""
    copies = Copies()
    log = Log("dev-1", write=lambda _: None)
    log.redactor = Redactor(["hunter2"])
    log.begin(copies)
    log.info("hunter2", nested={"a": "hunter2"})
    log.tell(status="hunter2 is the word")
    assert b"hunter2" not in copies.lines[0][1]
    assert copies.told == [{"status": "*** is the word"}]


def test_what_a_session_has_used_so_far_is_told_as_it_says_it() -> None:
    """Not only in the end: an expensive run is seen while it goes on."""
    copies, (reading, writing) = Copies(), os.pipe()
    log = Log("dev-1", write=lambda _: None)
    log.begin(copies)
    reader, records = Reader(reading, log), Records(writing)
    records.usage({"totalTokens": 3})
    assert eventually(lambda: copies.told == [{"usage": {"totalTokens": 3}}])
    records._pipe.close()  # as its process does when it ends
    reader.close()


class Copies:
    """lines.Copy that keeps everything."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, bytes]] = []
        self.told: list[dict[str, object]] = []

    def line(self, number: int, line: bytes) -> None:
        self.lines.append((number, line))

    def tell(self, **fields: object) -> None:
        self.told.append(fields)
