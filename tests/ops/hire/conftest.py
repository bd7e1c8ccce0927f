"""A project, a home and a forge for hiring."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.hire import forgejo
from tests.ops.hire.project import Shop


@pytest.fixture
def forge() -> Iterator[forgejo.ForgeState]:
    with forgejo.serving() as state:
        yield state


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Without a forge; `with_forge` names one."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    made = Shop(tmp_path / "shop", tmp_path / "home")
    made.write("config.toml", '# the shop\nname = "shop"  # everybody knows it\n')
    return made
