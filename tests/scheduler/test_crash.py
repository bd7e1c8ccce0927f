"""Processes that share a ledger are killed at random points: what they were answered is true ever after.

`AL_CHAOS` is the number of kills (100 when it is not set), `AL_CHAOS_SEED` the seed, which is printed.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.scheduler.ledger_workload import LOCKED, ROOMS, a_ledger, fork
from toolkit.core.run import RunId, RunState
from toolkit.core.work import CallState

KILLS = int(os.environ.get("AL_CHAOS", "100"))
SEED = os.environ.get("AL_CHAOS_SEED") or str(random.SystemRandom().randrange(10**6))
TOGETHER = 2  # processes at once, each killed on its own
LONGEST = 0.08  # seconds that one lives


class Witness:
    """Lets processes work and kills them, remembers what they were told, and looks whether it is so."""

    def __init__(self, place: Path) -> None:
        self.place, self.ledger = place, a_ledger(place)
        self.dice = random.Random(SEED)
        self.told: dict[str, list[list[Any]]] = {}
        self.checked = Counter[str]()
        self.killed = 0

    def round(self) -> None:
        """Some work at once, and are killed one after the other."""
        seeds = [f"{SEED}/{self.killed + n}" for n in range(TOGETHER)]
        children = [fork(self.place, seed, f"p{self.killed + n}") for n, seed in enumerate(seeds)]
        for child, _ in children:
            time.sleep(self.dice.uniform(0, LONGEST / TOGETHER))  # the moment of the kill
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.killed += len(children)
        for _, reading in children:
            self._hear(reading)

    def _hear(self, reading: int) -> None:
        with os.fdopen(reading, encoding="utf-8") as lines:
            for verb, *rest in map(json.loads, lines):
                self.told.setdefault(verb, []).append(rest)

    def look(self) -> None:
        """What was told since the last look, and what must be so always."""
        assert self.told.get("failed", []) == []
        self.no_run_is_lost()
        self.no_work_is_given_twice()
        self.calls_and_facts_are_kept()
        self.no_lock_outlives_its_time()
        for verb in set(self.told) - {"taken"}:
            self.checked[verb] += len(self.told.pop(verb))

    def no_run_is_lost(self) -> None:
        for (receipt,) in self.told.get("refused", []):
            assert self.ledger.deliveries.get(receipt) is None
        for receipt, runs in self.told.get("accepted", []):
            assert self.ledger.deliveries.get(receipt) is not None
            self.told.setdefault("added", []).extend([run] for run in runs)
        for (run,) in self.told.get("added", []):
            record = self.ledger.get(RunId(run))
            assert record is not None
            assert record.state.final or self.ledger.queue.get(RunId(run)) is not None
        for (run,) in self.told.get("started", []):
            item = self.ledger.queue.get(RunId(run))
            assert item.started if item else self.is_over(run)

    def is_over(self, run: str) -> bool:
        record = self.ledger.get(RunId(run))
        return record is not None and record.state.final

    def no_work_is_given_twice(self) -> None:
        """Each attempt at a run is one holder's until its time is over, and no more are at work than there is room for."""
        held = sorted(tuple(told) for told in self.told.get("taken", []))
        twice = [
            (one, two) for one, two in pairwise(held) if one[:2] == two[:2] and two[2] < one[3]
        ]
        assert twice == []
        at_work = self.ledger.queue.at_work()
        assert len(at_work) <= (ROOMS.total or 0)
        by_agent = Counter(str(item.agent) for item in at_work)
        assert all(count <= ROOMS.agents[agent] for agent, count in by_agent.items())

    def calls_and_facts_are_kept(self) -> None:
        for (call,) in self.told.get("called", []):
            assert self.ledger.calls.get(call) is not None
        for (call,) in self.told.get("returned", []):
            found = self.ledger.calls.get(call)
            assert found is not None
            assert (found.state, len(found.return_value or "")) == (CallState.COMPLETED, 3_000)
        for name, value in self.told.get("fact", []):
            assert self.ledger.fact(name) >= value

    def no_lock_outlives_its_time(self) -> None:
        last = datetime.now(UTC) + timedelta(seconds=LOCKED)
        assert list(self.ledger.locks.held(moment=last)) == []

    def settle(self) -> None:
        """As a scheduler does that comes back: what was started by the dead is ended, and makes room."""
        for item in self.ledger.queue.at_work():
            if item.started:
                self.ledger.update(item.run, state=RunState.LOST)
                self.ledger.queue.done(item.run)

    def nothing_is_half(self) -> None:
        """The file is sound; each delivery has all of its runs, each item its run, and the lengths are true."""
        self.ledger.close()
        with closing(sqlite3.connect(self.ledger.path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            runs = Counter(delivery for (delivery,) in db.execute(DELIVERY_OF_EACH_RUN))
            wanted = dict(db.execute(RUNS_OF_EACH_DELIVERY))
            assert {receipt: runs[receipt] for receipt in wanted} == wanted
            assert db.execute(ITEMS_WITHOUT_RUN).fetchall() == []
            assert db.execute(WRONG_LENGTHS).fetchall() == []


# compared here: to SQLite each delivery would be a look through all runs, which after thousands of kills takes hours
DELIVERY_OF_EACH_RUN = "SELECT data ->> '$.delivery' FROM runs"
RUNS_OF_EACH_DELIVERY = "SELECT id, data ->> '$.matched' FROM deliveries"
ITEMS_WITHOUT_RUN = "SELECT run FROM queue WHERE run NOT IN (SELECT id FROM runs)"
WRONG_LENGTHS = """SELECT agent FROM lines WHERE
                   waiting <> (SELECT count(*) FROM queue WHERE queue.agent = lines.agent AND state = 0)
                   OR working <> (SELECT count(*) FROM queue WHERE queue.agent = lines.agent AND state > 0)
                   OR (waiting > 0 AND head <> (SELECT min(place) FROM queue
                                                WHERE queue.agent = lines.agent AND state = 0))"""


def test_what_was_answered_survives_every_kill(tmp_path: Path) -> None:
    """No accepted delivery is lost or half there, no attempt at a run has two holders, no lock outlives its time."""
    witness = Witness(tmp_path)
    sys.stdout.write(f"AL_CHAOS_SEED={SEED}\n")
    while witness.killed < KILLS:
        witness.round()
        witness.look()
        witness.settle()
    witness.nothing_is_half()
    sys.stdout.write(f"{witness.killed} kills; answers that held: {dict(witness.checked)}\n")
    assert witness.checked["accepted"] > 0
    assert witness.checked["added"] > 0
    assert len(witness.told["taken"]) > 0
