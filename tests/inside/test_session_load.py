"""What a session's process does before it has anything to do."""

import gc
from collections.abc import Iterator

import pytest

from toolkit.inside.session import _load


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """This process is not a session's: its garbage is looked for as before."""
    yield
    gc.unfreeze()


def test_garbage_is_looked_for_in_what_comes_after_loading() -> None:
    """In the conversation, and no more in the libraries."""
    _load([{"name": "m", "provider": "ollama", "model": "m"}])
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(gc.get_objects())
