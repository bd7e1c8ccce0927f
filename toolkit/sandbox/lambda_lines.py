"""The platform's own lines in a Lambda log stream, in both formats.

Text: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html; JSON objects instead of START and REPORT:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from toolkit.core.units import MIB


@dataclass(slots=True)
class Spent:
    """What an invocation cost: times in milliseconds, memory in MB."""

    memory: int
    begun: float = field(default_factory=time.monotonic)
    duration: float = 0.0
    init_ms: float = 0.0
    used: int = 0

    def now(self, *, init_ms: float, peak: int) -> "Spent":
        self.duration = (time.monotonic() - self.begun) * 1000
        self.init_ms, self.used = init_ms, math.ceil(peak / MIB)
        return self


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one environment."""

    version: str
    format: str = "Text"

    def start(self, request_id: str) -> Sequence[str]:
        if self.format == "JSON":
            return [_record("platform.start", requestId=request_id, version=self.version)]
        return [f"START RequestId: {request_id} Version: {self.version}"]

    def init_timed_out(self, seconds: float) -> str:
        return f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\tStatus: timeout"

    def timed_out(self, request_id: str, text: str) -> Sequence[str]:
        return [f"{_now()} {request_id} {text}"]

    def end(self, request_id: str, spent: Spent, error: str) -> Sequence[str]:
        """`error` as Invocation has it; a function's own exception is no failure of the platform's."""
        if self.format == "JSON":
            return [_report_record(request_id, spent, error)]
        return [f"END RequestId: {request_id}", _report_line(request_id, spent, error)]


def _report_line(request_id: str, spent: Spent, error: str) -> str:
    """Separated by tabs; Init Duration is there at a cold start only, Status only when something went wrong."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {spent.duration:.2f} ms",
        f"Billed Duration: {math.ceil(spent.duration + spent.init_ms)} ms",
        f"Memory Size: {spent.memory} MB",
        f"Max Memory Used: {spent.used} MB",
    ]
    fields += [f"Init Duration: {spent.init_ms:.2f} ms"] if spent.init_ms else []
    if error == "timeout":
        fields.append("Status: timeout")
    elif error.startswith("Runtime."):
        fields += ["Status: error", f"Error Type: {error}"]
    return "\t".join(fields)


def _report_record(request_id: str, spent: Spent, error: str) -> str:
    metrics = {
        "durationMs": round(spent.duration, 3),
        "billedDurationMs": math.ceil(spent.duration + spent.init_ms),
        "memorySizeMB": spent.memory,
        "maxMemoryUsedMB": spent.used,
    }
    metrics |= {"initDurationMs": round(spent.init_ms, 3)} if spent.init_ms else {}
    status = {"": "success", "timeout": "timeout"}.get(error, "error")
    more = {"errorType": error} if status == "error" else {}
    return _record("platform.report", requestId=request_id, metrics=metrics, status=status, **more)


def _record(kind: str, **record: object) -> str:
    return json.dumps({"time": _now(), "type": kind, "record": record})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
