"""What became of an invocation, told from the lines that Lambda itself writes to the log.  Pure.

There is no call that describes an asynchronous invocation, and no exit code; the platform writes a REPORT line
(text or JSON format) at its end, and another line when it ended it
(https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.logs import LogEvent
from toolkit.core.run import Cause, RunState, RunStatus

from ._shared_log import record_of

# A run reports its own end before the platform does; this long after a clean end without a report, there is none.
GRACE_MS = 60_000

_TIMED_OUT = re.compile(r"Task timed out after ([\d.]+) seconds")
_EXITED = re.compile(r"Runtime exited with error: (?:exit status (\d+)|signal: (\w+))")
_ERROR_TYPE = re.compile(r"\b((?:Runtime|Extension|Sandbox|Function)\.\w+)")


@dataclass(frozen=True, slots=True)
class Report:
    """The platform's last line about an invocation."""

    status: str  # success, timeout, error, failure
    error: str  # e.g. Runtime.ExitError, or ""
    used: float  # MB
    size: float


def status_of(lines: Iterable[LogEvent], *, now: int) -> RunStatus | None:
    """The end that these lines tell of, or None.  They are one request's; `now` is epoch milliseconds."""
    texts: list[str] = []
    reported: tuple[int, Report] | None = None
    for line in lines:
        if report := report_of(line.message):
            reported = (line.time, report)
        elif record_of(line.message) is None:
            texts.append(line.message)
    said = "\n".join(texts)
    if ended := _ended_by_platform(said, reported[1] if reported else None):
        return ended
    if reported is None or now - reported[0] < GRACE_MS:
        return None
    return _failed(Cause.UNKNOWN, "the invocation ended without reporting what became of the run")


def dropped(environment: str, role: str) -> RunStatus:
    """What became of an event that nobody has claimed and that left no line, long after its time.

    Nothing tells the two causes apart: an event whose function cannot start is tried again until it is too old.
    """
    return _failed(
        Cause.CAPACITY,
        "Lambda dropped the event, which waited longer than its 60 s: there was no free place for it, as the quota of "
        f"concurrent executions may be too small (`al doctor -E {environment}`), or Lambda cannot become the function's "
        f"role {role} (`al doctor -c -E {environment}`)",
    )


def report_of(line: str) -> Report | None:
    """The REPORT in this line, whichever the log format."""
    if line.startswith("REPORT RequestId:"):
        return _report_of_text(line)
    data = record_of(line)
    if data and data.get("type") == "platform.report" and isinstance(data.get("record"), dict):
        return _report_of_record(data["record"])
    return None


def _report_of_text(line: str) -> Report:
    fields = dict(part.split(": ", 1) for part in line.strip().split("\t") if ": " in part)
    return Report(
        status=fields.get("Status", "success"),
        error=fields.get("Error Type", ""),
        used=_number(fields.get("Max Memory Used")),
        size=_number(fields.get("Memory Size")),
    )


def _report_of_record(record: Mapping[str, Any]) -> Report:
    metrics = record.get("metrics") or {}
    return Report(
        status=str(record.get("status", "success")),
        error=str(record.get("errorType", "")),
        used=float(metrics.get("maxMemoryUsedMB", 0)),
        size=float(metrics.get("memorySizeMB", 0)),
    )


def _ended_by_platform(said: str, report: Report | None) -> RunStatus | None:
    if timed_out := _TIMED_OUT.search(said):
        return _timed_out(f"Lambda ended it after {timed_out[1]} s")
    if report is None:  # whatever else happened, the platform is about to say how it ended
        return None
    if report.status == "timeout":
        return _timed_out("Lambda ended it at its timeout")
    exited = _EXITED.search(said)
    error = report.error or _first(_ERROR_TYPE, said)
    if _out_of_memory(error, exited[2] if exited else None, report):
        return _failed(Cause.OUT_OF_MEMORY, f"out of memory (it has {report.size:g} MB)")
    if error in ("Runtime.InvalidEntrypoint", "Runtime.InvalidWorkingDir"):
        return _failed(Cause.NEVER_STARTED, f"{error}: Lambda could not start the image")
    if exited:
        return _failed(Cause.UNKNOWN, f"{exited[0]} ({error or 'no error type'})")
    if error or report.status in ("error", "failure"):
        return _failed(Cause.UNKNOWN, f"Lambda reports {error or 'an error'}")
    return None


def _out_of_memory(error: str, signal: str | None, report: Report) -> bool:
    full = 0 < report.size <= report.used
    return error == "Runtime.OutOfMemory" or (signal == "killed" and full)


def _timed_out(reason: str) -> RunStatus:
    return RunStatus(state=RunState.TIMED_OUT, reason=reason)


def _failed(cause: Cause, reason: str) -> RunStatus:
    return RunStatus(state=RunState.FAILED, cause=cause, reason=reason)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _number(text: str | None) -> float:
    return float((text or "0").split()[0])
