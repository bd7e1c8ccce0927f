"""The embedded ledger's queue: accepts, adds and take+done per second, empty and with 100,000 waiting.  Figures, no verdicts.

The store alone, in this process: no HTTP, no signature, no matching.  Each answer is durable (fsync) before it counts.
"""

import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import Run, RunId, Trigger, TriggerKind
from toolkit.core.work import Delivery, Rooms, WorkItem
from toolkit.scheduler.ledgers.sqlite import SqliteLedger

BODY = b'{"action": "opened", "text": "' + b"x" * 8_000 + b'"}'
CONTEXT = {"event": "issues", "repo": "acme/shop", "title": "It breaks", "body": "x" * 600}
HEADERS = {"content-type": "application/json", "x-github-event": "issues"}
SUBMITTERS, MOST, LONG = 64, 1_000_000, 100_000
ROOMS = Rooms(agents={f"agent-{number}": 10 for number in range(10)})


def a_ledger(place: Path) -> SqliteLedger:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return SqliteLedger(Context(environment=environment, home=place, project=place))


def work(number: int, receipt: str) -> tuple[Run, WorkItem, int]:
    agent = AgentName(f"agent-{number % 10}")
    run, created = RunId.new(agent), iso(datetime.now(UTC))
    trigger = Trigger(
        agent=agent, kind=TriggerKind.WEBHOOK, source="github", context=CONTEXT, delivery=receipt
    )
    record = Run(
        id=run,
        agent=agent,
        runtime="local",
        trigger=trigger.kind,
        created=created,
        delivery=receipt,
    )
    return record, WorkItem(run=run, trigger=trigger, created=created), MOST


def delivery(prefix: str, number: int) -> Delivery:
    receipt = f"{prefix}-{random.getrandbits(64):016x}-{number}"
    return Delivery(
        id=receipt,
        source="github",
        received=iso(datetime.now(UTC)),
        delivery=receipt,
        headers=HEADERS,
        body=BODY,
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """How many a second, and how many seconds of processor time each took: on a busy machine the latter says more."""

    each: float
    cpu: float

    @classmethod
    def of(cls, count: int, doing: Callable[[], object]) -> "Rate":
        wall, cpu = time.perf_counter(), time.process_time()
        doing()
        return cls(count / (time.perf_counter() - wall), (time.process_time() - cpu) / count)


class Submitters:
    """64 that each wait for the answer to one delivery before they send the next, as 64 connections do."""

    def __init__(self, ledger: SqliteLedger, prefix: str, count: int) -> None:
        self._ledger, self._left = ledger, count
        made = [delivery(prefix, number) for number in range(count)]
        self._deliveries = iter([(one, [work(n, one.id)]) for n, one in enumerate(made)])
        self.waits = list[float]()
        self._over = threading.Event()

    def run(self) -> None:
        """Until all are accepted; `waits` has the seconds that each took."""
        for _ in range(SUBMITTERS):
            self._submit()
        self._over.wait()

    def _submit(self) -> None:
        if (asked := next(self._deliveries, None)) is None:
            return
        began = time.perf_counter()
        self._ledger.deliveries.accept_soon(*asked, lambda answer: self._answered(answer, began))

    def _answered(self, answer: object, began: float) -> None:
        if isinstance(answer, BaseException):
            raise answer
        self.waits.append(time.perf_counter() - began)
        self._left -= 1
        if not self._left:
            self._over.set()
        self._submit()


def accepts(ledger: SqliteLedger, prefix: str, count: int, note: str) -> None:
    submitters = Submitters(ledger, prefix, count)
    rate = Rate.of(count, submitters.run)
    middle = statistics.median(submitters.waits) * 1000
    most = statistics.quantiles(submitters.waits, n=100)[98] * 1000
    tell(
        f"accepts of 8 KB, {SUBMITTERS} at a time",
        rate,
        f"p50 {middle:.1f} p99 {most:.1f} ms",
        note,
    )


def adds(ledger: SqliteLedger, count: int, note: str) -> None:
    alone, together = ([work(n, "") for n in range(size)] for size in (count // 4, count))

    def add(one: tuple[Run, WorkItem, int]) -> None:
        ledger.queue.add(one[0], one[1], most=one[2])

    tell("enqueue, one caller", Rate.of(len(alone), lambda: [add(one) for one in alone]), note)
    with ThreadPoolExecutor(16) as pool:
        rate = Rate.of(len(together), lambda: list(pool.map(add, together)))
    tell("enqueue, 16 callers", rate, note)


def takes(ledger: SqliteLedger, count: int, note: str) -> None:
    def take_and_finish() -> None:
        for _ in range(count):
            item = ledger.queue.take("me", ROOMS, seconds=60, moment=datetime.now(UTC))
            assert item is not None
            ledger.queue.done(item.run)

    tell("take + done, one caller", Rate.of(count, take_and_finish), note)


def tell(what: str, rate: Rate, *notes: str) -> None:
    each = f"{rate.cpu * 1_000_000:.0f} us of processor each"
    print(f"{what:<58} {rate.each:9,.0f} /s   {'; '.join((each, *notes))}", flush=True)


@contextmanager
def one_core() -> Iterator[None]:
    """Bound to one processor, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def main(place: str | None = None) -> None:
    with tempfile.TemporaryDirectory(prefix="al-bench-queue-", dir=place) as root, one_core():
        ledger = a_ledger(Path(root))
        ledger.prepare()
        adds(ledger, 4_000, "queue empty at first")
        takes(ledger, 2_000, "3,000 left")
        accepts(ledger, "a", 20_000, "queue short")
        accepts(ledger, "b", LONG - 20_000, "growing to 100,000")
        accepts(ledger, "c", 20_000, "100,000 waiting")
        adds(ledger, 4_000, "120,000 waiting")
        takes(ledger, 2_000, "120,000 waiting")
        size = ledger.path.stat().st_size / 1_000_000
        print(f"{'the file then':<58} {size:9,.0f} MB")
        ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
