"""A no is an answer: nothing is done, it is said, and the exit code tells a script."""

import io
import json
from collections.abc import Callable

import pytest

from moto_tests.holding import Client
from moto_tests.leaving import push, services_of
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.commands._app import App, Exit
from toolkit.commands._push import Visit, Wish
from toolkit.commands.teardown import agree
from toolkit.core.plan import Plan
from toolkit.core.ports import Context
from toolkit.ops import teardown
from toolkit.ops.push.rollback import Rollback

Told = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def declines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr("sys.stdin", Terminal("n\n"))


@pytest.fixture
def client(aws_context: Context) -> Client:
    return clients_for(cloud_of(aws_context.environment)).client


@pytest.mark.parametrize("as_json", [True, False])
def test_a_declined_teardown_says_that_nothing_was_removed(
    aws_context: Context, client: Client, declines: Callable[[], None], capsys: Told, as_json: bool
) -> None:
    """Exit code 1; with --json there is an answer."""
    push(aws_context, client)
    declines()
    with pytest.raises(Exit) as end:
        agree(App(), teardown.decide(services_of(aws_context)), as_json=as_json)
    told = capsys.readouterr()
    assert end.value.code == 1
    assert "nothing was removed" in told.err
    assert ("nothing was removed" in told.out) is as_json


def test_a_declined_push_answers_in_json(aws_context: Context, capsys: Told) -> None:
    """With what was not pushed, and where to."""
    wish = Wish(
        agent=None, dry_run=False, skip_creds=False, creds_only=False, again=False, rollback=True,
        install_pulumi=False, as_json=True,
    )  # fmt: skip
    decided = Rollback(services=services_of(aws_context), facts={}, older=(), plan=Plan())
    with pytest.raises(Exit) as end:
        Visit(App(), wish).decline(decided)
    told = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert told["error"] == {"message": "not pushed", "hint": "nothing was changed"}
    assert (told["project"], told["environment"]) == ("shop", "staging")
