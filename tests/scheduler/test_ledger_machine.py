"""Any sequence of operations leaves the file and the memory with the same answers."""

import shutil
import tempfile
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from tests.contracts.ledger import START, a_run
from tests.fakes import MemoryLedger
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import AlError
from toolkit.core.ports import Context, Ledger
from toolkit.core.run import Cause, Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.secrets import Receipt
from toolkit.core.work import Call, CallState, DeadReason, Delivery, DeliveryState, Rooms, WorkItem
from toolkit.scheduler.ledgers.sqlite import PLUGIN

TIMES = st.none() | st.sampled_from(["t1", "t2"])
RECEIPTS = st.builds(Receipt, created=TIMES, read=TIMES, deleted=TIMES, verified_absent=TIMES)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(RunState),
        "receipt": RECEIPTS,
        "reason": st.text(max_size=5),
        "exit_code": st.none() | st.integers(0, 255),
        "cause": st.none() | st.sampled_from(Cause),
    },
)
KEYS = st.sampled_from(["a", "a/b", "ab"])
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.lists(st.text(max_size=2), max_size=2)


def outcome(ledger: Ledger, verb: str, *args: Any, **options: Any) -> Any:
    """The answer, or the kind of refusal."""
    try:
        answer = attrgetter(verb)(ledger)(*args, **options)
    except AlError as error:
        return type(error)
    return tuple(answer) if isinstance(answer, list) else answer  # a sequence is a sequence


