"""What the sandbox's engine has made, kept across its runs: a journal, one JSON line per change.

A line is written after each resource, so an interrupted run is known up to its last finished step; the file is
rewritten in order when a run has ended well.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One resource: how it was registered, and what came of it."""

    urn: str
    type: str
    name: str
    ref: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)


class State:
    """The records of one environment, in the order in which they were made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[str, Record] = {}
        text = path.read_text() if path.exists() else ""
        # a last line without an end was cut off by a kill: what it told of is found again by its tags
        whole = text[: text.rfind("\n") + 1]
        self._torn_at = len(whole) if whole != text else None
        for line in whole.splitlines():
            self._replay(json.loads(line))

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._records.values()))

    def get(self, urn: str) -> Record | None:
        return self._records.get(urn)

    def put(self, record: Record) -> None:
        self._records[record.urn] = record
        self._append({"put": asdict(record)})

    def drop(self, urn: str) -> None:
        self._records.pop(urn, None)
        self._append({"drop": urn})

    def forget(self, urn: str) -> None:
        """Leave it out from now on; the file keeps it until the run has ended well."""
        self._records.pop(urn, None)

    def settle(self, order: Iterable[str]) -> None:
        """The run has ended well: rewrite the file, its records in the order of this run, so that a later removal,
        in reverse, meets dependents first."""
        known = self._records
        self._records = {urn: known[urn] for urn in order if urn in known} | known
        text = "".join(json.dumps({"put": asdict(r)}) + "\n" for r in self)
        fresh = self._path.with_suffix(".new")
        with os.fdopen(_open(fresh, os.O_TRUNC), "w") as file:
            file.write(text)
        fresh.replace(self._path)
        self._torn_at = None

    def erase(self) -> None:
        self._path.unlink(missing_ok=True)
        self._records.clear()

    def _append(self, line: Mapping[str, Any]) -> None:
        if self._torn_at is not None:
            os.truncate(self._path, self._torn_at)
            self._torn_at = None
        with os.fdopen(_open(self._path, os.O_APPEND), "w") as file:
            file.write(json.dumps(line) + "\n")

    def _replay(self, line: Mapping[str, Any]) -> None:
        if "put" in line:
            record = Record(**line["put"])
            self._records[record.urn] = record
        else:
            self._records.pop(line["drop"], None)


def _open(path: Path, how: int) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
