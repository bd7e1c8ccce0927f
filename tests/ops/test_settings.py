"""Flags of a run in a cloud: into its one secret, or refused; this machine's variables and keys stay here."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.services import ENVIRONMENT, FakeServices
from toolkit.core.agent import Agent, AgentName, CredentialRef, Model
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import ConfigError, CredentialError
from toolkit.core.ports import Context
from toolkit.core.run import Trigger, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.llm.bundle import KeyMissing
from toolkit.llm.candidates import Flags, Rank
from toolkit.ops.settings import for_run
from toolkit.scheduler.dispatch import Definition, dispatch, fact_key

DEV = AgentName("dev")
SONNET = Model(name="sonnet", provider="anthropic", model="claude-opus-4.8", origin="config.toml")
GPT = Model(name="gpt", provider="openai", model="gpt-4o", origin="config.toml")
AGENT = Agent(name=DEV, directory=Path("agents/dev"), instructions="", models=(SONNET, GPT))
ANTHROPIC, OPENAI = "anthropic_key/default/token", "openai_key/default/token"
SANDBOX = AwsCloud(region="us-east-1", account="123456789012", endpoint="http://127.0.0.1:9")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without settings, and variables of this machine that no cloud may see."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hush-here")
    monkeypatch.setenv("LLM_MODEL", "brain-9")


def pushed(tmp_path: Path, kept: tuple[str, ...] = (ANTHROPIC, OPENAI), **cloud: Any) -> Any:
    """An environment that keeps the keys of these providers, and has the agent with both."""
    ledger, store = MemoryLedger(), MemoryStore()
    runtime = MemoryRuntime(
        {"dev": Play(reports=False, exit_code=None)}, ledger=ledger, store=store, clock=FakeClock()
    )
    made = FakeServices(tmp_path, ledger=ledger, store=store, runtime=runtime)
    if cloud:
        there = replace(ENVIRONMENT, **cloud)
        made.__dict__["context"] = Context(environment=there, home=tmp_path, project=tmp_path)
    for path in kept:
        ref = CredentialRef(type=path.split("/")[0])
        store.put(made.context.names.credential(ref, "token"), Secret(f"hush-{path}"), tags={})
    ledger.prepare()
    definition = Definition(agent="dev", runtime="memory", ref="dev:1", image="i", hash="h",
                            timeout=60, credentials=(ANTHROPIC, OPENAI))  # fmt: skip
    ledger.set_fact(fact_key("dev"), definition.to_fact())
    return made


def payload(made: Any, flags: Flags, said: list[str], agent: Agent = AGENT) -> Mapping[str, Any]:
    """What a run with these flags is given."""
    models = for_run(made, agent, flags, note=said.append)
    run = dispatch(made, Trigger(agent=DEV, kind=TriggerKind.MANUAL), models=models)
    assert run.lease is not None
    found: Mapping[str, Any] = json.loads(made.store.get(run.lease.ref.name).reveal())
    return found


def test_without_flags_a_run_in_a_cloud_is_what_was_pushed(tmp_path: Path) -> None:
    """This machine's variables say nothing there."""
    made, said = pushed(tmp_path), list[str]()
    given = payload(made, Flags(), said)
    assert (said, "models" in given) == ([], False)
    assert set(given["credentials"]) == {ANTHROPIC, OPENAI}


def test_a_provider_by_flag_gets_its_key_from_the_environment_and_no_other(tmp_path: Path) -> None:
    """In the run's one secret; the pushed model's keys are not in it."""
    made, said = pushed(tmp_path), list[str]()
    given = payload(made, Flags(provider="openai", model="gpt-5"), said)
    ((model,), credentials) = (given["models"], given["credentials"])
    assert (model["provider"], model["model"], model["key"]) == (
        "openai",
        "gpt-5",
        f"hush-{OPENAI}",
    )
    assert credentials == {}
    assert "key=set (openai_key, kept in staging)" in said[0]
    assert "hush" not in " ".join(said)


