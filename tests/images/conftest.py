"""The sandbox's registry, served for one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.images.served import Served, sandbox_registry

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Served]:
    with sandbox_registry(tmp_path / "registry") as registry:
        yield registry
