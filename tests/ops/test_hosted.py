"""A deployment in a cloud without any new setting: what its runs come to is written down, and stays.

AL_UPDATE_GOLDEN=1 writes it anew: look at the difference before you keep it, because every such deployment would have it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.ops.test_settings import ANTHROPIC, OPENAI, payload, pushed
from toolkit.config.load import load_project
from toolkit.core.agent import Agent
from toolkit.core.secrets import Secret
from toolkit.credentials.resolve import type_of
from toolkit.images.context import STATIC, agent_files
from toolkit.llm.candidates import Flags
from toolkit.llm.models import live_model, parse_model

HOSTED = Path(__file__).parents[1] / "fixtures" / "hosted"
# of this machine, all of which are for other runs
HERE = {
    "LLM_PROVIDER": "ollama",
    "LLM_MODEL": "llama3.2",
    "LLM_BASE_URL": "http://127.0.0.1:9",
    "AL_LLM_API_KEY": "hush-own",
    "AL_LLM_MAX_TOKENS": "7",
    "ANTHROPIC_API_KEY": "hush-anthropic",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "OPENAI_API_KEY": "hush-openai",
}
USER = '[llm]\nprovider = "ollama"\nmodel = "llama3.2"\n'


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """The agent of the deployment, on a machine whose user has settings for everything."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(USER, encoding="utf-8")
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    for name, text in HERE.items():
        monkeypatch.setenv(name, text)
    return load_project(HOSTED / "project").agent("dev")


def resolved(agent: Agent, tmp_path: Path) -> Mapping[str, Any]:
    """What is baked into the image, what a run is given, and what its session asks of whom."""
    project = load_project(HOSTED / "project")
    types = {ref.type: type_of(ref) for ref in agent.credentials}
    baked = json.loads(agent_files(project, agent, types)[f"{STATIC}/agent-config.json"].data)
    given = payload(pushed(tmp_path), Flags(), [], agent)
    return {
        "image": {name: baked[name] for name in ("models", "credentials", "budget", "timeout")},
        "run": {name: sorted(value) if value else value for name, value in given.items()},
        "session": [_asked(model) for model in baked["models"]],
    }


def _asked(model: Mapping[str, Any]) -> Mapping[str, Any]:
    live = live_model(parse_model(model), Secret("hush"))
    return {
        "model": live.model_name,
        "provider": live.system,
        "url": live.base_url,
        "settings": dict(live.settings or {}),
    }


def test_a_deployment_without_new_settings_is_what_it_was(deployed: Agent, tmp_path: Path) -> None:
    """Provider, model, address, limits and keys, whatever is set where it is pushed from."""
    file, found = HOSTED / "resolved.json", resolved(deployed, tmp_path)
    if os.environ.get("AL_UPDATE_GOLDEN"):
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(file.read_text(encoding="utf-8"))


def test_its_runs_hold_the_keys_of_their_own_models_alone(deployed: Agent, tmp_path: Path) -> None:
    """Those that the environment keeps."""
    given = payload(pushed(tmp_path), Flags(), [], deployed)
    assert given["credentials"] == {ANTHROPIC: f"hush-{ANTHROPIC}", OPENAI: f"hush-{OPENAI}"}
