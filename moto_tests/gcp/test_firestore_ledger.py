"""The environment's Firestore database as a ledger: the laws of all ledgers, and what is particular to this one."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contracts.ledger import Container, LedgerContract, a_run
from toolkit.clouds.gcp import cloud_of
from toolkit.core.errors import AlError, LimitExceeded, NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.ports import Context
from toolkit.core.run import RunId, RunState
from toolkit.core.secrets import Receipt
from toolkit.sandbox.gcp.cloud import Google
from toolkit.scheduler.ledgers._firestore_documents import Documents
from toolkit.scheduler.ledgers.firestore import PLUGIN, FirestoreLedger

DATABASE = "al-shop-staging-state"


@pytest.fixture
def documents(gcp_context: Context) -> Documents:
    """The same database, as somebody else who looks at it."""
    name = GcpNames(gcp_context.environment.scope).database
    return Documents(cloud_of(gcp_context.environment), name)


@pytest.fixture
def ledger(gcp_context: Context) -> FirestoreLedger:
    ledger: FirestoreLedger = PLUGIN(gcp_context)
    ledger.prepare()
    return ledger


@pytest.fixture
def counted(google: Google) -> Callable[[], list[str]]:
    """The calls since the last time that somebody asked, by RPC, each with its number."""
    before: Counter[str] = Counter()

    def since() -> list[str]:
        found = google.counts - before
        before.update(found)
        return sorted(f"{method.rpartition('/')[2]} {found[method]}" for method in found)

    return since


class TestFirestore(LedgerContract):
    """The embedded Firestore."""

    @pytest.fixture
    def container(self, ledger: FirestoreLedger, documents: Documents) -> Container:
        def note(run: RunId, **written: Any) -> None:
            box = {k: json.dumps(v) if k == "report" else v for k, v in written.items()}
            name = documents.name("runs", run)
            documents.merge(name, {"mailbox": box}, [f"mailbox.{key}" for key in box])

        return note


# what it costs


def test_a_runs_life_costs_few_calls(
    ledger: FirestoreLedger, counted: Callable[[], list[str]]
) -> None:
    """One for each step, and none of them a query: a change is made upon what was last seen."""
    run = a_run()
    counted()
    ledger.add(run)
    ledger.update(run.id, state=RunState.RUNNING)
    ledger.mailbox(run.id)
    ledger.update(run.id, state=RunState.SUCCEEDED, exit_code=0)
    ledger.update(run.id, receipt=Receipt(created="1"))
    assert counted() == ["BatchGetDocuments 1", "CreateDocument 1", "UpdateDocument 3"]


def test_somebody_elses_run_costs_one_look_more(
    ledger: FirestoreLedger, gcp_context: Context, counted: Callable[[], list[str]]
) -> None:
    """Another process that ends a run has not seen it yet."""
    run = a_run()
    ledger.add(run)
    other = FirestoreLedger(gcp_context)
    counted()
    other.update(run.id, state=RunState.LOST)
    assert counted() == ["BatchGetDocuments 1", "UpdateDocument 1"]


def test_a_list_costs_one_call(ledger: FirestoreLedger, counted: Callable[[], list[str]]) -> None:
    """However many runs the environment has."""
    for number in range(12):
        ledger.add(a_run(after=number))
    counted()
    assert len(ledger.runs(agent="dev", limit=10)) == 10
    assert counted() == ["RunQuery 1"]
    assert len(ledger.runs(active=True)) == 12
    assert counted() == ["RunQuery 1"]


def test_a_fact_costs_one_call_and_a_lease_two(
    ledger: FirestoreLedger, counted: Callable[[], list[str]]
) -> None:
    """A condition has to be read, in a transaction; and nothing is left of one that is given up."""
    counted()
    ledger.set_fact("applied", "x")
    ledger.fact("applied")
    assert counted() == ["BatchGetDocuments 1", "UpdateDocument 1"]
    assert ledger.set_fact("lease", "mine", expected=None)
    assert counted() == ["BatchGetDocuments 1", "Commit 1"]
    assert not ledger.set_fact("lease", "yours", expected=None)
    assert counted() == ["BatchGetDocuments 1"]


# what is in it


@pytest.mark.parametrize(("log_days", "days"), [(30, 30), (1, 14)])
def test_a_run_expires_with_its_log(
    gcp_context: Context, documents: Documents, log_days: int, days: int
) -> None:
    """A log is found by its run's record, which is kept as long, and never shorter than two weeks.

    A time: numbers never expire (https://firebase.google.com/docs/firestore/ttl).
    """
    environment = replace(gcp_context.environment, log_retention_days=log_days)
    ledger = FirestoreLedger(replace(gcp_context, environment=environment))
    ledger.prepare()
    run = a_run()
    ledger.add(run)
    found = documents.get(documents.name("runs", run.id))
    assert found is not None
    assert found.values["expiresAt"] == datetime.fromisoformat(run.created) + timedelta(days=days)


def test_a_run_that_has_expired_is_not_there(gcp_context: Context, ledger: FirestoreLedger) -> None:
    """Firestore still answers it for up to a day (https://firebase.google.com/docs/firestore/ttl)."""
    run = a_run()
    ledger.add(run)
    ledger.request_stop(run.id)
    late = datetime.fromisoformat(run.created) + timedelta(days=31)
    later = FirestoreLedger(gcp_context, clock=lambda: late)
    assert later.get(run.id) is None
    assert not later.mailbox(run.id).stop
    assert (
        list(later.runs()) == list(later.runs(agent="dev")) == list(later.runs(active=True)) == []
    )
    with pytest.raises(NotFound):
        later.update(run.id, state=RunState.LOST)


def test_expired_runs_are_taken_away_by_firestore(
    ledger: FirestoreLedger, documents: Documents, manners: Callable[..., None]
) -> None:
    """Facts stay."""
    run = a_run(created=(datetime.now(UTC) - timedelta(days=30)).isoformat())
    ledger.add(run)
    ledger.set_fact("applied", 1)
    manners(clock_ahead=timedelta(hours=25).total_seconds())
    assert documents.get(documents.name("runs", run.id)) is None
    assert ledger.fact("applied") == 1


def test_a_long_text_is_cut_and_says_so(ledger: FirestoreLedger) -> None:
    """A document holds 1 MiB (https://firebase.google.com/docs/firestore/quotas)."""
    run = a_run()
    ledger.add(run)
    updated = ledger.update(run.id, reason="r" * 900_000, return_value="ü" * 900_000)
    assert updated.reason.endswith("(cut here; the run's log has all of it)")
    assert updated.return_value is not None
    assert 500_000 < len(f"{updated.reason}{updated.return_value}".encode()) < 700_000
    assert ledger.get(run.id) == updated


def test_a_fact_that_is_too_large_is_refused(ledger: FirestoreLedger) -> None:
    """A fact is never cut: half of it would be wrong.  The largest that is taken fits."""
    with pytest.raises(LimitExceeded, match="1 MiB"):
        ledger.set_fact("applied", "x" * 1_000_000)
    assert ledger.fact("applied") is None
    assert ledger.set_fact("applied" * 50, "x" * 999_000)
    assert ledger.fact("applied" * 50) == "x" * 999_000


def test_facts_that_are_too_large_together_are_refused(ledger: FirestoreLedger) -> None:
    """A request holds 10 MiB (https://firebase.google.com/docs/firestore/quotas#writes_and_transactions).  The largest
    step that is taken fits."""
    facts = {f"fact-{number}": "ü" * 475_000 for number in range(10)}
    with pytest.raises(LimitExceeded, match="10 MiB"):
        ledger.set_facts(facts, expected={})
    assert ledger.facts("fact-") == {}
    assert ledger.set_facts(facts | {"fact-0": "x" * 940_000}, expected={})


@pytest.mark.parametrize("key", ["a/b", ".", "..", "__x__", "%2F", "»ü/", "#", "a b", "_"])
def test_a_fact_is_called_anything(ledger: FirestoreLedger, key: str) -> None:
    """Though a document is not: no slash, not `.` or `..`, not `__x__`
    (https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields)."""
    assert ledger.set_fact(key, key)
    assert ledger.fact(key) == key
    assert ledger.facts(key) == ledger.facts("") == {key: key}


def test_a_list_needs_no_declared_index(ledger: FirestoreLedger) -> None:
    """An index is built for minutes, and a query that needs one fails until then
    (https://firebase.google.com/docs/firestore/query-data/index-overview)."""
    ledger.add(a_run())
    assert len(ledger.runs()) == len(ledger.runs(agent="dev")) == 1
    assert len(ledger.runs(active=True)) == len(ledger.runs(active=True, agent="dev")) == 1
    assert ledger.runs(limit=0) == ()


def test_what_a_newer_version_wrote_stays(ledger: FirestoreLedger, documents: Documents) -> None:
    """A change touches the fields that it changes, and no others."""
    run = a_run()
    ledger.add(run)
    name = documents.name("runs", run.id)
    documents.merge(name, {"colour": "green"}, ["colour"])
    ledger.update(run.id, state=RunState.RUNNING)
    found = documents.get(name)
    assert found is not None
    assert found.values["colour"] == "green"


def test_a_stop_of_an_unknown_run_is_refused(ledger: FirestoreLedger) -> None:
    """Nothing is recorded by accident."""
    with pytest.raises(NotFound):
        ledger.request_stop(RunId("dev-00000000"))
    assert list(ledger.runs()) == []


def test_a_database_that_nobody_made_is_said_to_be_missing(gcp_context: Context) -> None:
    """The hint names what makes it."""
    with pytest.raises(NotFound, match=DATABASE) as raised:
        PLUGIN(gcp_context).runs()
    assert "al push" in raised.value.hint


def test_a_refusal_is_not_taken_for_a_condition(ledger: FirestoreLedger, google: Google) -> None:
    """A denied write must not look like a run that is recorded already."""
    google.faults.fail("CreateDocument", "PERMISSION_DENIED", message="not you")
    with pytest.raises(AlError, match="not you"):
        ledger.add(a_run())
    google.faults.fail("Commit", "PERMISSION_DENIED", message="not you")
    with pytest.raises(AlError, match="not you"):
        ledger.set_fact("lease", "mine", expected=None)
