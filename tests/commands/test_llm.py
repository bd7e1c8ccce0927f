"""`al llm`, `al doctor AGENT` and `al run --pull` against a server: what is shown, and that nothing comes unasked."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fixtures.llm_server import Turn, llm_server
from tests.fixtures.ollama import Ollama, ollama
from toolkit.cli import cli
from toolkit.commands._app import Exit
from toolkit.core.clock import now
from toolkit.core.errors import AlError, UsageError
from toolkit.core.run import RunId
from toolkit.llm.backend import Backend
from toolkit.ops.llm.presence import ModelMissing
from toolkit.ops.load import load_services
from toolkit.scheduler import turns
from toolkit.scheduler.line import Asking

LOADED = {"name": "qwen2.5-coder:7b", "context_length": 8192, "size": 5_000_000_000, "size_vram": 2_500_000_000}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Ollama]:
    with ollama("qwen2.5-coder:7b", "llama3.2:3b", loaded=(LOADED,)) as made:
        yield made


@pytest.fixture
def al(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line in this process, with a home of its own, no Ollama in its PATH and no variable of a model."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for name in ("LLM_PROVIDER", "LLM_MODEL", "LLM_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def called(*words: str, **variables: str) -> Result:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(cli, words)

    return called


def a_project(cwd: Path, url: str, model: str = "qwen2.5-coder:7b") -> str:
    """One agent, whose model may run on the bare machine."""
    (cwd / "agents" / "dev").mkdir(parents=True)
    lines = ['name = "shop"', "[local]", 'runtime = "process"', "[models.m]", 'provider = "ollama"',
             f'model = "{model}"', f'baseUrl = "{url}"']  # fmt: skip
    (cwd / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (cwd / "agents" / "dev" / "SKILL.md").write_text("You are dev.", encoding="utf-8")
    (cwd / "agents" / "dev" / "config.toml").write_text('models = ["m"]\n', encoding="utf-8")
    return str(cwd)


def error_of(done: Result) -> AlError:
    assert isinstance(done.exception, AlError), done.output
    return done.exception


def code_of(done: Result) -> int:
    """What `al` ends with."""
    assert isinstance(done.exception, Exit), done.output
    return done.exception.code


def test_list_marks_the_model_that_runs_use(al: Any, server: Ollama) -> None:
    """By its whole name: llama3 is not llama3.2."""
    told = al("llm", "list", LLM_BASE_URL=server.url)
    rows = [line.split() for line in told.stdout.splitlines()[1:]]
    assert rows == [["llama3.2:3b", "4.0", "GB", "7.6B"], ["*", "qwen2.5-coder:7b", "4.0", "GB", "7.6B"]]  # fmt: skip
    other = json.loads(al("llm", "list", "--json", "--llm-model", "ollama:llama3").stdout)
    assert [row["current"] for row in other["models"]] == [False, False]


def test_list_knows_the_models_of_other_servers(al: Any) -> None:
    """What a server with OpenAI's API lists."""
    facts = {"/v1/models": {"data": [{"id": "big"}, {"id": "small"}]}}
    with llm_server(Turn(text="x"), facts=facts) as server:
        told = al("llm", "list", "--llm-provider", "custom", "--llm-model", "big", LLM_PROVIDER="custom", LLM_BASE_URL=server.url)  # fmt: skip
    assert [line.split() for line in told.stdout.splitlines()[1:]] == [["*", "big"], ["small"]]


def test_only_to_ollama_a_model_that_is_not_there_can_be_pulled(al: Any, server: Ollama) -> None:
    """Another server has what it was started with, and the advice says so."""
    told = al("llm", "list", "--llm-model", "ollama:phi4", LLM_BASE_URL=server.url)
    assert "phi4 is not there: `al llm pull phi4`" in told.stderr
    with llm_server(Turn(text="x"), facts={"/v1/models": {"data": [{"id": "big"}]}}) as other:
        told = al("llm", "list", "--llm-model", "small", LLM_PROVIDER="custom", LLM_BASE_URL=other.url)  # fmt: skip
    assert "small is not there: name another one with --llm-model" in told.stderr


def test_of_a_hosted_provider_there_is_nothing_to_list(al: Any) -> None:
    """And it says why."""
    told = al("llm", "list", ANTHROPIC_API_KEY="sk-ant-1")
    assert isinstance(error_of(told), UsageError)
    assert "hosts its models: there is nothing to install" in error_of(told).message


@pytest.mark.parametrize("verb", ["list", "pull", "status"])
def test_for_what_has_nothing_to_install_no_key_is_wanted(al: Any, verb: str) -> None:
    """It would be asked for in vain."""
    told = al("llm", verb, "--llm-provider", "openai")
    assert "hosts its models: there is nothing to install" in error_of(told).message


def test_status_shows_the_server_and_what_is_loaded(al: Any, server: Ollama) -> None:
    """With the window that is really there, and how much of it is on the GPU."""
    told = al("llm", "status", LLM_BASE_URL=server.url).stdout
    assert f"Server      {server.url} (ollama)" in told
    assert "Version     0.13.5" in told
    assert "qwen2.5-coder:7b: 5.0 GB, 8192 tokens, 50 % on the GPU" in told
    facts = json.loads(al("llm", "status", "--json").stdout)
    assert (facts["running"], facts["loaded"][0]["window"]) == (True, 8192)


