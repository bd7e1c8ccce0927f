"""The stores of this machine obey the laws that all stores obey."""

from pathlib import Path

import pytest

from tests.contracts.store import StoreContract
from tests.fakes import MemoryStore
from toolkit.core.environment import Environment, Scope
from toolkit.core.names import Names
from toolkit.core.ports import Context, Store
from toolkit.credentials.stores.local_files import PLUGIN

SCOPE = Scope(project="p", environment="local")


@pytest.fixture
def names() -> Names:
    return Names(SCOPE)


class TestMemory(StoreContract):
    """No file."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestLocalFiles(StoreContract):
    """One file per secret."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        environment = Environment(name="local", scope=SCOPE)
        context = Context(environment=environment, home=tmp_path, project=tmp_path)
        store: Store = PLUGIN(context, root=tmp_path / ".al" / "secrets")
        return store
