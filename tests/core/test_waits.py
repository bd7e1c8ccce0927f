"""Waits are heard by whoever talks to the user."""

import logging
from collections.abc import Iterator

import pytest

from toolkit.core.waits import LOG, listen, waiting


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    LOG.handlers.clear()
    LOG.propagate = True


def test_a_wait_is_heard_once() -> None:
    """By the last who listens: a process has one conversation."""
    first: list[str] = []
    second: list[str] = []
    listen(first.append)
    listen(second.append)
    waiting("waiting 12 s for 100% of it")
    assert (first, second) == ([], ["waiting 12 s for 100% of it"])


def test_where_nobody_listens_it_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A server's log, for instance."""
    with caplog.at_level(logging.WARNING):
        waiting("waiting 12 s")
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("al.waits", "WARNING", "waiting 12 s")
    ]
