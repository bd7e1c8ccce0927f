"""A project in a temporary directory, written file by file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from toolkit.config.load import Loaded, load_all
from toolkit.config.problems import ConfigErrors

Write = Callable[[Mapping[str, str]], Path]
Load = Callable[..., Loaded]

AGENT = {
    "config.toml": '[models.m]\nprovider = "anthropic"\nmodel = "claude"\n',
    "agents/dev/SKILL.md": "Work.",
    "agents/dev/config.toml": 'models = ["m"]\nschedule = "* * * * *"\n',
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files into the project `demo`, over a project that is complete."""

    def put(files: Mapping[str, str]) -> Path:
        directory = tmp_path / "demo"
        for name, text in {**AGENT, **files}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return directory

    return put


@pytest.fixture
def load(write: Write, home: Path) -> Load:
    """Loads the project with these files; `home_files` go to the home directory."""

    def run(
        files: Mapping[str, str] | None = None,
        environment: str | None = None,
        *,
        home_files: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Loaded:
        for name, text in (home_files or {}).items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text, encoding="utf-8")
        options.setdefault("variables", {})
        return load_all(write(files or {}), environment, home=home, **options)

    return run


@pytest.fixture
def problems(load: Load) -> Callable[..., list[str]]:
    """What loading complains about, one line each."""

    def run(*args: Any, **options: Any) -> list[str]:
        with pytest.raises(ConfigErrors) as refused:
            load(*args, **options)
        return [str(problem) for problem in refused.value.problems]

    return run
