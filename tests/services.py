"""Services made of the in-memory fakes, for what is above the adapters."""

from pathlib import Path
from typing import Any

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore
from toolkit.core.agent import Project
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.ports import Context
from toolkit.wiring import Services

ENVIRONMENT = Environment(
    name="staging",
    scope=Scope(project="shop", environment="staging"),
    cloud=AwsCloud(region="us-east-1", account="123456789012"),
)


class FakeServices(Services):
    """The same front, with memory behind it; adapters are set as attributes of the instance's dictionary, where
    `cached_property` looks first."""

    def __init__(self, directory: Path, project: Project | None = None, **adapters: Any) -> None:
        super().__init__(
            Context(environment=ENVIRONMENT, home=directory, project=directory), project
        )
        ledger = adapters.pop("ledger", None) or MemoryLedger()
        store = adapters.pop("store", None) or MemoryStore()
        runtime = adapters.pop("runtime", None) or MemoryRuntime(
            ledger=ledger, store=store, clock=FakeClock()
        )
        self.__dict__.update(
            ledger=ledger,
            store=store,
            run_secrets=store,
            local_store=MemoryStore(),
            _runtimes={"memory": runtime},
            **adapters,
        )
