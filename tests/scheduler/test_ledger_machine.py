"""Any sequence of operations leaves the file and the memory with the same answers."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tests.contracts.ledger import a_run
from tests.fakes import MemoryLedger
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import AlError
from toolkit.core.ports import Context, Ledger
from toolkit.core.run import Cause, Run, RunId, RunState
from toolkit.core.secrets import Receipt
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
        return getattr(ledger, verb)(*args, **options)
    except AlError as error:
        return type(error)


class Ledgers(RuleBasedStateMachine):
    """Two ledgers that get the same operations."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        environment = Environment(name="local", scope=Scope(project="p", environment="local"))
        context = Context(environment=environment, home=self.place, project=self.place)
        self.pair: tuple[Ledger, Ledger] = (PLUGIN(context), MemoryLedger())

    def teardown(self) -> None:
        shutil.rmtree(self.place)

    def both(self, verb: str, *args: Any, **options: Any) -> None:
        file, memory = (outcome(ledger, verb, *args, **options) for ledger in self.pair)
        assert file == memory

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


Ledgers.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, database=None
)
TestLedgers = Ledgers.TestCase
