"""A run's mailbox as lines of its log, for platforms whose containers may write nowhere else.

A line is one of the container's own, `{"_log": true, "msg": "mailbox", "box": {...}, "note": n, "run": id, ...}`: `box` has
the fields that are written, and of two notes the one with the higher number counts, in whatever order a log service
shows them.  A box that is too long for a line is JSON text in several lines, numbered by `part`, the last with `end`.
Pure: it knows no log service.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .run import Mailbox

MSG = "mailbox"
_FIELDS = ("claimed", "where", "read", "burned", "report", "status")

Line = Mapping[str, Any]


def collected(lines: Iterable[Line], run: str) -> Mailbox | None:
    """What these lines say about the run; None when nothing.  Lines of others, and all that are no notes, are passed over."""
    notes: dict[int, list[Line]] = {}
    for line in lines:
        if line.get("msg") == MSG and line.get("run") == run and "box" in line:
            notes.setdefault(int(line.get("note", 0)), []).append(line)
    fields: dict[str, Any] = {}
    for number in sorted(notes):
        fields |= _box(notes[number])
    known = {name: fields[name] for name in _FIELDS if name in fields}
    return Mailbox(**known) if known else None


def _box(lines: list[Line]) -> Mapping[str, Any]:
    """The fields of one note; none while a part of it has not been seen."""
    whole = next((line["box"] for line in lines if isinstance(line["box"], Mapping)), None)
    if whole is not None:
        return dict(whole)
    parts = {int(line.get("part", 1)): line for line in lines}
    last = parts.get(len(parts))
    if last is None or not (last.get("end") or "part" not in last):
        return {}
    text = "".join(str(parts[number]["box"]) for number in range(1, len(parts) + 1))
    found: Mapping[str, Any] = json.loads(text)
    return found
