"""Models on an Ollama server: whether they are there, and bringing them."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.llm_server import Turn, llm_server
from tests.fixtures.ollama import SIZE, ollama
from toolkit.core.agent import Model
from toolkit.core.errors import AlError, NotFound, Unreachable
from toolkit.core.run import RunModels
from toolkit.llm.ollama_server import OllamaServer
from toolkit.ops.llm.presence import ModelMissing, present
from toolkit.ops.llm.ready import look_once, made_ready
from toolkit.ops.llm.serving import Means


def qwen(url: str, model: str = "qwen2.5-coder") -> Model:
    return Model(name="m", provider="ollama", model=model, base_url=url)


def ready(tmp_path: Path, heard: list[str], *models: Model, **more: Any) -> list[str]:
    """The names that a run asks for."""
    means = Means(home=tmp_path, note=heard.append, variables={"PATH": ""})
    found = made_ready(RunModels(models=tuple((m, None) for m in models)), means, **more)
    assert found is not None
    return [model.model for model, _ in found.models]


@pytest.mark.parametrize("name", ["qwen2.5-coder:7b", "mistral", "mistral:latest"])
def test_what_is_installed_is_there(name: str) -> None:
    """`latest` need not be written."""
    with ollama("qwen2.5-coder:7b", "mistral:latest") as server:
        assert present(OllamaServer(server.url), name) == name


def test_a_part_of_a_name_is_none() -> None:
    """llama3 is not llama3.2, and no other tag is taken unasked."""
    with ollama("llama3.2:3b", "qwen2.5-coder:1.5b") as server:
        known = OllamaServer(server.url)
        for name in ("llama3", "3b", "qwen2.5-coder:7b"):
            with pytest.raises(ModelMissing):
                present(known, name)


def test_what_is_missing_is_told_with_every_way_out() -> None:
    """What is installed, the pull and its size, the other tag, the switch."""
    with (
        ollama("qwen2.5-coder:1.5b") as server,
        pytest.raises(ModelMissing, match=r"it has qwen2.5-coder:1.5b") as missing,
    ):
        present(OllamaServer(server.url), "qwen2.5-coder:7b")
    assert "`al llm pull qwen2.5-coder:7b` (about 4.7 GB)" in missing.value.hint
    assert "--allow-compatible" in missing.value.hint
    assert "--llm-model qwen2.5-coder:1.5b" in missing.value.hint


def test_another_size_is_really_used_where_it_is_allowed(tmp_path: Path) -> None:
    """In the requests of the run, not only in a note; of several the largest."""
    heard: list[str] = []
    with ollama("qwen2.5-coder:1.5b", "mistral:7b") as server:
        server.installed["qwen2.5-coder:3b"] = SIZE + 1
        names = ready(tmp_path, heard, qwen(server.url), compatible=True)
    assert names == ["qwen2.5-coder:3b"]
    assert heard == [
        f"• qwen2.5-coder:7b is not installed at {server.url}: qwen2.5-coder:3b is used instead"
    ]


def test_another_family_is_never_taken(tmp_path: Path) -> None:
    with ollama("qwen3:8b") as server, pytest.raises(ModelMissing):
        ready(tmp_path, [], qwen(server.url), compatible=True)


def test_a_missing_fall_back_is_said_and_keeps_nobody(tmp_path: Path) -> None:
    heard: list[str] = []
    with ollama("qwen2.5-coder:7b") as server:
        ready(tmp_path, heard, qwen(server.url), qwen(server.url, "phi4"))
        assert server.asked.count("/api/pull") == 0
    assert "the fall-back m cannot be used" in heard[0]


def test_a_pull_tells_how_far_it_is() -> None:
    """In bytes of all that it brings, to the end."""
    with ollama() as server:
        steps = list(OllamaServer(server.url).pull("qwen2.5-coder:7b"))
    assert [step.status for step in steps][:2] == ["pulling manifest", "pulling 60e05f210007"]
    assert [step.done for step in steps if step.total == SIZE] == [
        *(SIZE * n // 4 for n in (1, 2, 3, 4)),
        SIZE,
    ]
    assert server.installed == {"qwen2.5-coder:7b": SIZE}


def test_a_pull_that_breaks_off_goes_on_where_it_stopped() -> None:
    """Nothing comes twice."""
    with ollama(cuts=2) as server:
        steps = list(OllamaServer(server.url).pull("qwen2.5-coder:7b"))
        assert server.asked.count("/api/pull") == 3
    assert (steps[-1].status, server.done) == ("success", 4)


def test_a_pull_that_always_breaks_off_says_what_to_do() -> None:
    with ollama(cuts=99, done=-99) as server, pytest.raises(Unreachable, match="broke off") as told:
        list(OllamaServer(server.url).pull("qwen2.5-coder:7b"))
    assert "goes on where it stopped" in told.value.hint


def test_a_model_that_nobody_has_is_not_found() -> None:
    with ollama() as server, pytest.raises(NotFound, match="knows no model nonsense"):
        list(OllamaServer(server.url).pull("nonsense"))


def test_a_server_that_is_no_ollama_pulls_nothing() -> None:
    """What it answers is shown, the beginning of it."""
    with (
        llm_server(Turn(), facts={"/api/pull": ["not", "mine"]}) as server,
        pytest.raises(AlError, match='it answers with \'\\["not", "mine"\\]\''),
    ):
        list(OllamaServer(server.root).pull("qwen2.5-coder:7b"))


def test_a_scheduler_hears_of_each_missing_model_once(tmp_path: Path) -> None:
    """However many agents have it; and it goes on."""
    heard: list[str] = []
    means = Means(home=tmp_path, note=heard.append, variables={"PATH": ""})
    with ollama("qwen2.5-coder:7b") as server:
        models = RunModels(models=((qwen(server.url), None), (qwen(server.url, "phi4"), None)))
        seen: set[tuple[str, str]] = set()
        look_once(models, means, seen)
        look_once(models, means, seen)
        assert server.asked.count("/api/tags") == 2
    assert [text.partition(";")[0] for text in heard] == [
        f"the Ollama server at {server.url} has no model phi4"
    ]
