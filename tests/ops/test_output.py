"""The log of a scheduler in the background: it neither grows for ever nor loses a line."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.ops.output import END, last_lines, opened, turned


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "up-local.log"


@pytest.fixture
def out(log: Path) -> Iterator[int]:
    """As stdout of a process that prints to it."""
    descriptor = opened(log)
    yield descriptor
    os.close(descriptor)


def test_a_full_log_is_begun_anew_while_its_process_prints(log: Path, out: int) -> None:
    """Every line is in one of the two files, and what is printed next is in the new one."""
    os.write(out, b"old\n")
    assert turned(log, full=4, printing=[out])
    os.write(out, b"new\n")
    assert (log.read_text(), log.with_name("up-local.log.1").read_text()) == ("new\n", "old\n")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_however_often_it_is_full_two_files_are_kept(log: Path, out: int) -> None:
    """A scheduler that lives for a year needs no more room than one of a day."""
    for number in range(9):
        os.write(out, b"%d\n" % number)
        assert turned(log, full=2, printing=[out])
    assert sorted(path.name for path in log.parent.iterdir()) == ["up-local.log", "up-local.log.1"]
    assert (log.read_bytes(), log.with_name("up-local.log.1").read_bytes()) == (b"", b"8\n")


def test_a_log_that_is_not_full_stays(log: Path, out: int) -> None:
    """So does one that is not there yet."""
    os.write(out, b"old\n")
    assert not turned(log, full=5, printing=[out])
    assert not turned(log.with_name("none"), full=0, printing=[out])
    assert log.read_text() == "old\n"


def test_another_processs_log_is_not_touched(log: Path, out: int, tmp_path: Path) -> None:
    """`al start` in a terminal does not print to it, nor does a descriptor that is closed."""
    os.write(out, b"old\n")
    with (tmp_path / "terminal").open("w") as terminal:
        number = terminal.fileno()
        assert not turned(log, full=1, printing=[number])
    assert not turned(log, full=1, printing=[number])
    assert log.read_text() == "old\n"


def test_what_cannot_be_turned_goes_on_as_it_was(log: Path, out: int) -> None:
    """The new file cannot be made: an error, and the old one is still printed to."""
    log.with_name("up-local.log.new").mkdir()
    os.write(out, b"old\n")
    with pytest.raises(IsADirectoryError):
        turned(log, full=1, printing=[out])
    os.write(out, b"more\n")
    assert log.read_text() == "old\nmore\n"


def test_the_last_lines_are_read_from_the_end(log: Path, out: int) -> None:
    """Not the whole file, and not text that is broken."""
    os.write(out, b"x" * END + b"\n\xffone\ntwo\nthree\n")
    assert last_lines(log, 2) == ["two", "three"]
    assert last_lines(log, 3)[0] == "\ufffdone"
    assert max(map(len, last_lines(log, 99))) < END
