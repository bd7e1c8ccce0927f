"""The embedded Firestore's transactions: who is in whose way, and when one is over.

https://firebase.google.com/docs/firestore/transaction-data-contention
"""

from collections.abc import Callable

import pytest
from google.api_core.exceptions import Aborted, InvalidArgument

from moto_tests.gcp.firestore_world import World, number, query, world
from toolkit.clouds.gcp import GcpClients

MODES = ["OPTIMISTIC", "PESSIMISTIC"]


@pytest.fixture(params=MODES)
def things(request: pytest.FixtureRequest, gcp_clients: GcpClients) -> World:
    """A database of either mode, with one document."""
    made = world(gcp_clients, concurrency_mode=request.param)
    made.put("a/b", x=number(1))
    return made


@pytest.fixture
def optimistic(gcp_clients: GcpClients) -> World:
    made = world(gcp_clients, concurrency_mode="OPTIMISTIC")
    made.put("a/b", x=number(1))
    return made


def write(things: World, value: int) -> dict[str, object]:
    return {"update": things.document("a/b", x=number(value))}


def value(things: World) -> int:
    return int(things.get("a/b").fields["x"].integer_value)


def test_of_two_transactions_on_one_document_one_is_aborted(things: World) -> None:
    """Both read, both write: exactly one commits, whichever way the database judges."""
    first, second = things.begin(), things.begin()
    things.read(first, "a/b")
    things.read(second, "a/b")
    outcomes = [outcome(things, first, 2), outcome(things, second, 3)]
    assert sorted(outcomes) == ["aborted", "done"]
    assert value(things) == (2 if outcomes[0] == "done" else 3)


def outcome(things: World, transaction: bytes, number_: int) -> str:
    try:
        things.commit(write(things, number_), transaction=transaction)
    except Aborted:
        return "aborted"
    return "done"


def test_an_optimistic_reader_stops_nobody(optimistic: World) -> None:
    """It is told when it commits itself."""
    reader = optimistic.begin()
    optimistic.read(reader, "a/b", "a/none")
    optimistic.commit(write(optimistic, 2))
    with pytest.raises(Aborted, match="Too much contention on these documents"):
        optimistic.commit(
            {"update": optimistic.document("a/other", x=number(9))}, transaction=reader
        )


def test_what_was_not_there_counts_as_read(optimistic: World) -> None:
    """Somebody else who makes it is in the way."""
    reader = optimistic.begin()
    optimistic.read(reader, "a/none")
    optimistic.put("a/none", x=number(1))
    with pytest.raises(Aborted):
        optimistic.commit(write(optimistic, 2), transaction=reader)


def test_a_pessimistic_reader_holds_its_documents(gcp_clients: GcpClients) -> None:
    """Until it is rolled back; here a writer is told at once, where Google lets it wait for a while."""
    things = world(gcp_clients)
    things.put("a/b", x=number(1))
    reader = things.begin()
    things.read(reader, "a/b")
    with pytest.raises(Aborted):
        things.commit(write(things, 2))
    things.client.rollback(request={"database": things.path, "transaction": reader})
    things.commit(write(things, 2))
    assert value(things) == 2


def test_a_transaction_chooses_its_own_mode(gcp_clients: GcpClients) -> None:
    """TransactionOptions.ReadWrite.concurrency_mode."""
    things = world(gcp_clients)
    things.put("a/b", x=number(1))
    things.read(things.begin(concurrency_mode="OPTIMISTIC"), "a/b")
    things.commit(write(things, 2))
    assert value(things) == 2


def test_a_transaction_is_committed_once(things: World) -> None:
    """Sent again after a lost answer, it has expired: only a new one can help
    (https://firebase.google.com/docs/firestore/manage-data/transactions)."""
    transaction = things.begin()
    things.read(transaction, "a/b")
    things.commit(write(things, 2), transaction=transaction)
    with pytest.raises(InvalidArgument, match="expired or is no longer valid"):
        things.commit(write(things, 3), transaction=transaction)


@pytest.mark.parametrize(("seconds", "step"), [(61, 61), (271, 50)])
def test_a_transaction_does_not_live_long(
    optimistic: World, manners: Callable[..., None], seconds: int, step: int
) -> None:
    """60 seconds without a call, or 270 in all (https://firebase.google.com/docs/firestore/quotas#limits)."""
    transaction = optimistic.begin()
    for ahead in range(step, seconds, step):
        manners(clock_ahead=ahead)
        optimistic.read(transaction, "a/b")
    manners(clock_ahead=seconds)
    with pytest.raises(InvalidArgument, match="expired"):
        optimistic.commit(write(optimistic, 2), transaction=transaction)


def test_a_read_only_transaction_writes_nothing(things: World) -> None:
    """TransactionOptions.ReadOnly."""
    request = {"database": things.path, "options": {"read_only": {}}}
    transaction = things.client.begin_transaction(request=request).transaction
    with pytest.raises(InvalidArgument, match="read-only"):
        things.commit(write(things, 2), transaction=transaction)


def test_a_query_in_a_transaction_is_a_read(optimistic: World) -> None:
    """What it would find now, had it been asked again, must be the same."""
    transaction = optimistic.begin()
    wanted = query("a", (), "x")
    request = {"parent": optimistic.root, "structured_query": wanted, "transaction": transaction}
    assert len(list(optimistic.client.run_query(request=request))) == 1
    optimistic.put("a/new", x=number(5))
    with pytest.raises(Aborted):
        optimistic.commit(write(optimistic, 2), transaction=transaction)


def test_transactions_can_be_made_to_fail(optimistic: World, manners: Callable[..., None]) -> None:
    """So that a client that does not repeat them is found out."""
    manners(contended_commits=1)
    assert outcome(optimistic, optimistic.begin(), 2) == "aborted"
    assert outcome(optimistic, optimistic.begin(), 3) == "done"
