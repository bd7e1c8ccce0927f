"""What a dead process leaves is found and deleted; what lives is left alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from tests.contracts.ledger import a_run
from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from toolkit.core.clock import iso
from toolkit.core.environment import Scope
from toolkit.core.errors import AccessDenied
from toolkit.core.names import Names
from toolkit.core.run import Run, RunHandle, RunSpec, RunState
from toolkit.core.secrets import Receipt, Secret, SecretLease, StoredSecret
from toolkit.credentials.lease import close_lease, open_lease
from toolkit.scheduler.sweeper import leftovers, sweep, verdict

NAMES = Names(Scope(project="p", environment="e"))


@dataclass
class World:
    """A clock, a store, a ledger and a runtime, and the life of one run step by step."""

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.ledger = MemoryLedger()
        self.runtime = MemoryRuntime(
            {"dev": Play()}, clock=self.clock, ledger=self.ledger, store=self.store
        )
        self.run: Run = a_run(state=RunState.STARTING)
        self.lease: SecretLease | None = None
        self.receipt = Receipt()
        self.handle: RunHandle | None = None

    def steps(self) -> list[Callable[[], None]]:
        """What a launcher does, in its order; it may die before and after each."""
        return [
            self.record,
            self.open,
            self.note_lease,
            self.launch,
            self.note_handle,
            self.finish,
            self.close,
            self.note_receipt,
        ]

    def record(self) -> None:
        self.ledger.add(self.run)

    def open(self) -> None:
        self.lease = open_lease(
            self.store, NAMES, run=self.run.id, payload={}, timeout=60, now=self.clock
        )

    def note_lease(self) -> None:
        assert self.lease
        receipt = Receipt(created=iso(self.lease.created))
        self.ledger.update(self.run.id, lease=self.lease, receipt=receipt)

    def launch(self) -> None:
        assert self.lease
        self.handle = self.runtime.launch(
            RunSpec(
                run=self.run.id, agent=self.run.agent, definition="", timeout=60, lease=self.lease
            )
        )

    def note_handle(self) -> None:
        self.ledger.update(self.run.id, handle=self.handle, state=RunState.RUNNING)

    def finish(self) -> None:
        self.ledger.update(self.run.id, state=RunState.SUCCEEDED, finished=iso(self.clock()))

    def close(self) -> None:
        assert self.lease
        box = self.ledger.mailbox(self.run.id)
        receipt = Receipt(created=iso(self.lease.created))
        self.receipt = close_lease(self.store, self.lease, receipt, mailbox=box, now=self.clock)

    def note_receipt(self) -> None:
        self.ledger.update(self.run.id, receipt=self.receipt)

    def until(self, step: int) -> "World":
        """The world in which the launcher died after that many steps."""
        for act in self.steps()[:step]:
            act()
        return self

    def secrets(self) -> list[str]:
        return [stored.name for stored in self.store.list("")]

    def sweep(self) -> list[str]:
        return [swept.reason for swept in sweep(self.store, self.ledger, NAMES, now=self.clock)]


@pytest.fixture
def world() -> World:
    return World()


HOUR = 3600.0


@pytest.mark.parametrize("reports", [True, False])
@pytest.mark.parametrize("step", range(1, 9))
def test_a_launcher_killed_at_any_step_leaves_nothing(
    world: World, step: int, reports: bool
) -> None:
    """Whatever it had done, and whether or not its container lives to burn the secret: after the secret's time
    a sweep leaves none, and no recorded lease without the rest of its receipt once the run is over."""
    world.runtime.script["dev"] = Play(reports=reports)
    world.until(step)
    world.clock.sleep(HOUR)
    world.sweep()
    assert world.secrets() == []
    # whoever settles runs ends this one; then its receipt is completed too
    world.ledger.update(world.run.id, state=RunState.LOST)
    world.sweep()
    record = world.ledger.get(world.run.id)
    assert record is not None
    assert record.lease is None or record.receipt.verified_absent
    assert leftovers(world.store, world.ledger, NAMES, now=world.clock) == ()


@pytest.mark.parametrize("step", range(9))
def test_a_sweep_does_not_disturb_a_launch(world: World, step: int) -> None:
    """Between any two steps of a launcher that lives, it deletes nothing that the run still needs."""
    world.runtime.script["dev"] = Play(reports=False, exit_code=None)
    world.until(step)
    before = world.secrets()
    over = step > world.steps().index(world.finish)
    world.sweep()
    assert world.secrets() == ([] if over else before)


@pytest.mark.parametrize("step", range(2, 9))
def test_a_sweep_killed_at_any_time_is_finished_by_the_next(world: World, step: int) -> None:
    """Deleting a second time is harmless, and the receipt is completed then."""
    world.until(step)
    world.ledger.update(world.run.id, state=RunState.FAILED)
    for name in world.secrets():
        world.store.delete(name)  # all that the killed sweep came to
    world.sweep()
    record = world.ledger.get(world.run.id)
    assert record is not None
    assert record.lease is None or record.receipt.verified_absent


def stored(world: World, **tags: str) -> StoredSecret:
    expires = iso(world.clock() + timedelta(hours=1))
    known = NAMES.tags(agent="dev", run=world.run.id, **({"expires": expires} | tags))
    return StoredSecret(name="x", tags=known, created=world.clock())


MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changes", "age", "reason"),
    [
        ({}, 0, None),
        ({}, 9.9, None),
        ({}, 10, "never launched"),
        ({"state": RunState.FAILED}, 0, "over"),
        ({"handle": RunHandle(runtime="memory", run=a_run().id, agent=a_run().agent)}, 59, None),
        (
            {"handle": RunHandle(runtime="memory", run=a_run().id, agent=a_run().agent)},
            60,
            "its time",
        ),
    ],
)
def test_a_secret_lives_as_long_as_its_run_may_need_it(
    world: World, changes: dict[str, object], age: float, reason: str | None
) -> None:
    """Ten minutes to be launched, then until the run is over or the tag's time has come."""
    run = replace(world.run, **changes)  # type: ignore[arg-type]
    answer = verdict(stored(world), run, world.clock() + age * MINUTES)
    assert (reason or "") in (answer or "")
    assert (answer is None) == (reason is None)


