"""A run's log in Cloud Logging: every line once and in order, whatever the service does, and no more questions than one may ask."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from moto_tests.gcp.agents import Stage, a_spec, note
from moto_tests.gcp.log_world import Logs
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_jobs import calls
from tests.fakes import Play
from toolkit.clouds import gcp_logs
from toolkit.clouds.gcp_log_tail import Tail
from toolkit.core.errors import Throttled
from toolkit.core.logs import Cursor, LogEvent, fresh
from toolkit.core.run import RunHandle
from toolkit.sandbox.gcp.cloud import Google

MIXED = """
import json, sys
print("plain", flush=True)
print(json.dumps({"_log": True, "level": "info", "msg": "ours", "ts": 1700000000123, "n": 1.5}), flush=True)
print("trouble", file=sys.stderr, flush=True)
"""


@pytest.fixture
def logs(google: Google, gcp_clients: Any) -> Logs:
    return Logs(google, gcp_clients)


@pytest.fixture
def handle(stage: Stage) -> Iterator[RunHandle]:
    """A run that has ended, whose lines the tests write themselves."""
    made = stage.runtime.launch(a_spec(stage.defined(Play())))
    eventually(lambda: stage.runtime.states([made])[made.run].state.final)
    yield made
    stage.runtime._live.close()


def say(
    logs: Logs, handle: RunHandle, text: str, *, at: int = 0, id_: str = "", **more: Any
) -> None:
    """An entry of the run, `at` nanoseconds after its launch."""
    moment = int(handle.ids["launched"]) * 10**6 + at
    payload = more or {"text_payload": text}
    logs.write(
        {
            **payload,
            "insert_id": id_ or f"id-{at:012d}",
            "timestamp": {"seconds": moment // 10**9, "nanos": moment % 10**9},
            "labels": {"run.googleapis.com/execution_name": handle.ids["execution"]},
        },
        resource={
            "type": "cloud_run_job",
            "labels": {
                "job_name": handle.ids["job"],
                "location": "europe-west1",
                "project_id": "al-sandbox",
            },
        },
    )


def texts(events: Iterator[LogEvent] | list[LogEvent]) -> list[str]:
    return [event.message for event in events]


def test_text_and_structures_and_errors_are_lines(stage: Stage) -> None:
    """Whatever Cloud Logging made of them (https://cloud.google.com/run/docs/logging#container-logs)."""
    handle = stage.runtime.launch(a_spec(stage.program(MIXED)))
    eventually(lambda: len(list(stage.runtime.tail(handle))) == 3)
    found = texts(stage.runtime.logs(handle))
    assert {"plain", "trouble"} < set(found)
    (ours,) = [json.loads(line) for line in found if line.startswith("{")]
    assert ours == {"_log": True, "level": "info", "msg": "ours", "ts": 1700000000123, "n": 1.5}


def test_what_containers_note_for_launchers_is_not_shown(stage: Stage) -> None:
    """Neither forwards nor backwards."""
    spec = a_spec(stage.defined(Play(lines=(note("dev-1a2b3c4d", claimed="x"), "for people"))))
    handle = stage.runtime.launch(spec)
    assert eventually(lambda: texts(stage.runtime.tail(handle))) == ["for people"]
    assert texts(stage.runtime.logs(handle)) == ["for people"]


def test_an_agents_own_word_mailbox_is_shown(stage: Stage, handle: RunHandle, logs: Logs) -> None:
    """Only our own lines are hidden."""
    say(logs, handle, "", json_payload={"msg": "mailbox", "text": "mine"})
    assert len(list(stage.runtime.logs(handle))) == 1


def test_lines_of_one_nanosecond_keep_one_order(
    stage: Stage, handle: RunHandle, logs: Logs
) -> None:
    """By insert id, in both directions (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry)."""
    for id_ in ("c", "a", "b"):
        say(logs, handle, id_, at=5, id_=id_)
    say(logs, handle, "before", at=4)
    assert texts(stage.runtime.logs(handle)) == ["before", "a", "b", "c"]
    assert texts(stage.runtime.tail(handle)) == ["c", "b", "a", "before"]


def test_lines_of_one_millisecond_are_different_events(
    stage: Stage, handle: RunHandle, logs: Logs
) -> None:
    """Nanoseconds count, and an insert id may come again at another one."""
    say(logs, handle, "one", at=1, id_="same")
    say(logs, handle, "two", at=2, id_="same")
    events = list(stage.runtime.logs(handle))
    assert texts(events) == ["one", "two"]
    assert events[0].time == events[1].time
    assert events[0].id != events[1].id


def test_duplicates_are_one_line(
    stage: Stage, handle: RunHandle, logs: Logs, manners: Callable[..., None]
) -> None:
    """Cloud Logging removes them from one answer only; across pages it is ours to do."""
    manners(duplicate_entries=2, page_items=1)
    for at in range(3):
        say(logs, handle, f"line {at}", at=at)
    assert texts(stage.runtime.logs(handle)) == ["line 0", "line 1", "line 2"]
    assert texts(stage.runtime.tail(handle)) == ["line 2", "line 1", "line 0"]


def test_a_late_line_is_read_once_by_who_reads_on(
    stage: Stage, handle: RunHandle, logs: Logs
) -> None:
    """It may be older than what was read already; the cursor's overlap finds it."""
    say(logs, handle, "second", at=5_000_000_000)
    first, cursor = fresh(stage.runtime.logs(handle), Cursor())
    say(logs, handle, "first, and late", at=1_000_000_000)
    say(logs, handle, "third", at=9_000_000_000)
    rest, cursor = fresh(stage.runtime.logs(handle, since=cursor.since), cursor)
    assert (texts(first), texts(rest)) == (["second"], ["first, and late", "third"])
    again, _ = fresh(stage.runtime.logs(handle, since=cursor.since), cursor)
    assert again == []


def test_a_long_log_is_read_in_few_pages(
    stage: Stage, handle: RunHandle, logs: Logs, google: Google
) -> None:
    """A thousand entries at a time, the most there may be (https://cloud.google.com/logging/quotas)."""
    for start in range(0, 2500, 500):
        entries = [
            {
                "text_payload": f"line {at}",
                "insert_id": f"{at:06d}",
                "timestamp": _after(handle, at),
                "labels": {"run.googleapis.com/execution_name": handle.ids["execution"]},
            }
            for at in range(start, start + 500)
        ]
        labels = {"job_name": handle.ids["job"], "location": "europe-west1"}
        logs.write(*entries, resource={"type": "cloud_run_job", "labels": labels})
    google.counts.clear()
    assert len(list(stage.runtime.tail(handle))) == 2500
    assert calls(google) == {"ListLogEntries": 3}


def test_reading_backwards_stops_when_its_reader_does(
    stage: Stage, handle: RunHandle, logs: Logs, google: Google, manners: Callable[..., None]
) -> None:
    """A page is fetched when it is needed."""
    manners(page_items=2)
    for at in range(10):
        say(logs, handle, f"line {at}", at=at)
    google.counts.clear()
    newest = stage.runtime.tail(handle)
    assert next(newest).message == "line 9"
    assert calls(google) == {"ListLogEntries": 1}


def test_a_used_up_quota_is_waited_for(
    stage: Stage, handle: RunHandle, logs: Logs, google: Google
) -> None:
    """RESOURCE_EXHAUSTED passes within a minute: others use the project's quota too."""
    say(logs, handle, "there")
    google.faults.fail("ListLogEntries", "RESOURCE_EXHAUSTED")
    assert texts(stage.runtime.tail(handle)) == ["there"]


def test_a_quota_that_stays_used_up_is_told(
    stage: Stage, handle: RunHandle, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As what it is."""
    monkeypatch.setattr(gcp_logs, "PATIENCE", 0.1)
    google.faults.fail("ListLogEntries", "RESOURCE_EXHAUSTED", times=9)
    with pytest.raises(Throttled):
        list(stage.runtime.tail(handle))


def test_other_runs_and_other_peoples_lines_are_not_shown(
    stage: Stage, handle: RunHandle, logs: Logs
) -> None:
    """Also what the platform itself writes about the container."""
    logs.say("somebody's")
    say(logs, handle, "mine")
    assert texts(stage.runtime.logs(handle)) == ["mine"]


def test_a_follower_hears_of_lines_before_they_are_listed(
    stage: Stage, handle: RunHandle, logs: Logs, manners: Callable[..., None]
) -> None:
    """By the live tail, in a session that begins with the second look."""
    list(stage.runtime.logs(handle))
    list(stage.runtime.logs(handle))
    eventually(lambda: logs.followers == 1)
    say(logs, handle, "told")
    assert eventually(lambda: texts(stage.runtime.logs(handle))) == ["told"]


def test_followers_are_not_too_many_and_fall_back(
    stage: Stage, handle: RunHandle, logs: Logs, manners: Callable[..., None]
) -> None:
    """A refused session makes following slower, and loses nothing (https://cloud.google.com/logging/quotas)."""
    manners(tail_sessions=0)
    list(stage.runtime.logs(handle))
    list(stage.runtime.logs(handle))
    say(logs, handle, "listed")
    assert eventually(lambda: texts(stage.runtime.logs(handle))) == ["listed"]


def test_a_session_can_be_ended_before_its_first_entry(stage: Stage, logs: Logs) -> None:
    """The library's own call would block until there is one."""
    tail = Tail(stage.runtime.clients, "", lambda entry: None)
    eventually(lambda: logs.followers == 1)
    tail.close()
    eventually(lambda: logs.followers == 0)
    assert tail.reason == ""


def test_a_refused_session_says_why(stage: Stage, manners: Callable[..., None]) -> None:
    """And is not alive."""
    manners(tail_sessions=0)
    tail = Tail(stage.runtime.clients, "", lambda entry: None)
    eventually(lambda: tail.lost_at is not None)
    assert not tail.alive
    assert "too many" in tail.reason


def _after(handle: RunHandle, milliseconds: int) -> datetime:
    return datetime.fromtimestamp((int(handle.ids["launched"]) + milliseconds) / 1000, UTC)
