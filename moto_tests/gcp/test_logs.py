"""What Cloud Logging lists, in which order, in which pages, and how often (https://cloud.google.com/logging/quotas)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions

from moto_tests.gcp.granting import Granting, binding, member
from moto_tests.gcp.log_world import LOG, PROJECT, Logs, at
from toolkit.sandbox.gcp.cloud import Google


def test_entries_come_in_the_order_of_their_times(logs: Logs) -> None:
    """However they came in; nanoseconds count."""
    logs.write({"text_payload": "second", **at(1, 2)})
    logs.write({"text_payload": "first", **at(1, 1)})
    assert logs.found() == ["first", "second"]
    assert logs.found(order_by="timestamp desc") == ["second", "first"]


def test_equal_times_are_ordered_by_insert_id(logs: Logs) -> None:
    """LogEntry.insert_id: entries with the same log name and timestamp are ordered by it."""
    entries = [{"text_payload": id_, "insert_id": id_, **at(1)} for id_ in "cab"]
    logs.write(*entries)
    assert logs.found() == ["a", "b", "c"]


def test_a_duplicate_is_removed_from_a_single_answer_only(
    logs: Logs, manners: Callable[..., None]
) -> None:
    """Same time and insert id: once within a page, and again on the next
    (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry: insertId)."""
    manners(duplicate_entries=1)
    logs.write(*({"text_payload": id_, "insert_id": id_, **at(1)} for id_ in "ab"))
    assert logs.found() == ["a", "b"]
    assert logs.found(page_size=3) == ["a", "b", "b"]


def test_an_entry_is_found_after_the_ingestion_delay(
    logs: Logs, manners: Callable[..., None]
) -> None:
    """Also when later ones are there already: it keeps its own time."""
    manners(log_delay=60)
    logs.say("late", **at(1))
    manners(log_delay=0)
    logs.say("early", **at(2))
    assert logs.found() == ["early"]
    manners(clock_ahead=61)
    assert logs.found() == ["late", "early"]


# pages


def test_a_page_has_50_entries_unless_somebody_asks_for_more(logs: Logs) -> None:
    """ListLogEntriesRequest.page_size: default 50, at most 1,000."""
    logs.write(*({"text_payload": str(n), **at(n)} for n in range(60)))
    assert len(logs.page().entries) == 50
    assert len(logs.page(page_size=1000).entries) == 60
    assert logs.found() == [str(n) for n in range(60)]


@pytest.mark.parametrize("size", [1001, -1])
def test_other_sizes_are_refused(logs: Logs, size: int) -> None:
    """ListLogEntriesRequest.page_size."""
    with pytest.raises(exceptions.InvalidArgument, match="page_size"):
        logs.page(page_size=size)


def test_a_page_token_is_good_for_the_same_question_only(logs: Logs) -> None:
    """ListLogEntriesRequest.page_token: the other parameters must be identical."""
    logs.write(*({"text_payload": str(n), **at(n)} for n in range(3)))
    token = logs.page(page_size=2).next_page_token
    assert [e.text_payload for e in logs.page(page_token=token).entries] == ["2"]
    with pytest.raises(exceptions.InvalidArgument, match="other parameters"):
        logs.page("severity>=ERROR", page_token=token)


def test_a_page_token_lives_for_a_day(logs: Logs, manners: Callable[..., None]) -> None:
    """https://cloud.google.com/logging/quotas#api-limits."""
    logs.write(*({"text_payload": str(n), **at(n)} for n in range(3)))
    token = logs.page(page_size=2).next_page_token
    manners(clock_ahead=25 * 3600)
    with pytest.raises(exceptions.InvalidArgument, match="expired"):
        logs.page(page_token=token)


