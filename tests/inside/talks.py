"""Sessions in the test's own process: the real session, its records and its log, and a server that speaks the APIs.

What belongs to the run (credentials, reports, ending) is tested with whole processes, in test_session.py.
"""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.inside.explain import explain
from toolkit.inside.lines import Log
from toolkit.inside.records import Reader, Records
from toolkit.inside.session import Session


@dataclass(frozen=True, slots=True)
class Talk:
    """What came of it: exit code, reason, log lines, and what the run's record would keep."""

    code: int
    reason: str
    lines: list[dict[str, Any]]
    usage: Mapping[str, Any]

    def said(self, msg: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["msg"] == msg]

    @property
    def text(self) -> str:
        return json.dumps(self.lines)


@contextmanager
def opened(
    place: Path, *models: Mapping[str, Any], log: Log | None = None, **more: Any
) -> Iterator[tuple[Session, Reader]]:
    """A session that is to be run, and what its run hears of it: all of it, at the end of the block."""
    reading, writing = os.pipe()
    reader, records = Reader(reading, log or Log("run", write=lambda _: None)), Records(writing)
    request = {
        "models": list(models),
        "skill": "Be useful.",
        "prompt": "Do your work.",
        "env": {"PATH": os.environ["PATH"], "HOME": str(place)},
        "cwd": str(place),
        "budget": {},
        **more,
    }
    try:
        yield Session(request, records), reader
    finally:
        records.close()
        reader.close()


def talk(
    place: Path, *models: Mapping[str, Any], budget: Mapping[str, Any] | None = None, **more: Any
) -> Talk:
    """One session, to its end."""
    lines: list[dict[str, Any]] = []
    log = Log("run", write=lambda data: lines.append(json.loads(data)))
    code, reason = 0, ""
    with opened(place, *models, log=log, budget=dict(budget or {}), **more) as (session, reader):
        try:
            asyncio.run(session.run())
        except Exception as error:
            code, reason = explain(error)
    return Talk(code, reason, lines, reader.usage or {})


def model(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "m", "provider": "custom", "model": "test-model", "baseUrl": url, **more}


def bash(command: str, **more: Any) -> tuple[str, Mapping[str, Any]]:
    return "bash", {"command": command, **more}
