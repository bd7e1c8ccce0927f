"""Reading a run's log file: no more of it than is asked for, however long it is."""

import io
import json
import tracemalloc
from pathlib import Path

import pytest

from runtimes._lines import BLOCK, backward, forward, reversed_lines

LINES = 4_000
NEW = 3_990  # a line near the end


class Counted(io.BytesIO):
    """A file that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


def line(number: int) -> bytes:
    return json.dumps({"_log": True, "msg": "x" * 1_000, "ts": number * 1_000}).encode() + b"\n"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four megabytes."""
    log = tmp_path_factory.mktemp("long") / "dev-00000001.log"
    log.write_bytes(b"".join(map(line, range(1, LINES + 1))))
    return log


def test_the_last_lines_cost_one_block(long: Path) -> None:
    """A page at the end of a long log is as quick as that of a short one."""
    file = Counted(long.read_bytes())
    last = reversed_lines(file)
    assert [next(last)[1] + b"\n" for _ in range(10)] == [line(LINES - n) for n in range(10)]
    assert file.taken == BLOCK


def test_a_long_log_is_never_in_memory_whole(long: Path) -> None:
    """Read from either end to the other, or on from a place near its end."""
    tracemalloc.start()
    try:
        whole = sum(1 for _ in forward(long, "r", since=0, started=1, over=True))
        back = sum(1 for _ in backward(long, "r", before=None, started=1, over=True))
        new = list(forward(long, "r", since=NEW * 1_000, started=1, over=True))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (whole, back, len(new)) == (LINES, LINES, LINES - NEW + 1)
    assert peak < long.stat().st_size / 4
