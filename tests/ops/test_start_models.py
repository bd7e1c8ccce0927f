"""`al start` and models: what a run asks for itself, and flags of `al run` beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scheduler.served import Served, made
from toolkit.core.agent import AgentName
from toolkit.core.errors import AlError, ConfigError
from toolkit.core.run import Trigger, TriggerKind
from toolkit.llm.candidates import Flags
from toolkit.ops.launch import start
from toolkit.ops.load import load_files
from toolkit.ops.start.crew import Crew


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """`dev` has a model's work, and the scheduler's variables name a model for it."""
    monkeypatch.setenv("LLM_PROVIDER", "ollama")
    monkeypatch.setenv("LLM_MODEL", "qwen2.5-coder:7b")
    with made(tmp_path) as served:
        served.agent("dev", "true")
        (served.directory / "agents" / "dev" / "test-script.sh").unlink()
        served.agent("only", "true")
        (served.directory / "environments").mkdir()
        (served.directory / "environments" / "local.toml").write_text(
            '[local]\nruntime = "process"\n'
        )
        yield served


def asked(name: str, **what: str) -> Trigger:
    return Trigger(agent=AgentName(name), kind=TriggerKind.MANUAL, **what)


def test_what_the_run_asks_for_wins(shop: Served) -> None:
    """Over the variables of the scheduler; without it they count."""
    crew = Crew(shop.services, load_files(shop.directory, "local")[0])
    own, plain = crew.models(asked("dev", llm_model="llama3.2")), crew.models(asked("dev"))
    assert own is not None
    assert plain is not None
    assert [(m.provider, m.model) for m, _ in own.models] == [("ollama", "llama3.2:3b")]
    assert [(m.provider, m.model) for m, _ in plain.models] == [("ollama", "qwen2.5-coder:7b")]


def test_what_cannot_be_names_this_run(shop: Served) -> None:
    """As the place that asked for it."""
    crew = Crew(shop.services, load_files(shop.directory, "local")[0])
    with pytest.raises(ConfigError, match=r"this run"):
        crew.models(asked("dev", llm_provider="ollama", llm_model="claude-opus-4.8"))


def test_flags_go_through_the_scheduler_that_runs(shop: Served) -> None:
    """Which keeps to the agent's scale: it is the one that answers."""
    shop.agent("dev", "true")
    shop.start()
    with pytest.raises(AlError, match=r"test-script\.sh"):
        start(shop.services, "only", None, flags=Flags(model="llama3.2"), note=print)
    assert shop.ledger.queue.lengths() == {}
