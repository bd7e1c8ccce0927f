"""Logging's query language: what a filter finds, and which are none.

https://cloud.google.com/logging/docs/view/logging-query-language.
"""

import pytest
from google.api_core import exceptions
from google.cloud.logging_v2.types import LogEntry

from moto_tests.gcp.log_world import Logs
from toolkit.sandbox.gcp.log_filter import parsed
from toolkit.sandbox.gcp.log_match import predicate
from toolkit.sandbox.gcp.refusals import Refused

ENTRY = LogEntry.pb(
    LogEntry(
        log_name="projects/p/logs/run.googleapis.com%2Fstdout",
        resource={"type": "cloud_run_job", "labels": {"job_name": "Agent"}},
        severity=500,
        insert_id="b",
        labels={"run.googleapis.com/execution_name": "agent-x1", "a.b": "c"},
        timestamp={"seconds": 1_000_000_000, "nanos": 123_456_789},
        json_payload={
            "msg": "Mailbox opened",
            "n": 5,
            "ok": True,
            "none": None,
            "box": {"read": "now", "tags": ["one", "two"]},
        },
    )
)


def finds(filter_: str) -> bool:
    return predicate(parsed(filter_))(ENTRY)


@pytest.mark.parametrize(
    "filter_",
    [
        "",
        'resource.type="cloud_run_job"',
        'resource.type = "CLOUD_RUN_JOB"',
        'resource.labels.job_name="agent"',
        'labels."run.googleapis.com/execution_name"="agent-x1"',
        'labels."a.b"="c"',
        'logName="projects/p/logs/run.googleapis.com%2Fstdout"',
        'log_name:"stdout"',
        "severity>=WARNING",
        "severity=ERROR",
        "severity>400",
        'jsonPayload.msg="mailbox opened"',
        'jsonPayload.msg:"box"',
        'jsonPayload.msg=~"^Mail.*d$"',
        'jsonPayload.msg!~"^mail"',
        "jsonPayload.n=5",
        "jsonPayload.n>4 jsonPayload.n<=5",
        "jsonPayload.ok=true",
        'jsonPayload.box.read="now"',
        "jsonPayload.box:*",
        'jsonPayload.box.tags="two"',
        'jsonPayload.box:"read"',
        'timestamp>="2001-09-09T01:46:40.123456789Z"',
        'timestamp>"2001-09-09T01:46:40.123456788Z"',
        'timestamp<"2001-09-09T03:46:41+02:00"',
        'timestamp>="2001-09-09"',
        'insertId>"a"',
        '"opened"',
        "Mailbox",
        'NOT jsonPayload.missing="x"',
        "-severity=INFO",
        'resource.type=("other" OR "cloud_run_job")',
        'severity=INFO OR severity=ERROR AND insertId="b"',
        '-- a comment\nseverity=ERROR\ninsertId="b"',
        r'jsonPayload.msg="Mailbox\u0020opened"',
    ],
)
def test_a_filter_that_finds_the_entry(filter_: str) -> None:
    """Text is compared without regard to case; two comparisons in a row are both meant."""
    assert finds(filter_)


@pytest.mark.parametrize(
    "filter_",
    [
        'resource.type="cloud_run_revision"',
        'labels.missing="x"',
        'labels.missing!="x"',
        'jsonPayload.missing!="x"',
        'jsonPayload.n="many"',
        "jsonPayload.none:*",
        'jsonPayload.box.missing:"x"',
        'textPayload:"opened"',
        "severity<ERROR",
        "NOT severity=ERROR",
        'timestamp>"2001-09-09T01:46:40.123456789Z"',
        'insertId<"b"',
        '"nowhere"',
        "severity=INFO OR severity=ERROR AND insertId=a",
        'severity=ERROR AND (insertId="a" OR insertId="c")',
    ],
)
def test_a_filter_that_does_not(filter_: str) -> None:
    """A field that is missing fails every comparison, `!=` as well; OR binds closer than AND."""
    assert not finds(filter_)


@pytest.mark.parametrize(
    "filter_",
    [
        "insertId=abc:def",
        "logName=projects/p/logs/x",
        'labels.run.googleapis.com/execution_name="x"',
        'unknown="x"',
        'jsonPayload.msg="open',
        "severity=",
        "severity>=ERROR AND",
        "AND severity=ERROR",
        '(severity=ERROR OR insertId="b"',
        'severity=ERROR) OR insertId="b"',
        "severity=LOUD",
        'timestamp>"yesterday"',
        'timestamp>"2001-13-01T00:00:00Z"',
        'jsonPayload.msg=~"["',
        "jsonPayload.msg=~open",
        "jsonPayload.msg='opened'",
        '"resource.type"="x"',
        "x" * 20_001,
    ],
)
def test_a_filter_that_is_none_is_refused(filter_: str) -> None:
    """INVALID_ARGUMENT; values with special characters must be in double quotes
    (https://cloud.google.com/logging/docs/view/troubleshoot-lql)."""
    with pytest.raises(Refused) as raised:
        finds(filter_)
    assert (raised.value.code, raised.value.violations[0].field) == ("INVALID_ARGUMENT", "filter")


def test_the_api_refuses_it_too(logs: Logs) -> None:
    """With the place of the mistake."""
    with pytest.raises(exceptions.InvalidArgument, match=r"Unparseable filter.*column 9"):
        logs.page("logName=/x")
