"""The platform of a container on AWS, against moto's server, with the launcher's own ledger and store beside it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from moto_tests.given import REGION
from tests.contracts.platform import RUN, VALUE, StopFlagContract
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.clouds.aws_rest import JsonApi
from toolkit.core.errors import CredentialError
from toolkit.core.ports import Context, Platform
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.aws_secrets import AwsSecrets
from toolkit.inside.platforms.aws import Aws
from toolkit.scheduler.ledgers.dynamodb import DynamoLedger


class TestAws(StopFlagContract):
    """The whole contract."""

    @pytest.fixture
    def environ(
        self, session: dict[str, str], ledger: DynamoLedger, context: Context, secret: str
    ) -> dict[str, str]:
        return {
            **session,
            "AL_RUN_ID": RUN,
            "AL_SECRET": secret,
            "AL_TABLE": context.names.table,
            "AL_REGION": REGION,
            "AL_PROJECT": "p",
            "AL_ENVIRONMENT": "e",
        }

    @pytest.fixture
    def make(self, environ: dict[str, str]) -> Callable[[], Platform]:
        return lambda: Aws(environ, settling=0.3)

    def test_a_claim_whose_answer_was_lost_meets_itself(
        self, environ: dict[str, str], ledger: DynamoLedger
    ) -> None:
        """The SDK sends a write again when no answer came; the condition then fails against our own claim, and
        the run must not be lost by it."""
        platform = Aws(environ)
        assert platform.claim({})
        assert platform.claim({})

    def test_a_secret_that_appears_late_is_waited_for(
        self,
        environ: dict[str, str],
        store: AwsSecrets,
        secret: str,
    ) -> None:
        """A read right after the write may not see it yet
        (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html)."""
        platform = Aws(environ, settling=30)
        arriving = platform._secrets = Arriving(
            platform._secrets, lambda: store.put(secret, Secret(VALUE), tags={})
        )
        assert platform.read_secret().reveal() == VALUE
        assert arriving.asked == ["GetSecretValue", "GetSecretValue"]

    def test_a_secret_in_its_recovery_window_is_gone(
        self, environ: dict[str, str], store: AwsSecrets, secret: str, context: Context
    ) -> None:
        """A scheduled deletion answers InvalidRequestException, not NotFound
        (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html)."""
        store.put(secret, Secret(VALUE), tags={})
        clients_for(cloud_of(context.environment)).client("secretsmanager").delete_secret(
            SecretId=secret, RecoveryWindowInDays=7
        )
        platform = Aws(environ, settling=0)
        with pytest.raises(CredentialError, match="gone"):
            platform.read_secret()


class Arriving(JsonApi):
    """Puts the secret between the first look and the second."""

    def __init__(self, real: JsonApi, put: Callable[[], object]) -> None:
        self._real, self._put, self.asked = real, put, list[str]()

    def ask(self, operation: str, body: Mapping[str, Any], doing: str) -> dict[str, Any]:
        if self.asked:
            self._put()
        self.asked.append(operation)
        return self._real.ask(operation, body, doing)
