"""A container's lines as log entries, as Cloud Run makes them.

A line that is a JSON object becomes `jsonPayload`, with its special fields moved to where they belong; any other becomes
`textPayload` (https://cloud.google.com/run/docs/logging#container-logs,
https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields).
"""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from google.cloud.logging_v2.types import LogEntry
from google.logging.type import log_severity_pb2

from .log_match import nanoseconds
from .refusals import Refused

LONGEST = (
    256 * 1000 - 4096
)  # bytes of a line; an entry has 256 KB (https://cloud.google.com/logging/quotas)
STDOUT, STDERR, SYSTEM = (
    f"run.googleapis.com/{name}" for name in ("stdout", "stderr", "varlog/system")
)
_Entry: Any = LogEntry.pb()  # protobuf's own class: one is made for every line
_SPECIAL = "logging.googleapis.com/"
_LABELS, _INSERT_ID, _TRACE = (f"{_SPECIAL}{name}" for name in ("labels", "insertId", "trace"))


@dataclass(slots=True)
class Clock:
    """Times that are never equal and never go back: the order of lines is the order of their times."""

    last: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, now: datetime) -> int:
        """Nanoseconds since 1970, in whole microseconds."""
        with self.lock:
            self.last = max(int(now.timestamp() * 10**6) * 1000, self.last + 1000)
            return self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Whose lines they are: the monitored resource and the labels that every entry of it has."""

    project: str
    kind: str
    resource: Mapping[str, str]
    labels: Mapping[str, str]
    clock: Clock = field(default_factory=Clock)

    def entries(self, log: str, lines: Sequence[str], now: datetime) -> Iterator[Any]:
        """The entries, as protobuf messages, of lines that were written now to `log`."""
        for line in lines:
            for part in _cut(line.rstrip("\r")):
                yield self._entry(log, part, self.clock.next(now))

    def system(self, text: str, severity: str, now: datetime) -> Any:
        """An entry of Cloud Run's own about the container."""
        entry = self._blank(SYSTEM, self.clock.next(now))
        entry.text_payload = text
        entry.severity = log_severity_pb2.LogSeverity.Value(severity)
        return entry

    def _entry(self, log: str, line: str, time: int) -> Any:
        entry, structure = self._blank(log, time), _structure(line)
        if structure is None:
            entry.text_payload = line
        else:
            _lift(structure, entry)
            entry.json_payload.update(structure)
        return entry

    def _blank(self, log: str, time: int) -> Any:
        entry = _Entry(log_name=_log_name(self.project, log))
        entry.resource.type = self.kind
        entry.resource.labels.update(self.resource)
        entry.labels.update(self.labels)
        _set_time(entry, time)
        # hexadecimal seconds and nanoseconds first, so that ids are ordered as the lines are
        entry.insert_id = f"{time // 10**9:08x}{time % 10**9:08x}{secrets.token_hex(4)}"
        return entry


@lru_cache(maxsize=64)
def _log_name(project: str, log: str) -> str:
    return f"projects/{project}/logs/{quote(log, safe='')}"


def _cut(line: str) -> list[str]:
    data = line.encode()
    if len(data) <= LONGEST:
        return [line]
    return [data[at : at + LONGEST].decode(errors="replace") for at in range(0, len(data), LONGEST)]


def _structure(line: str) -> dict[str, Any] | None:
    """The line's JSON object, or None when it is none."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(line, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _lift(structure: dict[str, Any], entry: Any) -> None:
    """Move the special fields out of the structure."""
    if isinstance(severity := structure.get("severity"), str):
        names = log_severity_pb2.LogSeverity.keys()
        entry.severity = (
            log_severity_pb2.LogSeverity.Value(severity.upper()) if severity.upper() in names else 0
        )
        del structure["severity"]
    if isinstance(labels := structure.get(_LABELS), dict):
        entry.labels.update({str(key): str(value) for key, value in labels.items()})
        del structure[_LABELS]
    for name, attribute in ((_INSERT_ID, "insert_id"), (_TRACE, "trace")):
        if isinstance(structure.get(name), str):
            setattr(entry, attribute, structure.pop(name))
    if isinstance(time := structure.get("time"), str):
        _lift_time(structure, entry, time)


def _lift_time(structure: dict[str, Any], entry: Any, text: str) -> None:
    """`time` is the entry's own when it is one; otherwise it stays an ordinary field."""
    try:
        _set_time(entry, nanoseconds(text))
    except Refused:
        return
    del structure["time"]


def _set_time(entry: Any, time: int) -> None:
    entry.timestamp.seconds, entry.timestamp.nanos = divmod(time, 10**9)
