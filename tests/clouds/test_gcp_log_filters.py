"""Filters and entries of Cloud Logging: what is asked for, and what a line becomes."""

import json

import pytest
from google.cloud.logging_v2.types import LogEntry
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from toolkit.clouds.gcp_log_entries import event, execution_of, text
from toolkit.clouds.gcp_log_filters import any_of, between, of_execution, of_jobs, quoted
from toolkit.core.environment import GcpCloud
from toolkit.sandbox.gcp.log_filter import Comparison, parsed

CLOUD = GcpCloud(project="p", region="europe-west1", repository="al")


def entry(**more: object) -> object:
    made = LogEntry.pb(LogEntry())
    json_format.ParseDict({"insertId": "i", "timestamp": "2026-11-20T12:00:00Z", **more}, made)
    return made


@given(st.text())
def test_nothing_gets_out_of_a_quoted_value(value: str) -> None:
    """A filter with somebody's text in it has that text as one value
    (https://cloud.google.com/logging/docs/view/logging-query-language#values-conversions)."""
    node = parsed(f"jsonPayload.run={quoted(value)}")
    assert isinstance(node, Comparison)


@pytest.mark.parametrize("value", ['a" OR "', "back\\slash", "new\nline", "dev-1a2b3c4d", "ä"])
def test_a_quoted_value_is_read_as_it_was(value: str) -> None:
    """Quotation marks, backslashes and line ends included."""
    node = parsed(f"textPayload={quoted(value)}")
    assert isinstance(node, Comparison)
    assert node.value == value


def test_a_filter_can_be_read_by_a_strict_reader() -> None:
    """Field names with dots are quoted too, log names have their slash encoded
    (https://cloud.google.com/logging/docs/view/logging-query-language)."""
    wanted = of_execution(CLOUD, "al-shop-dev-v1", "al-shop-dev-v1-abcde") + between(1, 2)
    assert parsed(wanted)
    assert 'labels."run.googleapis.com/execution_name"="al-shop-dev-v1-abcde"' in wanted
    assert "run.googleapis.com%2Fstdout" in wanted


def test_a_filter_for_a_hundred_runs_is_short_enough() -> None:
    """20,000 characters (https://cloud.google.com/logging/quotas), with names at their limits."""
    jobs = [f"{'a' * 40}{number:09d}" for number in range(100)]
    runs = [f"{'a' * 64}-{number:08x}" for number in range(100)]
    assert len(of_jobs(CLOUD, jobs) + any_of(runs)) < 18_000


def test_times_are_of_utc_with_milliseconds() -> None:
    """`since` is included, `before` is not."""
    assert between(0, 1) == (
        ' AND timestamp>="1970-01-01T00:00:00.000Z" AND timestamp<"1970-01-01T00:00:00.001Z"'
    )


def test_text_is_a_line_as_it_is() -> None:
    """Without its line end."""
    assert text(entry(textPayload="plain\r\n")) == "plain"


def test_a_structure_is_a_line_of_json_again() -> None:
    """Whole numbers have no point, whatever protobuf makes of them, and fields have one order."""
    payload = {"ts": 1_700_000_000_123, "b": [1, 2.5, None, True], "a": {"x": "y"}, "_log": True}
    line = text(entry(jsonPayload=payload))
    assert json.loads(line) == payload
    assert line == text(entry(jsonPayload=dict(reversed(payload.items()))))
    assert '"ts":1700000000123' in line


@pytest.mark.parametrize(
    ("severity", "level"),
    [("ERROR", "error"), ("WARNING", "warn"), ("NOTICE", "info"), ("INFO", "info"), ("DEBUG", "debug"),
     ("CRITICAL", "fatal"), ("EMERGENCY", "fatal")],
)  # fmt: skip
def test_a_severity_that_was_taken_out_of_a_line_comes_back_as_its_level(
    severity: str, level: str
) -> None:
    """Cloud Run moves it (https://cloud.google.com/logging/docs/structured-logging)."""
    assert json.loads(text(entry(jsonPayload={"msg": "m"}, severity=severity)))["level"] == level
    kept = text(entry(jsonPayload={"msg": "m", "level": "mine"}, severity=severity))
    assert json.loads(kept)["level"] == "mine"


def test_an_event_is_known_by_time_and_insert_id() -> None:
    """Equal ids at other nanoseconds are other entries, although both have the same millisecond."""
    one = event(entry(timestamp="2026-11-20T12:00:00.000000001Z"), "dev-1a2b3c4d")
    two = event(entry(timestamp="2026-11-20T12:00:00.000000002Z"), "dev-1a2b3c4d")
    assert one.time == two.time
    assert one.id < two.id


def test_an_entry_of_nobody_has_no_execution() -> None:
    """A label that is missing is not an error."""
    assert execution_of(entry()) == ""
    named = entry(labels={"run.googleapis.com/execution_name": "e"})
    assert execution_of(named) == "e"