class Both(RuleBasedStateMachine):
    """A file and a memory that get the same operations."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        environment = Environment(name="local", scope=Scope(project="p", environment="local"))
        context = Context(environment=environment, home=self.place, project=self.place)
        self.file = PLUGIN(context)
        self.pair: tuple[Ledger, Ledger] = (self.file, MemoryLedger())

    def teardown(self) -> None:
        self.file.close()
        shutil.rmtree(self.place)

    def both(self, verb: str, *args: Any, **options: Any) -> Any:
        file, memory = (outcome(ledger, verb, *args, **options) for ledger in self.pair)
        assert file == memory
        return file


class Ledgers(Both):
    """Runs, mailboxes and facts."""

    runs = Bundle("runs")

    @rule(
        target=runs,
        agent=st.sampled_from(["dev", "ops"]),
        after=st.integers(0, 3),
        hex=st.integers(0, 9),
    )
    def add(self, agent: str, after: int, hex: int) -> Run:  # noqa: A002
        run = a_run(agent, after=after, id=RunId(f"{agent}-{hex:08x}"))
        self.both("add", run)
        return run

    @rule(run=runs, changes=CHANGES)
    def update(self, run: Run, changes: dict[str, Any]) -> None:
        self.both("update", run.id, **changes)

    @rule(run=runs)
    def stop(self, run: Run) -> None:
        self.both("request_stop", run.id)
        self.both("mailbox", run.id)

    @rule(key=KEYS, value=VALUES)
    def keep(self, key: str, value: Any) -> None:
        self.both("set_fact", key, value)

    @rule(key=KEYS, value=VALUES, expected=VALUES)
    def exchange(self, key: str, value: Any, expected: Any) -> None:
        self.both("set_fact", key, value, expected=expected)

    @rule(
        agent=st.sampled_from([None, "dev", "ops"]), active=st.booleans(), limit=st.integers(0, 4)
    )
    def list(self, agent: str | None, active: bool, limit: int) -> None:
        self.both("runs", agent=agent, active=active, limit=limit)

    @invariant()
    def facts_agree(self) -> None:
        self.both("facts", "")


AGENTS = st.sampled_from(["dev", "ops"])
PEOPLE = st.sampled_from(["ann", "bob"])
HOLDERS = st.sampled_from([RunId(f"dev-{n:08x}") for n in range(3)])
RESOURCES = st.sampled_from(["git://a", "git://b", "git://c"])
SECONDS = st.sampled_from([1.0, 5.0, 60.0])
ROOMS = st.builds(
    Rooms,
    agents=st.sampled_from([{}, {"dev": 1}, {"ops": 0, "dev": 2}, {"dev": 3, "ops": 3}]),
    total=st.sampled_from([None, 0, 1, 2, 3]),
)


class Timed(Both):
    """Time passes between the operations, for both alike."""

    def __init__(self) -> None:
        super().__init__()
        self.moment: datetime = START
        self.made = 0

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def work(self, agent: str, once: str = "") -> tuple[Run, WorkItem]:
        """Each is younger than the one before, or as old: then only the order in which they came counts."""
        self.made += 1
        self.moment += timedelta(milliseconds=self.made % 2)
        created = iso(self.moment)
        run = a_run(agent, id=RunId(f"{agent}-{9_999 - self.made:08d}"), created=created)
        trigger = Trigger(
            agent=AgentName(agent), kind=TriggerKind.WEBHOOK, context={"n": self.made}
        )
        return run, WorkItem(run=run.id, trigger=trigger, created=created, once=once)


class Queues(Timed):
    """Work, and who does it."""

    queued = Bundle("queued")

    @rule(
        target=queued, agent=AGENTS, once=st.sampled_from(["", "", "tick"]), most=st.integers(1, 4)
    )
    def add(self, agent: str, once: str, most: int) -> RunId:
        run, item = self.work(agent, once)
        self.both("queue.add", run, item, most=most)
        self.both("queue.add", run, item, most=most)
        return run.id

    @rule(holder=PEOPLE, rooms=ROOMS, seconds=SECONDS, times=st.integers(1, 4))
    def take(self, holder: str, rooms: Rooms, seconds: float, times: int) -> None:
        for _ in range(times):
            self.both("queue.take", holder, rooms, seconds=seconds, moment=self.moment)

    @rule(run=queued, holder=PEOPLE, seconds=SECONDS)
    def renew(self, run: RunId, holder: str, seconds: float) -> None:
        self.both("queue.renew", run, holder, seconds=seconds, moment=self.moment)

    @rule(run=queued, holder=PEOPLE)
    def started(self, run: RunId, holder: str) -> None:
        self.both("queue.started", run, holder)

    @rule(run=queued, holder=PEOPLE, seconds=SECONDS)
    def give_back(self, run: RunId, holder: str, seconds: float) -> None:
        later = self.moment + timedelta(seconds=seconds)
        self.both("queue.give_back", run, holder, not_before=later)

    @rule(run=queued)
    def done(self, run: RunId) -> None:
        self.both("queue.done", run)

    @rule(run=queued, agent=st.none() | AGENTS, limit=st.integers(0, 3))
    def look(self, run: RunId, agent: str | None, limit: int) -> None:
        self.both("queue.get", run)
        self.both("get", run)
        self.both("queue.waiting", agent, limit=limit)

    @invariant()
    def lines_agree(self) -> None:
        self.both("queue.lengths")
        self.both("queue.waiting")
        self.both("queue.at_work")


class Holding(Timed):
    """Locks, and who waits for whom."""

    @rule(one=HOLDERS, other=HOLDERS, key=RESOURCES, another=RESOURCES, seconds=SECONDS)
    def cross(self, one: RunId, other: RunId, key: str, another: str, seconds: float) -> None:
        """Each has what the other wants, as far as they can."""
        for holder, wanted in ((one, key), (other, another), (one, another), (other, key)):
            self.acquire(wanted, holder, seconds, single=False)

    @rule(key=RESOURCES, holder=HOLDERS, seconds=SECONDS, single=st.booleans())
    def ask(self, key: str, holder: RunId, seconds: float, single: bool) -> None:
        self.acquire(key, holder, seconds, single=single)

    def acquire(self, key: str, holder: RunId, seconds: float, *, single: bool) -> None:
        self.both("locks.acquire", key, holder, seconds=seconds, moment=self.moment, single=single)

    @rule(key=RESOURCES, holder=HOLDERS)
    def release(self, key: str, holder: RunId) -> None:
        self.both("locks.release", key, holder, moment=self.moment)

    @rule(key=RESOURCES, holder=HOLDERS, seconds=SECONDS)
    def heartbeat(self, key: str, holder: RunId, seconds: float) -> None:
        self.both("locks.heartbeat", key, holder, seconds=seconds, moment=self.moment)

    @rule(holder=HOLDERS)
    def release_all(self, holder: RunId) -> None:
        self.both("locks.held", holder, moment=self.moment)
        mine = outcome(self.file, "locks.held", holder, moment=self.moment)
        for ledger in self.pair:  # one may count those whose time is over
            assert outcome(ledger, "locks.release_all", holder) >= len(mine)

    @invariant()
    def locks_agree(self) -> None:
        self.both("locks.held", moment=self.moment)


class Sharing(Timed):
    """Calls and deliveries."""

    calls = Bundle("calls")
    receipts = Bundle("receipts")

    @rule(target=calls, caller=HOLDERS, number=st.integers(0, 4))
    def call(self, caller: RunId, number: int) -> str:
        self.moment += timedelta(milliseconds=1)
        call = Call(
            id=f"c{number}",
            caller=caller,
            target=AgentName("ops"),
            run=RunId(f"ops-{number:08x}"),
            context="do",
            depth=1,
            created=iso(self.moment),
        )
        self.both("calls.add", call)
        return call.id

    @rule(call=calls, state=st.sampled_from(CallState), value=st.none() | st.text(max_size=3))
    def answer(self, call: str, state: CallState, value: str | None) -> None:
        self.both("calls.update", call, state=state, return_value=value)

    @rule(caller=HOLDERS, active=st.booleans(), limit=st.integers(0, 3))
    def calls_agree(self, caller: RunId, active: bool, limit: int) -> None:
        self.both("calls.of_caller", caller)
        self.both("calls.of_run", RunId("ops-00000001"))
        self.both("calls.recent", limit=limit, active=active)

    @rule(
        target=receipts,
        number=st.none() | st.sampled_from(["n1", "n2"]),
        reason=st.none() | st.sampled_from(DeadReason),
        agents=st.lists(AGENTS, max_size=2, unique=True),
    )
    def accept(self, number: str | None, reason: DeadReason | None, agents: list[str]) -> Any:
        work = [(*self.work(agent), 2) for agent in agents]
        delivery = Delivery(
            id=f"r{self.made}-{iso(self.moment)}",
            source="github",
            received=iso(self.moment),
            delivery=number,
            headers={"x": "y"},
            body=b"{}",
            reason=reason,
            state=DeliveryState.DEAD if reason else DeliveryState.PROCESSED,
        )
        answer = self.both("deliveries.accept", delivery, work)
        self.both("deliveries.seen", "github", number or "")
        return multiple() if isinstance(answer, type) else answer.receipt

    @rule(receipt=receipts, state=st.none() | st.sampled_from(DeliveryState))
    def deliveries_agree(self, receipt: str, state: DeliveryState | None) -> None:
        self.both("deliveries.get", receipt)
        self.both("deliveries.list", state=state, limit=2, offset=1)

    @invariant()
    def lines_agree(self) -> None:
        self.both("queue.lengths")


Ledgers.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, database=None
)
for machine in (Queues, Holding, Sharing):
    machine.TestCase.settings = settings(
        max_examples=12, stateful_step_count=30, deadline=None, database=None
    )
TestLedgers = Ledgers.TestCase
TestQueues = Queues.TestCase
TestHolding = Holding.TestCase
TestSharing = Sharing.TestCase
