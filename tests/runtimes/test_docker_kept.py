"""The logs of containers that are gone: kept whole, read from either end, and not for ever."""

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runtimes._docker_kept import Kept
from toolkit.core.clock import now

RUN = "dev-00000001"
MONTH = timedelta(days=30)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def kept(logs: Path) -> Kept:
    kept = Kept(logs)
    kept.keep(RUN, [b"one", b"two"])
    return kept


def aged(place: Path, moment: datetime) -> Path:
    os.utime(place, (moment.timestamp(), moment.timestamp()))
    return place


def test_a_kept_log_is_read_from_both_ends(kept: Kept, logs: Path) -> None:
    """Nobody but its owner reads it."""
    assert list(kept.lines(RUN)) == list(kept.newest_first(RUN))[::-1] == [b"one", b"two"]
    assert stat.S_IMODE((logs / f"{RUN}.docker.log").stat().st_mode) == 0o600


def broken() -> Iterator[bytes]:
    yield b"one"
    raise OSError("the daemon has gone")


def test_half_a_log_is_none(kept: Kept, logs: Path) -> None:
    """The container stays where it is then, and the next look keeps it whole."""
    with pytest.raises(OSError, match="daemon"):
        kept.keep("dev-00000002", broken())
    assert not kept.has("dev-00000002")
    assert [path.name for path in logs.iterdir()] == [f"{RUN}.docker.log"]


def test_old_logs_go_and_young_ones_stay(kept: Kept, logs: Path) -> None:
    """What is as old as the project's history; other files there are not these logs."""
    kept.keep("dev-00000002", [b"old"])
    aged(logs / "dev-00000002.docker.log", now() - MONTH)
    (logs / "dev-00000003.log").write_text("of another runtime")
    aged(logs / "dev-00000003.log", now() - MONTH)
    assert kept.forget(now() - MONTH / 2) == 1
    assert {path.name for path in logs.iterdir()} == {f"{RUN}.docker.log", "dev-00000003.log"}


def test_what_a_dead_process_left_of_a_log_goes_too(kept: Kept, logs: Path) -> None:
    """It counts for no log, and one that is being written stays."""
    left, fresh = (logs / f"dev-00000002.docker.{pid}.part" for pid in (1, 2))
    left.write_bytes(b"half")
    fresh.write_bytes(b"half")
    aged(left, now() - MONTH)
    assert kept.forget(now() - MONTH / 2) == 0
    assert (left.exists(), fresh.exists()) == (False, True)