def test_a_secret_without_a_record_gets_ten_minutes(world: World) -> None:
    """Its launcher may be about to write one into another region's sight."""
    secret = stored(world)
    assert verdict(secret, None, world.clock() + 9 * MINUTES) is None
    assert verdict(secret, None, world.clock() + 10 * MINUTES) == "its run was never recorded"


@pytest.mark.parametrize("text", ["", "soon", "2020-01-01T00:00:00"])
def test_a_tag_that_is_no_time_decides_nothing(world: World, text: str) -> None:
    """The other rules do."""
    assert verdict(stored(world, expires=text), world.run, world.clock()) is None


def test_only_our_own_secrets_are_swept(world: World) -> None:
    """Another environment's, one without tags and a long-lived credential stay, whatever their age."""
    other = Names(Scope(project="p", environment="other"))
    old = iso(world.clock() - timedelta(days=1))
    kept = {
        other.run_secret(world.run.id): other.tags(run=world.run.id, expires=old),
        NAMES.run_secret(world.run.id): {},
        NAMES.run_secret(world.run.id): other.tags(run=world.run.id, expires=old),
        f"{NAMES.secrets}runs/readme": NAMES.tags(),
        f"{NAMES.secrets}github_token/default/token": NAMES.tags(expires=old, run=world.run.id),
    }
    for name, tags in kept.items():
        world.store.put(name, Secret("x"), tags=tags)
    world.clock.sleep(HOUR)
    assert world.sweep() == []
    assert sorted(world.secrets()) == sorted(kept)


def test_looking_changes_nothing(world: World) -> None:
    """doctor shows leftovers before it may delete them."""
    world.until(3)
    world.clock.sleep(HOUR)
    (found,) = leftovers(world.store, world.ledger, NAMES, now=world.clock)
    assert (found.lease, found.reason) == (world.lease, "it is past its time")
    assert len(world.secrets()) == 1
    record = world.ledger.get(world.run.id)
    assert record is not None
    assert record.receipt.deleted is None


def test_one_that_resists_does_not_keep_the_others(world: World) -> None:
    """Each leftover has its own outcome."""
    world.until(3)
    second = open_lease(
        world.store, NAMES, run=a_run("ops").id, payload={}, timeout=60, now=world.clock
    )
    assert world.lease
    store = Guarded(world.store, world.lease.ref.name)
    world.clock.sleep(HOUR)
    swept = sweep(store, world.ledger, NAMES, now=world.clock)
    assert {(s.name, s.error) for s in swept} == {
        (world.lease.ref.name, "not yours"),
        (second.ref.name, ""),
    }
    assert world.secrets() == [world.lease.ref.name]


class Guarded(MemoryStore):
    """Refuses to delete one name."""

    def __init__(self, store: MemoryStore, guarded: str) -> None:
        self.__dict__ = store.__dict__
        self.__dict__["guarded"] = guarded

    def delete(self, name: str) -> None:
        if name == self.__dict__["guarded"]:
            raise AccessDenied("not yours", hint="ask")
        super().delete(name)


def test_a_second_secret_of_a_run_does_not_touch_its_receipt(world: World) -> None:
    """A launcher that died and was repeated leaves two; the receipt is of the one in the record."""
    world.until(1)
    first = open_lease(
        world.store, NAMES, run=world.run.id, payload={}, timeout=60, now=world.clock
    )
    world.open()
    world.note_lease()
    world.clock.sleep(HOUR / 2)
    world.ledger.update(
        world.run.id, handle=RunHandle(runtime="memory", run=world.run.id, agent=world.run.agent)
    )
    world.sweep()
    record = world.ledger.get(world.run.id)
    assert record is not None
    assert record.lease == world.lease != first
    assert world.secrets() == []
