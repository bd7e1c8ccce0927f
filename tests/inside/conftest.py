"""A stage for each test."""

from pathlib import Path

import pytest

from tests.inside.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)
