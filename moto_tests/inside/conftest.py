"""Project `p` in environment `e` on moto, as the launcher and as a container see it."""

from pathlib import Path

import pytest

from moto_tests.given import ACCOUNT, REGION
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.ports import Context
from toolkit.credentials.stores.aws_secrets import AwsSecrets
from toolkit.scheduler.ledgers.dynamodb import DynamoLedger


@pytest.fixture
def context(aws_endpoint: str, tmp_path: Path) -> Context:
    cloud = AwsCloud(region=REGION, account=ACCOUNT, endpoint=aws_endpoint)
    environment = Environment(name="e", scope=Scope(project="p", environment="e"), cloud=cloud)
    return Context(environment=environment, home=tmp_path, project=tmp_path)


@pytest.fixture
def ledger(context: Context) -> DynamoLedger:
    ledger = DynamoLedger(context)
    ledger.prepare()
    return ledger


@pytest.fixture
def store(context: Context) -> AwsSecrets:
    return AwsSecrets(context, sleep=lambda _: None)


@pytest.fixture
def session(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The role's session and the endpoint, as a container has them: in its environment."""
    values = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "ASIAROLE",
        "AWS_SECRET_ACCESS_KEY": "the-roles-own",
        "AWS_SESSION_TOKEN": "token",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values