def test_a_key_by_flag_comes_before_the_one_that_is_kept(tmp_path: Path) -> None:
    """For the pushed model, whose fall-back keeps its own."""
    made = pushed(tmp_path)
    given = payload(made, Flags(anthropic_key=Secret("hush-typed")), [])
    assert [(m["provider"], m["key"]) for m in given["models"]] == [
        ("anthropic", "hush-typed"),
        ("openai", f"hush-{OPENAI}"),
    ]


def test_a_key_that_the_environment_lacks_stops_the_run(tmp_path: Path) -> None:
    """This machine's own is not sent in its place."""
    made = pushed(tmp_path, (OPENAI,))
    with pytest.raises(CredentialError, match="staging keeps no anthropic_key") as caught:
        payload(made, Flags(model="claude-opus-4.5"), [])
    assert "ANTHROPIC_API_KEY" not in caught.value.hint
    assert made.ledger.runs() == ()


def test_a_fall_back_s_missing_key_is_named_as_its_model_names_it(tmp_path: Path) -> None:
    """The key of all would not help."""
    agent = replace(AGENT, models=(SONNET, replace(GPT, key_instance="mine")))
    with pytest.raises(KeyMissing, match="staging keeps no openai_key:mine"):
        payload(pushed(tmp_path), Flags(anthropic_key=Secret("hush-typed")), [], agent)


def test_a_credential_that_the_agent_declares_stays_its_own(tmp_path: Path) -> None:
    """Although it is a model's key as well."""
    agent = replace(AGENT, credentials=(CredentialRef(type="openai_key"),))
    given = payload(pushed(tmp_path), Flags(model="claude-opus-4.5"), [], agent)
    assert set(given["credentials"]) == {OPENAI}


def test_a_server_on_this_machine_is_refused_for_a_cloud(tmp_path: Path) -> None:
    """With the way to run it here."""
    with pytest.raises(ConfigError, match="on this machine, where a run in staging") as caught:
        payload(pushed(tmp_path), Flags(provider="ollama"), [])
    assert "-E local" in caught.value.hint


def test_the_sandbox_is_on_this_machine(tmp_path: Path) -> None:
    """There a local server can be reached."""
    given = payload(pushed(tmp_path, cloud=SANDBOX), Flags(provider="ollama"), [])
    assert given["models"][0]["baseUrl"] == "http://localhost:11434"


def test_a_key_that_a_model_names_is_needed_here_too(tmp_path: Path) -> None:
    """A server of one's own could do without; this one is not asked without what was meant for it."""
    made = pushed(tmp_path, cloud=None, name="local")
    gpu = Model(name="gpu", provider="custom", model="q", base_url="http://gpu:1", key_instance="g")
    local = replace(AGENT, models=(gpu,))
    flags = Flags(provider="custom", model="q", rank=Rank.RUN)
    with pytest.raises(KeyMissing, match="custom needs a key, and local keeps no custom_key:g"):
        for_run(made, local, flags, note=print)
    found = for_run(made, local, replace(flags, keys={"custom": Secret("k")}), note=print)
    assert found is not None
    ((_, key),) = found.models
    assert key is not None
    assert key.reveal() == "k"


def test_an_agent_s_own_key_comes_before_the_one_that_all_share(tmp_path: Path) -> None:
    """And the shared one is not sent in its place where the own one is missing."""
    made = pushed(tmp_path)
    own = replace(AGENT, models=(replace(SONNET, key_instance="rev"),))
    with pytest.raises(CredentialError, match="keeps no anthropic_key:rev"):
        payload(made, Flags(model="claude-opus-4.5"), [], own)
    ref = CredentialRef(type="anthropic_key", instance="rev")
    made.store.put(made.context.names.credential(ref, "token"), Secret("hush-own"), tags={})
    given = payload(made, Flags(model="claude-opus-4.5"), [], own)
    assert [model["key"] for model in given["models"]] == ["hush-own"]
