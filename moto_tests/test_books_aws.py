"""The books in an environment's DynamoDB table: the laws of all books, and what each step costs."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from moto.dynamodb.models import dynamodb_backends

from moto_tests.given import ACCOUNT, REGION
from tests.contracts.calls import CallsContract
from tests.contracts.deliveries import DeliveriesContract, PruneContract, a_delivery, some_work
from tests.contracts.holding import HoldingContract
from tests.contracts.locks import A, LocksContract, X, asks
from tests.contracts.queue import MANY, QueueContract, at, put, taken
from tests.contracts.turns import TurnsContract
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.ports import Context, Ledger
from toolkit.scheduler.ledgers import dynamodb


@pytest.fixture(scope="module")
def context(moto_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """An environment of this file's own, whose table is made once: each test finds it empty."""
    cloud = AwsCloud(region=REGION, account=ACCOUNT, endpoint=moto_url)
    scope = Scope(project="books", environment="staging")
    place = tmp_path_factory.mktemp("books")
    httpx.post(f"{moto_url}/moto-api/reset", timeout=60).raise_for_status()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        clients_for.cache_clear()
        environment = Environment(name="staging", scope=scope, cloud=cloud)
        context = Context(environment=environment, home=place, project=place)
        dynamodb.PLUGIN(context).prepare()
        yield context


@pytest.fixture
def ledger(context: Context) -> Ledger:
    dynamodb_backends[ACCOUNT][REGION].tables[context.names.table].items.clear()
    ledger: Ledger = dynamodb.PLUGIN(context)
    return ledger


class TestQueue(QueueContract, HoldingContract):
    """In the table."""


class TestTurns(TurnsContract):
    """In the table."""


class TestLocks(LocksContract):
    """In the table."""


class TestCalls(CallsContract):
    """In the table."""


class TestDeliveries(DeliveriesContract):
    """In the table."""


class TestPrune(PruneContract):
    """Of everything in the table."""


@pytest.fixture
def counted(ledger: Ledger, context: Context) -> Iterator[Callable[[], list[str]]]:
    """The calls since the last time that somebody asked, each with its number."""
    calls: Counter[str] = Counter()
    events = clients_for(cloud_of(context.environment)).client("dynamodb").meta.events

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    def since() -> list[str]:
        found = sorted(f"{name} {number}" for name, number in calls.items())
        calls.clear()
        return found

    events.register("before-call.dynamodb", count)
    yield since
    events.unregister("before-call.dynamodb", count)


def test_a_runs_way_through_the_queue_costs_few_calls(
    ledger: Ledger, counted: Callable[[], list[str]]
) -> None:
    """However much else waits."""
    put(ledger, "other", after=-1)
    counted()
    run = put(ledger).run
    assert counted() == ["GetItem 1", "Query 1", "TransactWriteItems 2"]
    assert taken(ledger) == run
    assert counted() == ["GetItem 2", "Query 3", "TransactWriteItems 1"]
    ledger.queue.started(run, "me")
    assert counted() == ["GetItem 1", "PutItem 1"]
    ledger.queue.done(run)
    assert counted() == ["BatchGetItem 1", "TransactWriteItems 1"]


def test_looking_for_work_where_there_is_none_costs_one_call(
    ledger: Ledger, counted: Callable[[], list[str]]
) -> None:
    """Schedulers look all the time."""
    counted()
    assert taken(ledger, MANY) is None
    assert counted() == ["Query 1"]


def test_a_delivery_is_durable_in_one_call(
    ledger: Ledger, counted: Callable[[], list[str]]
) -> None:
    """After looks whether it and its runs' ids are known; then each run is recorded, and its agent's line counted."""
    counted()
    ledger.deliveries.accept(a_delivery(body=b"x"), some_work("dev", "ops"))
    assert counted() == ["GetItem 4", "Query 2", "TransactWriteItems 3"]
    ledger.deliveries.accept(a_delivery(2, delivery="number-1"), some_work("dev"))
    assert counted() == ["GetItem 1"]


def test_a_lock_costs_two_calls(ledger: Ledger, counted: Callable[[], list[str]]) -> None:
    """One look, one write."""
    counted()
    asks(ledger, A, X)
    assert counted() == ["BatchGetItem 1", "TransactWriteItems 1"]
    ledger.locks.heartbeat(X, A, seconds=10, moment=at(1))
    assert counted() == ["GetItem 1", "PutItem 1"]
    ledger.locks.release(X, A, moment=at(1))
    assert counted() == ["BatchGetItem 1", "TransactWriteItems 1"]