@pytest.mark.parametrize("token", ["x", base64.urlsafe_b64encode(json.dumps({}).encode()).decode()])
def test_what_is_no_token_is_refused(logs: Logs, token: str) -> None:
    """INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        logs.page(page_token=token)


# questions


@pytest.mark.parametrize("order", ["timestamp", "insertId asc", "timestamp ASC", "severity desc"])
def test_only_the_time_orders(logs: Logs, order: str) -> None:
    """ListLogEntriesRequest.order_by: `timestamp asc` or `timestamp desc`."""
    with pytest.raises(exceptions.InvalidArgument, match="order_by"):
        logs.page(order_by=order)


def test_a_question_names_up_to_a_hundred_projects(logs: Logs) -> None:
    """ListLogEntriesRequest.resource_names."""
    for names in ([], [PROJECT] * 101, ["al-sandbox"]):
        with pytest.raises(exceptions.InvalidArgument, match="resource_names"):
            logs.page(resource_names=names)


def test_a_project_that_is_not_asked_about_gives_nothing(logs: Logs) -> None:
    """No error: the entries are simply not there."""
    logs.say("here")
    assert logs.found(resource_names=["projects/another"]) == []
    assert logs.found(resource_names=["projects/123456789012"]) == ["here"]


def test_reading_has_a_quota_per_minute(logs: Logs, manners: Callable[..., None]) -> None:
    """60 entries.list calls of all users together (https://cloud.google.com/logging/quotas#api-limits)."""
    for _ in range(60):
        logs.page()
    with pytest.raises(exceptions.ResourceExhausted) as raised:
        logs.page()
    assert raised.value.reason == "RATE_LIMIT_EXCEEDED"
    manners(clock_ahead=60)
    logs.page()


def test_reading_needs_a_permission(logs: Logs, granting: Granting, google: Google) -> None:
    """logging.logEntries.list on the project (https://cloud.google.com/logging/docs/access-control)."""
    email = granting.account().email
    metadata = [("authorization", f"Bearer {google.tickets.token(email).text}")]
    request = {"resource_names": [PROJECT]}
    with pytest.raises(exceptions.PermissionDenied, match=r"logging\.logEntries\.list"):
        logs.client.list_log_entries(request=request, metadata=metadata)
    granting.grant(binding("roles/logging.viewer", member(email)))
    logs.client.list_log_entries(request=request, metadata=metadata)


# writing


def test_an_entry_from_the_far_future_is_refused(logs: Logs, google: Google) -> None:
    """More than 24 hours ahead (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry: timestamp)."""
    soon = int(google.now().timestamp()) + 25 * 3600
    with pytest.raises(exceptions.InvalidArgument, match="24 hours"):
        logs.write({"text_payload": "x", "timestamp": {"seconds": soon}})


def test_an_entry_older_than_the_retention_is_not_kept(logs: Logs) -> None:
    """30 days, and nobody says so (https://cloud.google.com/logging/quotas#logs_retention_periods)."""
    logs.write({"text_payload": "old", "timestamp": {"seconds": 1}})
    assert logs.found() == []


def test_an_entry_has_at_most_256_kilobytes(logs: Logs) -> None:
    """https://cloud.google.com/logging/quotas#log-limits."""
    with pytest.raises(exceptions.InvalidArgument, match=r"exceeds maximum size of 256\.0K"):
        logs.say("x" * 300_000)


def test_what_an_entry_does_not_say_is_the_requests(logs: Logs) -> None:
    """Log name, resource and labels (WriteLogEntriesRequest)."""
    logs.write({"text_payload": "x", "labels": {"a": "own"}}, labels={"a": "1", "b": "2"})
    entry = logs.page().entries[0]
    assert (entry.log_name, entry.resource.type) == (LOG, "cloud_run_job")
    assert dict(entry.labels) == {"a": "own", "b": "2"}
    assert entry.insert_id


def test_an_entry_without_a_resource_is_refused(logs: Logs) -> None:
    """LogEntry.resource is required."""
    with pytest.raises(exceptions.InvalidArgument, match="resource"):
        logs.write({"text_payload": "x"}, resource={})


def test_a_dry_run_writes_nothing(logs: Logs) -> None:
    """WriteLogEntriesRequest.dry_run."""
    logs.write({"text_payload": "x"}, dry_run=True)
    assert logs.found() == []


def test_a_log_can_be_deleted(logs: Logs) -> None:
    """With all of its entries; one that is not there is NOT_FOUND."""
    logs.say("x")
    assert list(logs.client.list_logs(parent=PROJECT)) == [LOG]
    logs.client.delete_log(log_name=LOG)
    assert logs.found() == []
    with pytest.raises(exceptions.NotFound):
        logs.client.delete_log(log_name=LOG)


def test_entries_outlive_a_restart(google: Google, logs: Logs) -> None:
    """What a cloud keeps can be pickled and put back."""
    import pickle

    logs.say("x", **at(1))
    kept: Any = pickle.loads(pickle.dumps(google.kept()))  # noqa: S301 - our own
    google.reset()
    google.put_back(kept)
    assert logs.found() == ["x"]
