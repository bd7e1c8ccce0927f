"""What a push records of a large project fits into the items of its state table.

An item holds 400 KB, the names of its attributes included
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html).
"""

import pytest

from moto_tests.deployed import ON_FARGATE, ON_LAMBDA, items
from toolkit.core.ports import Context
from toolkit.ops import infrastructure
from toolkit.scheduler.dispatch import Definition
from toolkit.scheduler.ledgers._dynamodb_facts import LARGEST
from toolkit.scheduler.ledgers.dynamodb import PLUGIN, DynamoLedger

HUNDRED = {
    f"an-agent-with-quite-a-long-name-and-a-number-{n}": (ON_LAMBDA, ON_FARGATE)[n % 2]
    for n in range(100)
}


@pytest.fixture
def ledger(aws_context: Context) -> DynamoLedger:
    made: DynamoLedger = PLUGIN(aws_context)
    made.prepare()
    return made


def test_the_infrastructure_of_a_hundred_agents_is_one_fact(
    aws_context: Context, ledger: DynamoLedger
) -> None:
    """With room for ten times as many, and whole when it is read again."""
    wanted = items(aws_context, HUNDRED)
    fact = {"hash": "h", "items": infrastructure._packed(wanted)}
    assert len(fact["items"]) < LARGEST / 10
    assert ledger.set_fact(infrastructure.APPLIED, fact)
    assert infrastructure.applied(ledger.facts("")) == tuple(wanted)


def test_all_facts_of_a_hundred_agents_come_back(
    aws_context: Context, ledger: DynamoLedger
) -> None:
    """However many pages of an answer they fill: each agent has a definition with its history, and an image."""
    version = {"ref": "r" * 80, "image": "i" * 250, "hash": "h" * 64, "timeout": 900,
               "credentials": ["github_token/default/token"] * 20, "pushed": "2026-11-20T12:00:00.000Z"}  # fmt: skip
    for agent in HUNDRED:
        definition = Definition(
            agent=agent, runtime=ON_LAMBDA, ref="r", image="i", hash="h", timeout=900,
            previous=(version,) * 30, newer=(version,) * 10,
        )  # fmt: skip
        ledger.set_fact(f"definition/{agent}", definition.to_fact())
        ledger.set_fact(f"image/{agent}", {"tag": "t" * 20, "digest": "sha256:" + "0" * 64})
    assert len(ledger.facts("")) == 2 * len(HUNDRED)