def test_status_of_a_server_that_is_not_there_is_an_answer(al: Any) -> None:
    """What is in the way, and what to do; nothing is started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    told = al("llm", "status", LLM_BASE_URL=url)
    assert told.exit_code == 0
    assert f"Trouble     {url}: nothing listens" in told.stdout


def test_pull_brings_what_is_named_and_shows_how_far_it_is(al: Any, server: Ollama) -> None:
    """That is consent enough."""
    server.library = {"phi4": 1_000_000_000}
    told = al("llm", "pull", "phi4", LLM_BASE_URL=server.url)
    assert told.exit_code == 0, told.stderr
    assert "• 50 % of 1.0 GB" in told.stderr
    assert "phi4" in server.installed


@pytest.mark.parametrize("name", ["", " ", "ollama:"])
def test_a_name_that_is_empty_is_not_pulled(al: Any, server: Ollama, name: str) -> None:
    """It is a wrong use, and the server is not asked."""
    told = al("llm", "pull", name, LLM_BASE_URL=server.url)
    assert isinstance(error_of(told), UsageError)
    assert "/api/pull" not in server.asked


def test_check_says_when_there_was_nothing_to_ask(al: Any, tmp_path: Path) -> None:
    """A project of scripts alone is not wrong."""
    project = Path(a_project(tmp_path / "shop", "http://127.0.0.1:9"))
    (project / "agents" / "dev" / "test-script.sh").write_text("true\n", encoding="utf-8")
    told = al("llm", "check", "-E", "local", "-p", str(project))
    assert code_of(told) == 0
    assert "nothing was asked" in told.stderr


def test_check_asks_the_models_of_an_agent(al: Any, tmp_path: Path) -> None:
    """And ends with 1 when one of them would not answer."""
    facts = {"/api/tags": {"models": [{"name": "qwen2.5-coder:7b"}]}}
    with llm_server(Turn(text="yes"), facts=facts) as model:
        project = a_project(tmp_path / "shop", model.root)
        sound = al("llm", "check", "dev", "-E", "local", "-p", project)
        told = json.loads(al("llm", "check", "-E", "local", "-p", project, "--json").stdout)
    assert code_of(sound) == 0
    assert f"dev: qwen2.5-coder:7b at {model.root}: it answers, a window of 16384 tokens" in sound.stdout  # fmt: skip
    assert [one["agent"] for one in told] == ["dev"]
    broken = al("llm", "check", "-E", "local", "-p", project)
    assert code_of(broken) == 1
    assert "nothing listens" in broken.stdout
    assert "runs of dev would fail now" in broken.stderr
    assert broken.stderr.rstrip().endswith("then `al llm check dev`")
    assert "would fail" not in sound.stderr


def test_the_doctor_asks_after_the_models_of_an_agent(al: Any, tmp_path: Path) -> None:
    """Whether they answer, what room they have, and for how long a token takes."""
    facts = {"/api/tags": {"models": [{"name": "qwen2.5-coder:7b"}]}}
    with llm_server(Turn(text="yes"), facts=facts) as model:
        project = a_project(tmp_path / "shop", model.root)
        told = al("doctor", "dev", "-E", "local", "-p", project)
        al("doctor", "-E", "local", "-p", project)
        assert len(model.requests) == 1  # of all agents it asks for no reply
    assert "it answers, a window of 16384 tokens, a token in" in told.output
    again = al("doctor", "dev", "-E", "local", "-p", project)
    assert code_of(again) == 1
    assert again.output.count("nothing listens") == 1


def test_a_run_without_its_model_is_told_before_anything_is_made(
    al: Any, tmp_path: Path, server: Ollama
) -> None:
    """Where nobody can be asked nothing is pulled, and it does not hang."""
    project = a_project(tmp_path / "shop", server.url, "phi4")
    refused = al("run", "dev", "-E", "local", "-p", project)
    assert isinstance(error_of(refused), ModelMissing)
    assert "it has llama3.2:3b, qwen2.5-coder:7b" in error_of(refused).message
    assert "/api/pull" not in server.asked
    assert not (tmp_path / "shop" / ".al" / "secrets").exists()


def test_what_was_said_before_a_pull_is_not_said_again_after_it(al: Any, tmp_path: Path) -> None:
    """The run is begun anew: here to find that the model is still not there."""
    tags = {"models": [{"name": "llama3.2:3b", "size": 1}]}
    pulled = {"/api/version": {"version": "0.13.5"}, "/api/pull": {"status": "success"}}
    with llm_server(Turn(text="never"), facts={"/api/tags": tags, **pulled}) as server:
        told = al("run", "dev", "-E", "local", "--pull", "-p", a_project(tmp_path, server.root))
        assert server.asked.count("/api/tags") == 2
    assert isinstance(error_of(told), ModelMissing)
    assert told.stderr.count("llm: provider=ollama") == 1


def test_stat_shows_whose_turn_it_is_at_a_server(al: Any, tmp_path: Path) -> None:
    """And who waits for it, in order."""
    project = a_project(tmp_path / "shop", "http://gpu.local:8081")
    services = load_services(Path(project), "local", note=lambda _: None, offline=True)
    services.ledger.prepare()
    for number, created in (("dev-0000000a", "2026-01"), ("ops-0000000b", "2026-02")):
        gpu = (Backend(id="http://gpu.local:8081"),)
        turns.enter(
            services.ledger, Asking(run=RunId(number), created=created, backends=gpu), now()
        )
    told = al("stat", "-E", "local", "-p", project).stdout
    rows = [line.split()[:-1] for line in told.splitlines() if line.startswith("http://gpu")]
    assert rows == [
        ["http://gpu.local:8081", "dev-0000000a", "has", "it"],
        ["http://gpu.local:8081", "ops-0000000b", "waits,", "number", "1"],
    ]
    assert "ops-0000000b" in al("stat", "dev", "-E", "local", "-p", project).stdout
