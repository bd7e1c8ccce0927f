"""A gateway whose disk is full, or whose file may not be written: it says so with 503, keeps nothing half, and goes on when
that is mended."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, PostOffice, opened, signed
from toolkit.core.run import RunState
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.ledgers import _sqlite_file as file
from toolkit.scheduler.loop import Loop

LONG = ISSUE | {"padding": "x" * 200_000}
CONNECT = sqlite3.connect
Connect = Callable[..., sqlite3.Connection]


def full(path: Path, **options: Any) -> sqlite3.Connection:
    """SQLite's own page limit stands for the disk's end."""
    db = CONNECT(path, **options)
    db.execute("PRAGMA max_page_count = 1")
    return db


def read_only(path: Path, **options: Any) -> sqlite3.Connection:
    return CONNECT(f"file:{path}?mode=ro", **options | {"uri": True})


@pytest.fixture
def office(place: Place) -> Iterator[PostOffice]:
    with opened(place) as office:
        office.source("hub", "github", signed("github"))
        office.agent("dev", "hub", events=["issues"])
        yield office


@pytest.fixture(params=[full, read_only])
def broken(
    request: pytest.FixtureRequest, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """The file as it is now, in this way; calling it mends that."""
    ledger: Any = office.place.services.ledger
    ledger.close()
    with monkeypatch.context() as patched:
        patched.setattr(file.sqlite3, "connect", request.param)

        def mend() -> None:
            patched.undo()
            ledger.close()

        yield mend


def test_a_delivery_that_cannot_be_kept_is_not_accepted(
    office: PostOffice, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """503, so that its sender comes again; then it is no duplicate, and starts its run."""
    with caplog.at_level(logging.ERROR):
        answer = office.send("github", LONG, x_github_delivery="one")
    assert (answer.status_code, set(answer.json())) == (503, {"error", "hint"})
    assert "action-llama.db" in caplog.text
    assert "action-llama.db" not in answer.text
    broken()
    assert (office.deliveries, office.waiting) == ([], [])
    again = office.send("github", LONG, x_github_delivery="one")
    assert (again.status_code, again.json()["matched"]) == (200, 1)
    assert len(office.waiting) == 1


def test_nothing_that_writes_answers_with_a_traceback(
    office: PostOffice, broken: Callable[[], None]
) -> None:
    """Control and triggers say the same; what only reads goes on."""
    prompt = {"prompt": "x" * 500_000}
    assert office.client.post("/control/trigger/dev", json=prompt).status_code in (413, 503)
    assert office.client.get("/api/stats/triggers").status_code in (200, 503)
    assert office.client.get("/health").status_code == 200
    broken()
    assert office.client.post("/control/trigger/dev", json={"prompt": "go"}).status_code == 200


def test_the_scheduler_goes_on_when_there_is_room_again(
    office: PostOffice, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Its passes fail with words, not with its process."""
    services = office.place.services
    desk = Desk(services=services, roster=lambda: office.roster)
    loop = Loop(desk)
    loop.step(desk.clock())
    broken()
    office.send("github", ISSUE, x_github_delivery="two")
    (run,) = [item.run for item in office.waiting]
    loop.step(desk.clock())
    loop.close()
    record = services.ledger.get(run)
    assert record is not None
    assert record.state is not RunState.QUEUED
