"""The Firestore ledger when many write at once, when answers are lost, and when the service is busy.

https://firebase.google.com/docs/firestore/transaction-data-contention
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contracts.ledger import a_full_run, a_run
from toolkit.clouds.gcp import cloud_of
from toolkit.core.errors import AlError, Throttled, Unreachable
from toolkit.core.ports import Context
from toolkit.core.run import RunState
from toolkit.core.secrets import Receipt
from toolkit.sandbox.gcp.cloud import Google
from toolkit.scheduler.ledgers._firestore_documents import Documents
from toolkit.scheduler.ledgers.firestore import PLUGIN, FirestoreLedger

WORKERS = 16


@pytest.fixture
def ledger(gcp_context: Context) -> FirestoreLedger:
    ledger: FirestoreLedger = PLUGIN(gcp_context)
    ledger.prepare()
    return ledger


@pytest.fixture
def ledgers(ledger: FirestoreLedger, gcp_context: Context) -> list[FirestoreLedger]:
    """As of many processes: each remembers for itself what it has seen."""
    return [FirestoreLedger(gcp_context) for _ in range(WORKERS)]


def at_once(work: Callable[[int], Any], times: int = WORKERS) -> list[Any]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, range(times)))


# many at once


def test_many_record_many_runs(ledgers: list[FirestoreLedger]) -> None:
    """None is lost, none is there twice."""
    runs = [a_run(after=number) for number in range(100)]
    at_once(lambda n: ledgers[n % WORKERS].add(runs[n]), len(runs))
    assert list(ledgers[0].runs(limit=200)) == runs[::-1]


def test_of_many_processes_that_take_a_lease_one_gets_it(ledgers: list[FirestoreLedger]) -> None:
    """Whoever is told True is who is written down."""
    got = at_once(lambda n: ledgers[n].set_fact("lease", n, expected=None))
    assert got.count(True) == 1
    assert ledgers[0].fact("lease") == got.index(True)


def test_a_counter_counts_everybody(ledgers: list[FirestoreLedger]) -> None:
    """Compare and set, again until it is done: no step is lost, none is done twice."""

    def count(number: int) -> None:
        while True:
            present = ledgers[number].fact("count")
            if ledgers[number].set_fact("count", (present or 0) + 1, expected=present):
                return

    at_once(count)
    assert ledgers[0].fact("count") == WORKERS


def test_of_many_ends_of_a_run_one_counts(ledgers: list[FirestoreLedger]) -> None:
    """A final state never changes: all are told the same, and it stays so."""
    run = a_run()
    ledgers[0].add(run)
    ends = [RunState.SUCCEEDED, RunState.FAILED, RunState.LOST, RunState.STOPPED] * 4
    told = at_once(lambda n: ledgers[n].update(run.id, state=ends[n], reason=str(n)))
    assert len({(end.state, end.reason) for end in told}) == 1
    assert ledgers[0].get(run.id) == told[0]
    assert list(ledgers[0].runs(active=True)) == []


def test_what_many_write_into_one_run_is_all_there(ledgers: list[FirestoreLedger]) -> None:
    """The gateway, the launcher and the sweeper change different things at the same time."""
    run = a_run()
    ledgers[0].add(run)
    changes: list[dict[str, Any]] = [
        {"receipt": Receipt(created="1")},
        {"receipt": Receipt(read="2")},
        {"receipt": Receipt(deleted="3")},
        {"definition": "dev:3"},
        {"started": "4"},
    ]
    at_once(lambda n: ledgers[n].update(run.id, **changes[n]), len(changes))
    found = ledgers[9].get(run.id)
    assert found is not None
    assert found.receipt == Receipt(created="1", read="2", deleted="3")
    assert (found.definition, found.started) == ("dev:3", "4")


def test_a_fact_is_not_written_by_who_lost_its_lease(ledgers: list[FirestoreLedger]) -> None:
    """Whatever comes between reading the lease and writing: never both."""
    ledgers[0].set_fact("lease", "mine")
    changes: list[Callable[[], bool]] = [
        lambda: ledgers[1].set_fact("definition/dev", "new", given={"lease": "mine"}),
        lambda: ledgers[2].set_fact("lease", "yours", expected="mine"),
        lambda: ledgers[3].set_fact("definition/ops", "new", given={"lease": "yours"}),
    ] * 4
    at_once(lambda n: changes[n](), len(changes))
    assert ledgers[0].fact("lease") == "yours"
    assert not ledgers[1].set_fact("definition/dev", "late", given={"lease": "mine"})


# lost answers


def test_a_run_whose_recording_was_not_answered_is_recorded_once(
    ledger: FirestoreLedger, google: Google
) -> None:
    """Sent again, the write meets itself: that is no refusal."""
    google.faults.lose("CreateDocument")
    run = a_full_run()
    ledger.add(run)
    assert ledger.get(run.id) == run
    with pytest.raises(AlError, match="already recorded"):
        ledger.add(run)


def test_a_lease_whose_answer_was_lost_is_still_ours(
    ledger: FirestoreLedger, google: Google
) -> None:
    """Taken, kept and given back, each with a lost answer."""
    google.faults.lose("Commit")
    assert ledger.set_fact("lease", "mine", expected=None)
    assert not ledger.set_fact("lease", "yours", expected=None)
    google.faults.lose("Commit", times=2)
    assert ledger.set_fact("lease", "longer", expected="mine")
    google.faults.lose("Commit")
    assert ledger.set_fact("lease", None, expected="longer")
    assert not ledger.set_fact("lease", None, expected="longer")


def test_a_change_whose_answer_was_lost_is_made_once(
    ledger: FirestoreLedger, google: Google
) -> None:
    """It overtakes itself, looks, and finds that there is nothing left to do."""
    run = a_run()
    ledger.add(run)
    google.faults.lose("UpdateDocument")
    over = ledger.update(run.id, state=RunState.SUCCEEDED, exit_code=0, reason="done")
    assert (over.state, over.exit_code) == (RunState.SUCCEEDED, 0)
    google.faults.lose("UpdateDocument")
    ledger.request_stop(run.id)
    assert ledger.mailbox(run.id).stop
    assert ledger.get(run.id) == over


def test_a_fact_whose_answer_was_lost_is_kept(ledger: FirestoreLedger, google: Google) -> None:
    """And one that is to go, is gone."""
    google.faults.lose("UpdateDocument")
    assert ledger.set_fact("applied", 1)
    assert ledger.fact("applied") == 1
    google.faults.lose("DeleteDocument")
    assert ledger.set_fact("applied", None)
    assert ledger.fact("applied") is None


# a busy service


def test_an_aborted_transaction_is_done_again(
    ledger: FirestoreLedger, manners: Callable[..., None]
) -> None:
    """ABORTED means: others were faster."""
    manners(contended_commits=3)
    assert ledger.set_fact("lease", "mine", expected=None)
    assert ledger.fact("lease") == "mine"


def test_an_expired_transaction_is_done_again(ledger: FirestoreLedger, google: Google) -> None:
    """INVALID_ARGUMENT, of all codes, and only a new transaction can help."""
    text = "The referenced transaction has expired or is no longer valid."
    google.faults.fail("Commit", "INVALID_ARGUMENT", message=text)
    assert ledger.set_fact("lease", "mine", expected=None)


@pytest.mark.parametrize("rpc", ["BatchGetDocuments", "RunQuery"])
@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"])
def test_a_read_is_repeated(ledger: FirestoreLedger, google: Google, rpc: str, code: str) -> None:
    """A stream that fails is read anew from its beginning."""
    ledger.set_fact("a", 1)
    google.faults.fail(rpc, code, times=2)
    assert ledger.fact("a") == 1
    assert ledger.facts("") == {"a": 1}


@pytest.mark.parametrize(
    ("code", "error"), [("UNAVAILABLE", Unreachable), ("RESOURCE_EXHAUSTED", Throttled)]
)
def test_patience_ends(
    gcp_context: Context, google: Google, code: str, error: type[AlError]
) -> None:
    """With Google's own words."""
    documents = Documents(cloud_of(gcp_context.environment), "any", patience=0.2)
    google.faults.fail("BatchGetDocuments", code, times=1_000, message="try later")
    with pytest.raises(error, match="try later"):
        documents.get(documents.name("runs", "dev-00000000"))
