"""The platform of this machine: SQLite and files, real ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.platform import RUN, StopFlagContract
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import Unreachable
from toolkit.core.ports import Context, Platform
from toolkit.credentials.stores.local_files import LocalFiles
from toolkit.inside.platforms.local import Local
from toolkit.scheduler.ledgers.sqlite import SqliteLedger


class TestLocal(StopFlagContract):
    """The whole contract."""

    @pytest.fixture
    def context(self, tmp_path: Path) -> Context:
        environment = Environment(name="local", scope=Scope(project="p", environment="local"))
        return Context(environment=environment, home=tmp_path / "home", project=tmp_path)

    @pytest.fixture
    def ledger(self, context: Context) -> SqliteLedger:
        ledger = SqliteLedger(context)
        ledger.prepare()
        return ledger

    @pytest.fixture
    def store(self, context: Context, tmp_path: Path) -> LocalFiles:
        return LocalFiles(context, root=tmp_path / "secrets")

    @pytest.fixture
    def environ(self, ledger: SqliteLedger, secret: str, tmp_path: Path) -> dict[str, str]:
        return {
            "AL_RUN_ID": RUN,
            "AL_SECRET": secret,
            "AL_LEDGER": str(ledger.path),
            "AL_SECRETS": str(tmp_path / "secrets"),
        }

    @pytest.fixture
    def make(self, environ: dict[str, str]) -> Callable[[], Platform]:
        return lambda: Local(environ)

    def test_a_ledger_that_is_not_there_is_not_made(
        self, environ: dict[str, str], tmp_path: Path
    ) -> None:
        """A container creates nothing: it says that it cannot reach it."""
        platform = Local(environ | {"AL_LEDGER": str(tmp_path / "nowhere.db")})
        with pytest.raises(Unreachable, match=r"nowhere\.db"):
            platform.claim({})
        assert not (tmp_path / "nowhere.db").exists()

    def test_a_field_that_a_mailbox_does_not_have_is_a_mistake(
        self, make: Callable[[], Platform]
    ) -> None:
        """Column names are ours, never data."""
        with pytest.raises(TypeError, match="claimed"):
            make().note(claimed="x")
