"""An invocation's end is told from Lambda's own lines, in both of its log formats."""

import json

import pytest

from moto_tests.given import MOMENT_MS
from runtimes._lambda_ends import GRACE_MS, status_of
from runtimes._shared_log import mine
from toolkit.core.logs import LogEvent
from toolkit.core.run import Cause, RunState, RunStatus

REQUEST = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"
RUN = "dev-1a2b3c4d"
LATER = MOMENT_MS + GRACE_MS


def text_report(more: str = "", used: int = 128) -> str:
    return (
        f"REPORT RequestId: {REQUEST}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
        f"Memory Size: 512 MB\tMax Memory Used: {used} MB\t{more}"
    )


def json_report(status: str, error: str = "", used: int = 128) -> str:
    record = {
        "requestId": REQUEST,
        "status": status,
        "metrics": {"durationMs": 3000.0, "memorySizeMB": 512, "maxMemoryUsedMB": used},
    }
    return json.dumps(
        {
            "time": "2026-11-20T12:00:00.000Z",
            "type": "platform.report",
            "record": record | ({"errorType": error} if error else {}),
        }
    )


def told(*messages: str, now: int = LATER) -> RunStatus | None:
    lines = [
        LogEvent(time=MOMENT_MS, id=str(n), message=message) for n, message in enumerate(messages)
    ]
    return status_of(lines, now=now)


@pytest.mark.parametrize(
    "lines",
    [
        [f"2026-11-20T12:00:03.000Z {REQUEST} Task timed out after 3.00 seconds"],
        [text_report("Status: timeout")],
        [text_report("Init Duration: 90.10 ms\tStatus: timeout")],
        [json_report("timeout")],
    ],
)
def test_a_timeout_is_told_from_the_log(lines: list[str]) -> None:
    """No exit code exists, and the environment is gone
    (https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html)."""
    found = told(*lines)
    assert found is not None
    assert (found.state, found.exit_code) == (RunState.TIMED_OUT, None)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (
            [
                f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed",
                text_report("Status: error\tError Type: Runtime.ExitError", used=512),
            ],
            Cause.OUT_OF_MEMORY,
        ),
        ([json_report("error", "Runtime.OutOfMemory")], Cause.OUT_OF_MEMORY),
        (
            [
                f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed",
                text_report("Status: error\tError Type: Runtime.ExitError", used=100),
            ],
            Cause.UNKNOWN,
        ),
        (
            [
                f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1",
                text_report("Status: error\tError Type: Runtime.ExitError"),
            ],
            Cause.UNKNOWN,
        ),
        (
            [text_report("Status: error\tError Type: Runtime.InvalidEntrypoint")],
            Cause.NEVER_STARTED,
        ),
        ([json_report("error", "Runtime.ExitError")], Cause.UNKNOWN),
        ([json_report("failure")], Cause.UNKNOWN),
    ],
)
def test_a_failure_is_told_with_its_cause(lines: list[str], cause: Cause) -> None:
    """REPORT has the error in the text format and in JSON
    (https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html)."""
    found = told(*lines)
    assert found is not None
    assert (found.state, found.cause) == (RunState.FAILED, cause)


def test_an_error_line_waits_for_the_report() -> None:
    """Only the report knows how much memory was used."""
    assert told(f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed") is None


@pytest.mark.parametrize("report", [text_report(), json_report("success")])
def test_a_clean_end_leaves_the_word_to_the_run(report: str) -> None:
    """An invocation that ended well says nothing of the agent's exit code: the run's own report does."""
    assert told(report, now=LATER - 1) is None


@pytest.mark.parametrize("report", [text_report(), json_report("success")])
def test_a_clean_end_without_a_word_is_a_failure(report: str) -> None:
    """A minute later nothing will come any more, and silence is not success."""
    assert told(report) == RunStatus(
        state=RunState.FAILED,
        cause=Cause.UNKNOWN,
        reason="the invocation ended without reporting what became of the run",
    )


def test_no_lines_tell_nothing() -> None:
    """An event that was not delivered yet is not an end."""
    assert told() is None


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        (json.dumps({"_log": True, "msg": "hi", "run": RUN}), True),
        (json.dumps({"_log": True, "msg": RUN, "run": "dev-ffffffff"}), False),
        (json.dumps({"_log": True, "msg": "hi", "run": f"x-{RUN}"}), False),
        (f"START RequestId: {REQUEST} Version: 3", True),
        (f"START RequestId: {REQUEST[::-1]} Version: 3", False),
        (text_report(), True),
        (json_report("success"), True),
        (json_report("success").replace(REQUEST, "another"), False),
        (f"an agent printed {RUN} without its wrapper", False),
        ('{"run": broken', False),
        ("[" * 100_000 + RUN, False),
    ],
)
def test_a_line_of_a_shared_stream_is_one_runs(line: str, ours: bool) -> None:
    """An environment serves one run after another in one stream, and several at once in one group: only the run's
    id, or in the platform's own lines the request's, tells whose a line is."""
    assert mine(RUN, REQUEST)(line) is ours


def test_without_a_request_only_our_own_lines_count() -> None:
    """A handle from before the invocation was answered."""
    assert not mine(RUN, "")(text_report())
