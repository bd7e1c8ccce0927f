"""A run's secret from its making to the proof that it is gone."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import FakeClock, MemoryStore
from toolkit.core.aws_limits import LARGEST_SECRET
from toolkit.core.clock import iso
from toolkit.core.environment import Scope
from toolkit.core.errors import AccessDenied, AlError, LimitExceeded, Throttled
from toolkit.core.names import Names
from toolkit.core.run import Mailbox, RunId
from toolkit.core.secrets import Receipt, Secret, SecretLease, StoredSecret
from toolkit.credentials.lease import close_lease, open_lease

NAMES = Names(Scope(project="p", environment="e"))
RUN = RunId("dev-1a2b3c4d")
PAYLOAD = {"credentials": {"github_token/default/token": "hunter2"}, "prompt": "hé"}


class Stubborn(MemoryStore):
    """Answers the first calls of each verb with the errors it was given, and can keep what it should delete."""

    def __init__(self, clock: FakeClock, *, keeps: int = 0, **errors: list[AlError]) -> None:
        super().__init__(clock)
        self._errors = errors
        self._keeps = keeps  # looks after a deletion that still find the secret
        self._late: list[str] = []

    def _fail(self, verb: str) -> None:
        if self._errors.get(verb):
            raise self._errors[verb].pop(0)

    def put(self, name: str, value: Secret, *, tags: dict[str, str]) -> None:  # type: ignore[override]
        super().put(name, value, tags=tags)
        self._fail("put")  # the answer is lost, the secret is made

    def delete(self, name: str) -> None:
        self._fail("delete")
        super().delete(name)

    def exists(self, name: str) -> bool:
        self._keeps -= 1
        return super().exists(name) or self._keeps >= 0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock)


def opened(store: MemoryStore, clock: FakeClock) -> SecretLease:
    return open_lease(store, NAMES, run=RUN, payload=PAYLOAD, timeout=300, now=clock)


def created(lease: SecretLease) -> Receipt:
    return Receipt(created=iso(lease.created))


def names_in(store: MemoryStore) -> list[str]:
    return [stored.name for stored in store.list("")]


def busy(times: int) -> list[AlError]:
    return [Throttled("slow down", hint="wait") for _ in range(times)]


def test_a_lease_is_one_secret_with_all_that_the_run_may_know(
    store: MemoryStore, clock: FakeClock
) -> None:
    """One call, JSON, under a name that begins with the agent's prefix."""
    lease = opened(store, clock)
    kept = store.get(lease.ref.name)
    assert kept is not None
    assert json.loads(kept.reveal()) == PAYLOAD
    assert lease.ref.name.startswith(f"{NAMES.run_secrets('dev')}{RUN}-")
    assert store.calls == ["put", "get"]


def test_a_lease_says_whose_it_is_and_when_it_ends(store: MemoryStore, clock: FakeClock) -> None:
    """In tags that the sweeper reads: the timeout, and a quarter of an hour for a slow start."""
    lease = opened(store, clock)
    (stored,) = store.list("")
    expires = clock() + timedelta(seconds=300, minutes=15)
    assert stored == StoredSecret(
        name=lease.ref.name,
        tags=NAMES.tags(agent="dev", run=RUN, expires=iso(expires)),
        created=clock(),
    )
    assert (lease.expires, lease.run, lease.agent) == (expires, RUN, "dev")


def test_two_leases_of_one_agent_cannot_find_each_other(
    store: MemoryStore, clock: FakeClock
) -> None:
    """The name has 128 random bits."""
    assert opened(store, clock).ref != opened(store, clock).ref


@pytest.mark.parametrize("letter", ["x", "ü"])
def test_more_than_a_secret_holds_is_refused(
    store: MemoryStore, clock: FakeClock, letter: str
) -> None:
    """65,536 bytes, not characters, all of it counted; nothing is made, and the message shows no content."""
    frame = len(json.dumps({"prompt": ""}, separators=(",", ":")))
    most = (LARGEST_SECRET - frame) // len(letter.encode())
    open_lease(store, NAMES, run=RUN, payload={"prompt": letter * most}, timeout=1, now=clock)
    with pytest.raises(LimitExceeded, match="65,536") as raised:
        open_lease(store, NAMES, run=RUN, payload={"prompt": letter * (most + 1)}, timeout=1)
    assert len(names_in(store)) == 1
    assert letter * 10 not in str(raised.value)


def test_a_secret_whose_making_failed_is_not_left(clock: FakeClock) -> None:
    """Also when it was made and only the answer was lost."""
    store = Stubborn(clock, put=busy(1))
    with pytest.raises(Throttled):
        opened(store, clock)
    assert names_in(store) == []


