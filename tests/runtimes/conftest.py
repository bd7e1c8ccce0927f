"""One Docker daemon for all tests that need one."""

from collections.abc import Iterator

import pytest

from tests.dockerd import running_dockerd


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_dockerd(tmp_path_factory.mktemp("dockerd")) as address:
        yield address
