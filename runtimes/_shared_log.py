"""Which lines of a log that many runs write to are one run's.  Pure."""

import json
from collections.abc import Callable
from typing import Any


def mine(run: str, request: str = "") -> Callable[[str], bool]:
    """Whether a line is this run's: our own lines carry its id, Lambda's the id of its request."""

    def of_run(line: str) -> bool:
        if run not in line and (not request or request not in line):
            return False
        data = record_of(line)
        if data is None:
            return bool(request) and request in line
        record = data.get("record")
        of_request = record.get("requestId") if isinstance(record, dict) else data.get("requestId")
        return data.get("run") == run or (bool(request) and of_request == request)

    return of_run


def record_of(line: str) -> dict[str, Any] | None:
    """The JSON object that a line is, or None: an agent may print any text that looks like one."""
    if not line.startswith("{"):
        return None
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
