"""Who wins between flag, files and user, in what a session on Fargate and on Lambda really asks: the launcher's own secret,
moto's Secrets Manager, and the entry point as a real process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from moto_tests.given import REGION
from tests.inside.runtime_api import RuntimeApi, runtime_api
from tests.inside.stage import Stage
from tests.llm.matrix import CLOUD, Asked, Servers, say, secret, servers
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.credentials.stores.aws_secrets import AwsSecrets
from toolkit.llm.candidates import Flags
from toolkit.scheduler.ledgers.dynamodb import DynamoLedger


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """Everybody has a say here, this machine's variables too, which no cloud hears."""
    with servers() as there:
        say(there, ("variable",), tmp_path / "user", monkeypatch)
        yield there


@pytest.fixture
def stage(
    tmp_path: Path, session: dict[str, str], context: Context, ledger: DynamoLedger, there: Servers
) -> Stage:
    """The agent's container, with its image's model."""
    environ = {
        **session,
        "AL_PLATFORM": "aws",
        "AL_TABLE": context.names.table,
        "AL_REGION": REGION,
        "AL_PROJECT": "p",
        "AL_ENVIRONMENT": "e",
    }
    stage = Stage(tmp_path / "stage", environ=environ)
    stage.configure(models=[there.model.to_dict()])
    return stage


@pytest.fixture
def launched(
    context: Context, store: AwsSecrets, there: Servers, flags: Flags
) -> tuple[RunId, str]:
    """A run and where its secret is, which says what a launch with these flags gives it."""
    run = RunId("dev-1a2b3c4d")
    name = context.names.run_secret(run)
    value = secret(context.environment, flags, there, context.home)
    store.put(name, value, tags=context.names.tags(run=run))
    return run, name


@pytest.mark.parametrize(("flags", "asked"), CLOUD.values(), ids=CLOUD)
def test_the_session_of_a_task_asks_whom_the_highest_place_names(
    stage: Stage, there: Servers, launched: tuple[RunId, str], asked: Asked
) -> None:
    """Provider, model, key and address, in the request itself; nobody else is asked."""
    run, stage.environ["AL_SECRET"] = launched
    done = stage.run(run)
    assert (done.code, there.asked()) == (0, [asked]), done.text


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with runtime_api() as api:
        yield api


@pytest.mark.parametrize(("flags", "asked"), CLOUD.values(), ids=CLOUD)
def test_the_session_of_an_invocation_asks_whom_the_highest_place_names(
    stage: Stage, there: Servers, launched: tuple[RunId, str], asked: Asked, api: RuntimeApi
) -> None:
    """The same, of a function that was started before anybody knew of the run."""
    stage.environ |= {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/al-p-e-dev",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/20/[1]abc",
    }
    run, name = launched
    function = stage.start()
    try:
        answer = api.invoke({"al": 1, "run": run, "secret": name})
    finally:
        function.kill()
        output, _ = function.communicate()
    assert (answer.body["exit_code"], there.asked()) == (0, [asked]), output
