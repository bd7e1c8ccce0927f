"""Places that have a say on a run's model, each with a server of its own, and what a run is given because of them.

`said` names who says something.  A flag gives no address, so it comes to that of the provider which it names.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from tests.services import ENVIRONMENT, FakeServices
from toolkit.core.agent import Agent, AgentName, CredentialRef, Model
from toolkit.core.environment import Environment
from toolkit.core.ports import Context, Store
from toolkit.core.run import Trigger, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.credentials.resolve import local_name
from toolkit.llm.candidates import Flags
from toolkit.ops.settings import for_run
from toolkit.scheduler.dispatch import Definition, dispatch, fact_key

DEV = AgentName("dev")
KEPT: Mapping[CredentialRef, str] = {
    CredentialRef(type="anthropic_key"): "kept-anthropic",
    CredentialRef(type="custom_key", instance="corp"): "kept-corp",
}
FLAG = Flags(provider="anthropic", model="claude-opus-4.5", anthropic_key=Secret("key-of-the-flag"))
OTHER = Flags(provider="corp", model="model-of-the-flag")
USER = """
[llm]
provider = "corp"
model = "model-of-the-user"
[llm.providers.corp]
baseUrl = "{root}"
wire = "anthropic"
"""
CONFIG = """
[model]
provider = "anthropic"
model = "claude-opus-4.8"
baseUrl = "{root}"
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose server was asked, for which model and with which key."""

    server: str
    model: str
    key: str


BY_FLAG = Asked("config", "claude-opus-4-5-20251101", "key-of-the-flag")
BY_OTHER = Asked("user", "model-of-the-flag", "kept-corp")
BY_VARIABLE = Asked("variable", "gpt-4o", "key-of-the-variable")
BY_CONFIG = Asked("config", "claude-opus-4-8", "kept-anthropic")
BY_USER = Asked("user", "model-of-the-user", "kept-corp")
# what is said from the flag downwards, and who is asked then
HERE = {
    "flag": (FLAG, ("variable", "config"), BY_FLAG),
    "flag that names another provider": (OTHER, ("variable", "config"), BY_OTHER),
    "variable": (Flags(), ("variable", "config"), BY_VARIABLE),
    "config": (Flags(), ("config",), BY_CONFIG),
    "user": (Flags(), (), BY_USER),
}
# what runs elsewhere knows no variable of this machine
CLOUD = {
    "flag": (FLAG, BY_FLAG),
    "flag that names another provider": (OTHER, BY_OTHER),
    "config": (Flags(), BY_CONFIG),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """One of each place that can give an address."""

    variable: LlmServer
    config: LlmServer
    user: LlmServer

    def asked(self) -> list[Asked]:
        """Every request to any of them."""
        named = {"variable": self.variable, "config": self.config, "user": self.user}
        return [
            Asked(name, body["model"], key.removeprefix("Bearer "))
            for name, server in named.items()
            for body, key in zip(server.requests, server.keys, strict=True)
        ]

    @property
    def model(self) -> Model:
        """The agent's, as its project configures it."""
        return Model(
            name="default",
            provider="anthropic",
            model="claude-opus-4-8",
            base_url=self.config.root,
            origin="config.toml",
        )


@contextmanager
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        made = {
            name: stack.enter_context(llm_server(Turn(text="done")))
            for name in ("variable", "config", "user")
        }
        yield Servers(**made)


def say(there: Servers, said: Collection[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's user and variables."""
    monkeypatch.setenv("AL_HOME", str(home))
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(USER.format(root=there.user.root), encoding="utf-8")
    if "variable" in said:
        monkeypatch.setenv("LLM_PROVIDER", "openai")
        monkeypatch.setenv("LLM_MODEL", "gpt-4o")
        monkeypatch.setenv("LLM_BASE_URL", there.variable.url)
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-variable")


def keep(store: Store) -> None:
    """The keys of a user, on this machine."""
    for ref, key in KEPT.items():
        store.put(local_name(ref, "token"), Secret(key), tags={})


def given(there: Servers, flags: Flags, said: Collection[str], place: Path) -> Asked:
    """Whom a run in a container on this machine is given to ask, as `say` has it."""
    local = replace(ENVIRONMENT, name="local", cloud=None, docker=True)
    made = FakeServices(place)
    made.__dict__["context"] = Context(environment=local, home=place, project=place)
    keep(made.local_store)
    models = (there.model,) if "config" in said else ()
    agent = Agent(name=DEV, directory=Path("agents/dev"), instructions="", models=models)
    found = for_run(made, agent, flags, note=lambda _: None)
    assert found is not None
    ((model, key),) = found.models
    assert key is not None
    servers = {there.variable.url: "variable", there.config.root: "config", there.user.root: "user"}
    return Asked(servers[model.base_url or ""], model.model, key.reveal())


def secret(environment: Environment, flags: Flags, there: Servers, place: Path) -> Secret:
    """The secret of a run in this cloud, as the launcher writes it."""
    ledger, store = MemoryLedger(), MemoryStore()
    plays = {"dev": Play(reports=False, exit_code=None)}
    runtime = MemoryRuntime(plays, ledger=ledger, store=store, clock=FakeClock())
    made = FakeServices(place, ledger=ledger, store=store, runtime=runtime)
    context = Context(environment=environment, home=place, project=place)
    made.__dict__["context"] = context
    for ref, key in KEPT.items():
        store.put(context.names.credential(ref, "token"), Secret(key), tags={})
    ledger.prepare()
    definition = Definition(agent="dev", runtime="memory", ref="dev:1", image="i", hash="h",
                            timeout=60, credentials=("anthropic_key/default/token",))  # fmt: skip
    ledger.set_fact(fact_key("dev"), definition.to_fact())
    agent = Agent(name=DEV, directory=Path("agents/dev"), instructions="", models=(there.model,))
    models = for_run(made, agent, flags, note=lambda _: None)
    run = dispatch(made, Trigger(agent=DEV, kind=TriggerKind.MANUAL), models=models)
    found = store.get(run.lease.ref.name) if run.lease else None
    assert found is not None
    return found
