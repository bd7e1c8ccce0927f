"""A process that uses the embedded ledger at random until it is killed, and says what it was answered.

Each line is one JSON list, a verb and what matters of its answer, written only after the ledger has answered.  Several of
these may share one file.
"""

import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import RunTaken
from toolkit.core.ports import Context
from toolkit.core.run import Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.work import Call, CallState, Delivery, Rooms, WorkItem
from toolkit.scheduler.ledgers.sqlite import SqliteLedger

ROOMS = Rooms(agents={"dev": 3, "ops": 3}, total=5)
HOLD, LOCKED = 0.4, 0.3  # seconds that work is held, and a lock
KEYS = ("git://a", "git://b", "git://c")


def a_ledger(place: Path) -> SqliteLedger:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return SqliteLedger(Context(environment=environment, home=place, project=place))


def now() -> datetime:
    return datetime.now(UTC)


class Workload:
    """One process's life.  `answered` is told every answer."""

    def __init__(self, place: Path, seed: str, name: str, answered: Callable[..., None]) -> None:
        self._ledger, self._name, self._said = a_ledger(place), name, answered
        self._dice, self._made = random.Random(seed), 0
        self._mine: list[RunId] = []
        self._verbs = (self.accept, self.accept_soon, self.add, self.take, self.take, self.begin)
        self._verbs += (self.give_back, self.finish, self.lock, self.release, self.call, self.keep)

    def step(self) -> None:
        self._dice.choice(self._verbs)()

    def accept(self) -> None:
        delivery, work = self._delivery()
        try:
            self._ledger.deliveries.accept(delivery, work)
        except RunTaken:  # ids are short: after thousands of kills two runs have the same
            self._said("refused", delivery.id)
        else:
            self._said("accepted", delivery.id, [run.id for run, _, _ in work])

    def accept_soon(self) -> None:
        for delivery, work in [self._delivery() for _ in range(self._dice.randint(1, 8))]:
            runs = [run.id for run, _, _ in work]
            told = partial(self._answered, "accepted", delivery.id, runs)
            self._ledger.deliveries.accept_soon(delivery, work, told)

    def _answered(self, verb: str, receipt: str, runs: list[RunId], answer: object) -> None:
        """Told by the ledger's own thread; an error is no acceptance, and must not be."""
        if isinstance(answer, RunTaken):
            self._said("refused", receipt)
        elif isinstance(answer, BaseException):
            self._said("failed", f"{type(answer).__name__}: {answer}")
        else:
            self._said(verb, receipt, runs)

    def add(self) -> None:
        run, item, most = self._work()
        self._ledger.queue.add(run, item, most=most)
        self._said("added", run.id)

    def take(self) -> None:
        moment = now()
        item = self._ledger.queue.take(self._name, ROOMS, seconds=HOLD, moment=moment)
        if item is not None and item.until is not None:
            self._mine.append(item.run)
            self._said("taken", item.run, item.attempts, iso(moment), item.until)

    def begin(self) -> None:
        if self._mine and self._ledger.queue.started(run := self._mine[0], self._name):
            self._said("started", run)

    def give_back(self) -> None:
        if self._mine and self._ledger.queue.give_back(
            run := self._mine.pop(), self._name, not_before=now()
        ):
            self._said("given back", run)

    def finish(self) -> None:
        if self._mine and (item := self._ledger.queue.get(self._mine[0])) and item.started:
            run = self._mine.pop(0)
            self._ledger.update(run, state=RunState.SUCCEEDED, exit_code=0)
            self._ledger.queue.done(run)
            self._said("done", run)

    def lock(self) -> None:
        key, holder = self._dice.choice(KEYS), self._holder()
        grip = self._ledger.locks.acquire(key, holder, seconds=LOCKED, moment=now())
        if grip.lock is not None:
            self._said("lock", key, grip.lock.holder, grip.answer)

    def release(self) -> None:
        self._ledger.locks.release(self._dice.choice(KEYS), self._holder(), moment=now())

    def call(self) -> None:
        self._made += 1
        call = Call(
            id=f"{self._name}-{self._made}",
            caller=self._holder(),
            target=AgentName("ops"),
            run=RunId.new(AgentName("ops")),
            context="do",
            depth=1,
            created=iso(now()),
        )
        self._ledger.calls.add(call)
        self._said("called", call.id)
        self._ledger.calls.update(call.id, state=CallState.COMPLETED, return_value="x" * 3_000)
        self._said("returned", call.id)

    def keep(self) -> None:
        self._made += 1
        self._ledger.set_fact(f"fact/{self._name}", self._made)
        self._said("fact", f"fact/{self._name}", self._made)

    def _holder(self) -> RunId:
        return RunId(f"dev-{self._dice.randrange(4):08x}")

    def _work(self, delivery: str | None = None) -> tuple[Run, WorkItem, int]:
        agent, created = AgentName(self._dice.choice(["dev", "ops"])), iso(now())
        trigger = Trigger(agent=agent, kind=TriggerKind.WEBHOOK, context={"x": "y" * 500})
        run = Run(
            id=RunId.new(agent),
            agent=agent,
            runtime="none",
            trigger=trigger.kind,
            created=created,
            delivery=delivery,
        )
        return run, WorkItem(run=run.id, trigger=trigger, created=created), 1_000_000

    def _delivery(self) -> tuple[Delivery, list[tuple[Run, WorkItem, int]]]:
        self._made += 1
        name = f"{self._name}-{self._made}"
        work = [self._work(name) for _ in range(self._dice.randint(0, 2))]
        body = b"x" * self._dice.choice([10, 3_000, 9_000])
        delivery = Delivery(
            id=name,
            source="github",
            delivery=name,
            received=iso(now()),
            body=body,
            matched=len(work),
        )
        return delivery, work


def fork(place: Path, seed: str, name: str) -> tuple[int, int]:
    """A process at this work: its id, and the descriptor from which its answers are read."""
    reading, writing = os.pipe()
    if (child := os.fork()) != 0:
        os.close(writing)
        return child, reading
    try:
        # in one write each, so that a kill leaves a line whole or not at all
        workload = Workload(
            place, seed, name, lambda *told: os.write(writing, (json.dumps(told) + "\n").encode())
        )
        while True:
            workload.step()
    except BaseException as error:  # told instead of raised: the parent's tests must not run here
        os.write(writing, (json.dumps(["failed", repr(error)]) + "\n").encode())
    finally:
        os._exit(1)
