"""A scheduler whose directory is taken away from under it."""

from pathlib import Path

import pytest

from tests.fakes import eventually
from tests.scheduler.served import made
from toolkit.core.errors import Conflict
from toolkit.ops import running


def test_it_ends_when_its_directory_is_removed(tmp_path: Path) -> None:
    """Nothing is accepted for long that nobody would find again, and whoever reads it learns what is gone."""
    with made(tmp_path) as shop:
        shop.agent("dev", "true")
        shop.start()
        (shop.directory / ".al").rename(shop.directory / ".gone")
        eventually(lambda: shop.told)
        assert "was removed while it was in use" in shop.told[0]


def test_a_directory_that_another_one_has_made_anew_is_not_its_own(tmp_path: Path) -> None:
    """The lock is on the file that is gone, and keeps nobody from being the scheduler of the new one."""
    with made(tmp_path) as shop:
        shop.agent("dev", "true")
        with running.only_one(shop.services) as claim:
            claim.check()
            (shop.directory / ".al").rename(shop.directory / ".gone")
            with running.only_one(shop.services) as other:
                other.check()
                with pytest.raises(Conflict, match=r"its runs, queue and history are gone"):
                    claim.check()
