"""AWS's implementations obey the laws that all implementations obey."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contracts.ledger import Container, LedgerContract
from tests.contracts.store import StoreContract
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.names import Names
from toolkit.core.ports import Context, Ledger, Store
from toolkit.core.run import RunId
from toolkit.credentials.stores import aws_secrets
from toolkit.scheduler.ledgers import dynamodb


class TestDynamo(LedgerContract):
    """The table of an environment."""

    @pytest.fixture
    def ledger(self, aws_context: Context) -> Ledger:
        ledger: Ledger = dynamodb.PLUGIN(aws_context)
        ledger.prepare()
        return ledger

    @pytest.fixture
    def container(self, ledger: Ledger, aws_context: Context) -> Container:
        return mailbox_writer(aws_context)


def mailbox_writer(context: Context) -> Callable[..., None]:
    """Writes as a run's container does: UpdateItem on the run's own partition."""
    table = clients_for(cloud_of(context.environment)).session.resource(
        "dynamodb", endpoint_url=cloud_of(context.environment).endpoint
    )

    def note(run: RunId, **written: Any) -> None:
        import json

        values = {n: json.dumps(v) if n == "report" else v for n, v in written.items()}
        table.Table(context.names.table).update_item(
            Key={"pk": context.names.mailbox(run), "sk": "box"},
            UpdateExpression="SET " + ", ".join(f"#{n} = :{n}" for n in values),
            ExpressionAttributeNames={f"#{n}": n for n in values},
            ExpressionAttributeValues={f":{n}": v for n, v in values.items()},
        )

    return note


class TestAwsSecrets(StoreContract):
    """Secrets Manager."""

    @pytest.fixture
    def names(self, aws_context: Context) -> Names:
        return aws_context.names

    @pytest.fixture
    def store(self, aws_context: Context) -> Store:
        return aws_secrets.PLUGIN(aws_context)


class TestAwsSecretsOfTheEnvironment(TestAwsSecrets):
    """The same, for a long-lived credential."""

    @pytest.fixture
    def name(self, names: Names) -> str:
        return f"{names.secrets}github_token/default/token"
