"""Log entries of Cloud Logging as lines.  Pure; an entry is the protobuf message, which has nanoseconds.

A line of JSON comes back as a structure and any other as text
(https://cloud.google.com/run/docs/logging#container-logs).
"""

import json
import math
from typing import Any

from toolkit.core.logs import LogEvent

from .gcp_log_filters import EXECUTION

# https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#logseverity
_LEVELS = ((600, "fatal"), (500, "error"), (400, "warn"), (200, "info"), (1, "debug"))


def event(entry: Any, run: str) -> LogEvent:
    """The id keeps the nanoseconds that `time` lacks: time and insert id together are what an entry is known by."""
    return LogEvent(
        time=nanoseconds(entry) // 10**6,
        id=f"{nanoseconds(entry) % 10**6:06d}-{entry.insert_id}",
        message=text(entry),
        run=run,
    )


def nanoseconds(entry: Any) -> int:
    return int(entry.timestamp.seconds) * 10**9 + int(entry.timestamp.nanos)


def execution_of(entry: Any) -> str:
    """Which execution has printed it."""
    return str(entry.labels[EXECUTION]) if EXECUTION in entry.labels else ""


def text(entry: Any) -> str:
    """A line as it was printed, or what became of it: a structure's fields come back in no order."""
    if not entry.HasField("json_payload"):
        return str(entry.text_payload).rstrip("\r\n")
    found = fields(entry)
    if entry.severity and "level" not in found:
        found["level"] = next(word for least, word in _LEVELS if entry.severity >= least)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def fields(entry: Any) -> dict[str, Any]:
    """Of a structure; empty for text."""
    return {name: _plain(value) for name, value in entry.json_payload.fields.items()}


def _plain(value: Any) -> Any:
    """A protobuf Value as JSON knows it: whole numbers without a point."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return {name: _plain(part) for name, part in value.struct_value.fields.items()}
        case "list_value":
            return [_plain(part) for part in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if math.isfinite(number) and number == int(number) else number
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)
