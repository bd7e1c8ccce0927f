"""The entry point as a real process on AWS: moto's DynamoDB and Secrets Manager, a role's session, a real script."""

from pathlib import Path

import pytest

from moto_tests.given import REGION
from tests.inside.stage import Stage
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.aws_secrets import AwsSecrets
from toolkit.scheduler.ledgers.dynamodb import DynamoLedger

PAYLOAD = (
    '{"credentials": {"github_token/default/token": "ghp_0123456789"}, "prompt": null, '
    '"trigger": {"kind": "manual"}, "token": "run-token", "gateway": null}'
)


@pytest.fixture
def stage(tmp_path: Path, session: dict[str, str], context: Context) -> Stage:
    environ = {
        **session,
        "AL_PLATFORM": "aws",
        "AL_TABLE": context.names.table,
        "AL_REGION": REGION,
        "AL_PROJECT": "p",
        "AL_ENVIRONMENT": "e",
    }
    return Stage(tmp_path / "stage", environ=environ)


def launched(stage: Stage, store: AwsSecrets, context: Context) -> RunId:
    run = RunId.new(stage.agent)
    name = context.names.run_secret(run)
    store.put(name, Secret(PAYLOAD), tags=context.names.tags(run=run))
    stage.environ["AL_SECRET"] = name
    return run


def test_a_run_on_aws_claims_reads_burns_works_and_reports(
    stage: Stage, store: AwsSecrets, ledger: DynamoLedger, context: Context
) -> None:
    """The whole of it: the receipt's times are there, the secret is gone, the report is the launcher's to read."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        "cat $AL_CREDENTIALS_PATH/github_token/default/token; echo; al-return fine; exit 42"
    )
    run = launched(stage, store, context)
    done = stage.run(run)
    box = ledger.mailbox(run)
    assert (done.code, done.output, done.errors) == (42, ["***", '{"ok":true}'], "")
    assert None not in (box.claimed, box.read, box.burned)
    assert not store.exists(stage.environ["AL_SECRET"])
    assert (box.report or {})["return_value"] == "fine"
    assert (box.report or {})["state"] == "succeeded"


def test_the_roles_session_is_not_the_agents(
    stage: Stage, store: AwsSecrets, ledger: DynamoLedger, context: Context
) -> None:
    """No variable of the platform's reaches a script."""
    stage.script("env | grep -E '^AWS_|the-roles-own|AL_TABLE|AL_SECRET'; true")
    assert stage.run(launched(stage, store, context)).output == []


def test_a_run_whose_secret_was_swept_fails_with_that_cause(
    stage: Stage, store: AwsSecrets, ledger: DynamoLedger, context: Context
) -> None:
    """14 and the reason; the script never starts."""
    stage.script("echo never")
    run = launched(stage, store, context)
    store.delete(stage.environ["AL_SECRET"])
    done = stage.run(run)
    assert (done.code, done.output) == (14, [])
    assert (ledger.mailbox(run).report or {})["reason"].startswith("the run's secret is gone")
