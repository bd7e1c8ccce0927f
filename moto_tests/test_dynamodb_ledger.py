"""The environment's table: whose it is, how it is asked, and what DynamoDB's documentation says of both."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from moto_tests.answers import answer, refusal, success
from tests.contracts.ledger import a_full_run, a_run
from toolkit.clouds.aws import Clients, clients_for, cloud_of
from toolkit.core.errors import AlError, Conflict, LimitExceeded, NotFound, Throttled
from toolkit.core.ports import Context
from toolkit.core.run import RunId, RunState
from toolkit.core.secrets import Receipt
from toolkit.scheduler.ledgers._making import make
from toolkit.scheduler.ledgers._table import WAITS, Table
from toolkit.scheduler.ledgers.dynamodb import PLUGIN, DynamoLedger

NAME = "al-shop-staging"
KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
Counted = Callable[[Clients], list[str]]


@pytest.fixture
def clients(aws_context: Context) -> Clients:
    return clients_for(cloud_of(aws_context.environment))


@pytest.fixture
def client(clients: Clients) -> Any:
    return clients.client("dynamodb")


@pytest.fixture
def ledger(aws_context: Context) -> DynamoLedger:
    ledger: DynamoLedger = PLUGIN(aws_context)
    ledger.prepare()
    return ledger


def create(client: Any, keys: list[dict[str, str]], tags: Mapping[str, str]) -> None:
    client.create_table(
        TableName=NAME,
        KeySchema=keys,
        AttributeDefinitions=[
            {"AttributeName": k["AttributeName"], "AttributeType": "S"} for k in keys
        ],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": k, "Value": v} for k, v in tags.items()],
    )


def everything(client: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.scan(TableName=NAME)["Items"]
    return items


# the table


def test_the_table_is_ours_costs_nothing_idle_and_forgets(
    ledger: DynamoLedger, client: Any, aws_context: Context
) -> None:
    """Tags, on-demand billing, and an expiry attribute."""
    table = client.describe_table(TableName=NAME)["Table"]
    tags = client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert table["KeySchema"] == KEYS
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert {tag["Key"]: tag["Value"] for tag in tags} == aws_context.names.tags()
    expiry = client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}


def test_preparing_again_only_looks(
    ledger: DynamoLedger, clients: Clients, counted: Counted
) -> None:
    """A second change of the expiry within an hour is refused (API_UpdateTimeToLive)."""
    calls = counted(clients)
    assert ledger.prepare() is False
    assert calls == [
        "dynamodb.DescribeTable",
        "dynamodb.DescribeTable",
        "dynamodb.ListTagsOfResource",
        "dynamodb.DescribeTimeToLive",
    ]


def test_an_interrupted_preparation_is_finished(client: Any, aws_context: Context) -> None:
    """Killed between creating the table and its expiry, the next push sets it."""
    create(client, KEYS, aws_context.names.tags())
    assert PLUGIN(aws_context).prepare() is False
    expiry = client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "ENABLED"


@pytest.mark.parametrize(
    "tags", [{}, {"al:managed": "true", "al:project": "shop", "al:environment": "x"}]
)
def test_a_table_without_our_tags_is_refused(
    client: Any, aws_context: Context, tags: dict[str, str]
) -> None:
    """Somebody else's, or another environment's: nothing is written into it."""
    create(client, KEYS, tags)
    with pytest.raises(Conflict, match="not this environment's"):
        PLUGIN(aws_context).prepare()


def test_a_table_with_other_keys_is_refused(client: Any, aws_context: Context) -> None:
    """Tags alone do not make it usable."""
    create(client, [{"AttributeName": "id", "KeyType": "HASH"}], aws_context.names.tags())
    with pytest.raises(Conflict, match="not this environment's"):
        PLUGIN(aws_context).prepare()


def test_a_new_table_is_waited_for(client: Any, aws_context: Context) -> None:
    """CreateTable is asynchronous: right after it DescribeTable may find nothing, then CREATING
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html)."""
    absent = refusal("ResourceNotFoundException", "Requested resource not found")
    creating = success(Table={"TableStatus": "CREATING"})
    requests = answer(client, "DescribeTable", absent, absent, creating, creating)
    assert make(client, aws_context.names, sleep=lambda _: None) is True
    assert len(requests) == 5


def test_of_two_that_create_the_table_both_go_on(client: Any, aws_context: Context) -> None:
    """The slower one is told ResourceInUseException (API_CreateTable)."""
    create(client, KEYS, aws_context.names.tags())
    answer(client, "DescribeTable", refusal("ResourceNotFoundException", "not yet"))
    assert PLUGIN(aws_context).prepare() is True
    assert PLUGIN(aws_context).fact("x") is None


def test_a_table_that_nobody_made_is_said_to_be_missing(aws_context: Context) -> None:
    """The hint names what makes it."""
    with pytest.raises(NotFound) as raised:
        PLUGIN(aws_context).runs()
    assert "al push" in raised.value.hint


# what it costs


def test_a_runs_life_costs_few_calls(
    ledger: DynamoLedger, clients: Clients, counted: Counted
) -> None:
    """One to record, one per change, two for the last one, and none of them a scan."""
    run, calls = a_run(), counted(clients)
    ledger.add(run)
    ledger.update(run.id, state=RunState.RUNNING)
    ledger.mailbox(run.id)
    ledger.update(run.id, state=RunState.SUCCEEDED, exit_code=0)
    ledger.update(run.id, receipt=Receipt(created="1"))
    assert [call.partition(".")[2] for call in calls] == [
        "TransactWriteItems",
        "UpdateItem",
        "GetItem",
        "TransactWriteItems",
        "GetItem",
        "UpdateItem",
    ]


def test_a_list_costs_two_calls(ledger: DynamoLedger, clients: Clients, counted: Counted) -> None:
    """However many runs the environment has."""
    for number in range(12):
        ledger.add(a_run(after=number))
    calls = counted(clients)
    assert len(ledger.runs(agent="dev", limit=10)) == 10
    assert calls == ["dynamodb.Query", "dynamodb.BatchGetItem"]


def test_every_read_is_strongly_consistent(ledger: DynamoLedger, client: Any) -> None:
    """Otherwise the second laptop would not see what the first has just written
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html)."""
    ledger.add(a_run())
    requests = [answer(client, name) for name in ("GetItem", "Query", "BatchGetItem")]
    ledger.fact("x"), ledger.facts(""), ledger.runs(), ledger.runs(active=True)
    ledger.mailbox(RunId("dev-00000000"))
    asked = [json.loads(params["body"]) for several in requests for params in several]
    asked = [request.get("RequestItems", {}).get(NAME, request) for request in asked]
    assert len(asked) == 7
    assert all(request["ConsistentRead"] is True for request in asked)


# what is in it


@pytest.mark.parametrize(("log_days", "days"), [(30, 30), (1, 14)])
def test_everything_of_a_run_expires_with_its_log(
    aws_context: Context, client: Any, log_days: int, days: int
) -> None:
    """A log is found by its run's record, which is kept as long, and never shorter than two weeks.

    A number of seconds: milliseconds would never expire (API_UpdateTimeToLive).  Mailbox and pointers too.
    """
    environment = replace(aws_context.environment, log_retention_days=log_days)
    ledger = DynamoLedger(replace(aws_context, environment=environment))
    ledger.prepare()
    run = a_run()
    ledger.add(run)
    ledger.request_stop(run.id)
    moment = datetime.fromisoformat(run.created) + timedelta(days=days)
    assert {item["pk"]["S"] for item in everything(client)} == {
        f"run/{run.id}", "runs", "runs/dev", "active", f"box/dev/{run.id}",
    }  # fmt: skip
    assert {item["expiresAt"]["N"] for item in everything(client)} == {str(int(moment.timestamp()))}


def test_a_run_that_is_over_is_not_among_the_active(ledger: DynamoLedger, client: Any) -> None:
    """Its pointer goes in the transaction that ends it."""
    run = a_run()
    ledger.add(run)
    ledger.update(run.id, state=RunState.LOST)
    assert "active" not in {item["pk"]["S"] for item in everything(client)}


def test_a_pointer_whose_record_has_expired_is_passed_over(
    ledger: DynamoLedger, client: Any
) -> None:
    """Expiry takes up to days and goes item by item (API_UpdateTimeToLive): the list is filled from older runs."""
    runs = [a_run(after=number) for number in range(4)]
    for run in runs:
        ledger.add(run)
    for run in runs[2:]:
        client.delete_item(TableName=NAME, Key={"pk": {"S": f"run/{run.id}"}, "sk": {"S": "run"}})
    assert list(ledger.runs(limit=2)) == [runs[1], runs[0]]
    assert list(ledger.runs(active=True)) == [runs[1], runs[0]]


def test_a_long_text_is_cut_and_says_so(ledger: DynamoLedger) -> None:
    """An item holds 400 KB, in bytes, names included
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html)."""
    run = a_run()
    ledger.add(run)
    updated = ledger.update(run.id, reason="r" * 500_000, return_value="ü" * 500_000)
    assert updated.reason.endswith("(cut here; the run's log has all of it)")
    assert updated.return_value is not None
    assert len(f"{updated.reason}{updated.return_value}".encode()) < 300_000
    assert ledger.get(run.id) == updated


def test_a_fact_that_is_too_large_is_refused(ledger: DynamoLedger) -> None:
    """A fact is never cut: half of it would be wrong."""
    with pytest.raises(LimitExceeded, match="400 KB"):
        ledger.set_fact("applied", "x" * 400_000)
    assert ledger.fact("applied") is None


def test_facts_that_are_too_large_together_are_refused(ledger: DynamoLedger) -> None:
    """A transaction's items hold 4 MB, those that it only looks at included
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)."""
    text = "ü" * 180_000
    ledger.set_fact("seen", text)
    facts = {f"fact-{number}": text for number in range(10)}
    with pytest.raises(LimitExceeded, match="4 MB"):
        ledger.set_facts(facts, expected={"seen": text})
    assert ledger.facts("fact-") == {}
    assert ledger.set_facts(dict(list(facts.items())[1:]), expected={"seen": text})


# when the service is slow, busy or silent


def test_what_was_left_unprocessed_is_asked_for_again(ledger: DynamoLedger, client: Any) -> None:
    """BatchGetItem answers 200 and leaves keys out when it is busy (API_BatchGetItem)."""
    runs = [a_run(after=number) for number in range(3)]
    for run in runs:
        ledger.add(run)
    keys = [{"pk": {"S": f"run/{run.id}"}, "sk": {"S": "run"}} for run in runs]
    rest = success(Responses={NAME: []}, UnprocessedKeys={NAME: {"Keys": keys}})
    answer(client, "BatchGetItem", rest, rest)
    assert list(ledger.runs()) == runs[::-1]


def test_a_table_that_answers_in_part_only_is_throttled(
    ledger: DynamoLedger, client: Any, aws_context: Context
) -> None:
    """After some patience it is an error that may pass; an incomplete list is never taken for a whole one."""
    key = {"pk": {"S": "run/x"}, "sk": {"S": "run"}}
    rest = success(Responses={NAME: []}, UnprocessedKeys={NAME: {"Keys": [key]}})
    answer(client, "BatchGetItem", *[rest] * 99)
    waits: list[float] = []
    table = Table(cloud_of(aws_context.environment), NAME, sleep=waits.append)
    with pytest.raises(Throttled):
        list(table.read_many([key]))
    assert waits == list(WAITS)


def test_an_empty_page_is_not_the_last(ledger: DynamoLedger, client: Any) -> None:
    """A page may hold nothing and still have a LastEvaluatedKey (developer guide: Query.Pagination)."""
    ledger.set_fact("a", 1)
    start = {"pk": {"S": "fact"}, "sk": {"S": "0"}}
    answer(client, "Query", success(Items=[], Count=0, LastEvaluatedKey=start))
    assert ledger.facts("") == {"a": 1}


def test_a_list_is_read_page_by_page(ledger: DynamoLedger, client: Any) -> None:
    """More facts than a page of 1 MB holds."""
    for number in range(5):
        ledger.set_fact(f"definition/{number}", "x" * 300_000)
    requests = answer(client, "Query")
    assert len(ledger.facts("definition/")) == 5
    assert len(requests) > 1


CROSSED = refusal("TransactionConflictException", "Transaction is ongoing for the item")
CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons"


def cancelled(*codes: str) -> Any:
    status, parsed = refusal("TransactionCanceledException", CANCELLED)
    return status, {**parsed, "CancellationReasons": [{"Code": code} for code in codes]}


def test_a_write_that_crosses_a_transaction_is_sent_again(
    ledger: DynamoLedger, client: Any
) -> None:
    """TransactionConflictException says nothing about our condition (API_UpdateItem, API_TransactWriteItems)."""
    run = a_run()
    answer(client, "TransactWriteItems", cancelled("None", "TransactionConflict", "None"))
    ledger.add(run)
    answer(client, "UpdateItem", CROSSED, CROSSED)
    assert ledger.update(run.id, state=RunState.RUNNING).state is RunState.RUNNING


def test_another_refusal_is_not_taken_for_a_condition(ledger: DynamoLedger, client: Any) -> None:
    """A denied write must not look like a run that is recorded already."""
    denied = refusal("AccessDeniedException", "not authorized")
    answer(client, "TransactWriteItems", denied)
    with pytest.raises(AlError, match="not authorized"):
        ledger.add(a_run())
    answer(client, "UpdateItem", denied)
    with pytest.raises(AlError, match="not authorized"):
        ledger.update(RunId("dev-00000000"), reason="x")


def lose_the_first_answer(client: Any, operation: str) -> None:
    """The request arrives and is carried out; its answer does not come back."""
    lost: list[str] = []

    def lose(**_: Any) -> None:
        if not lost:
            lost.append(operation)
            raise ConnectionClosedError(endpoint_url="http://lost")

    client.meta.events.register(f"after-call.dynamodb.{operation}", lose)


def test_a_lease_whose_answer_was_lost_is_still_ours(ledger: DynamoLedger, client: Any) -> None:
    """Sent again, the write meets itself: that is no refusal."""
    lose_the_first_answer(client, "PutItem")
    assert ledger.set_fact("lease", "mine", expected=None)
    assert not ledger.set_fact("lease", "mine", expected=None)


def test_a_run_whose_recording_was_not_answered_is_recorded_once(
    ledger: DynamoLedger, client: Any
) -> None:
    """A transaction that is repeated with its token is done once (API_TransactWriteItems); moto forgets tokens."""
    requests = answer(client, "TransactWriteItems", None, success())
    lose_the_first_answer(client, "TransactWriteItems")
    run = a_full_run()
    ledger.add(run)
    tokens = [json.loads(params["body"])["ClientRequestToken"] for params in requests]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1
    assert ledger.get(run.id) == run