def test_a_failed_making_says_when_something_may_be_left(clock: FakeClock) -> None:
    """The first error is the one that counts; the second is a note to it."""
    denied = AccessDenied("not yours", hint="ask")
    store = Stubborn(clock, put=busy(1), delete=[denied])
    with pytest.raises(Throttled) as raised:
        opened(store, clock)
    assert "not yours" in raised.value.__notes__[0]


def test_closing_deletes_and_looks(store: MemoryStore, clock: FakeClock) -> None:
    """Without the container's word, the deletion is ours."""
    lease = opened(store, clock)
    receipt = close_lease(store, lease, created(lease), now=clock, sleep=clock.sleep)
    assert names_in(store) == []
    assert receipt == Receipt(
        created=iso(lease.created), deleted=iso(clock()), verified_absent=iso(clock())
    )


def test_what_the_container_did_is_in_the_receipt(store: MemoryStore, clock: FakeClock) -> None:
    """`read` is its report, `deleted` its burning; `verified_absent` is our own look."""
    lease = opened(store, clock)
    store.delete(lease.ref.name)
    mailbox = Mailbox(read="r", burned="b")
    receipt = close_lease(store, lease, created(lease), mailbox=mailbox, now=clock)
    assert receipt == Receipt(
        created=iso(lease.created), read="r", deleted="b", verified_absent=iso(clock())
    )
    assert receipt.complete


def test_closing_again_asks_nobody(store: MemoryStore, clock: FakeClock) -> None:
    """A complete receipt stays; only a late word of the container is added."""
    lease = opened(store, clock)
    first = close_lease(store, lease, created(lease), now=clock)
    asked = list(store.calls)
    clock.sleep(60)
    second = close_lease(store, lease, first, mailbox=Mailbox(read="r"), now=clock)
    assert second == replace(first, read="r")
    assert store.calls == asked


def test_a_deletion_is_retried(clock: FakeClock) -> None:
    """As long as the store says that it is a matter of time."""
    store = Stubborn(clock, delete=busy(3))
    lease = opened(store, clock)
    receipt = close_lease(store, lease, created(lease), now=clock, sleep=clock.sleep)
    assert receipt.verified_absent
    assert names_in(store) == []


def test_a_deletion_that_is_refused_is_an_error(clock: FakeClock) -> None:
    """Nobody may believe that it is gone."""
    store = Stubborn(clock, delete=[AccessDenied("not yours", hint="ask")])
    lease = opened(store, clock)
    with pytest.raises(AccessDenied):
        close_lease(store, lease, created(lease), now=clock, sleep=clock.sleep)


def test_absence_is_waited_for(clock: FakeClock) -> None:
    """Stores delete asynchronously, so the first look may still find it."""
    store = Stubborn(clock, keeps=3)
    lease = opened(store, clock)
    receipt = close_lease(store, lease, created(lease), now=clock, sleep=clock.sleep)
    assert receipt.deleted
    assert receipt.verified_absent
    assert receipt.deleted < receipt.verified_absent


def test_what_can_still_be_read_is_not_verified(clock: FakeClock) -> None:
    """The receipt stays open, and a later close completes it."""
    store = Stubborn(clock, keeps=1)
    lease = opened(store, clock)
    first = close_lease(store, lease, created(lease), now=clock, seconds=0)
    assert (first.deleted is not None, first.verified_absent) == (True, None)
    second = close_lease(store, lease, first, now=clock, seconds=0)
    assert second == replace(first, verified_absent=iso(clock()))


def test_a_lease_shows_no_value(store: MemoryStore, clock: FakeClock) -> None:
    """It goes into the ledger and into messages."""
    assert "hunter2" not in repr(opened(store, clock))


def test_what_the_container_burned_is_only_looked_for(store: MemoryStore, clock: FakeClock) -> None:
    """A store lets few writes through (https://cloud.google.com/secret-manager/quotas), and this one would do nothing."""
    lease = opened(store, clock)
    store.delete(lease.ref.name)
    store.calls.clear()
    burned = Mailbox(burned="2026-11-20T12:00:01.000Z")
    receipt = close_lease(store, lease, created(lease), mailbox=burned, now=clock)
    assert receipt.verified_absent == iso(clock())
    assert store.calls == ["exists"]


def test_what_the_container_only_says_it_burned_is_deleted(
    store: MemoryStore, clock: FakeClock
) -> None:
    """A receipt is about what we saw."""
    lease = opened(store, clock)
    burned = Mailbox(burned="2026-11-20T12:00:01.000Z")
    receipt = close_lease(store, lease, created(lease), mailbox=burned, now=clock)
    assert names_in(store) == []
    assert receipt.verified_absent == iso(clock())
