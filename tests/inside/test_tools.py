"""The tools of a session, on real files and processes."""

import os
from pathlib import Path

import pytest

from toolkit.inside.strikes import Strikes, Unrecoverable
from toolkit.inside.tools import MOST, ToolError, Tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "X": "y"})


def test_bash_answers_with_both_streams(tools: Tools) -> None:
    """In one text, as a terminal would show it."""
    assert tools.bash("echo out; echo err >&2; echo $X") == "out\nerr\ny\n"
    assert tools.bash("true") == "[no output]"


def test_a_failing_command_is_an_error_with_its_output(tools: Tools) -> None:
    """The model reads what was printed and the code."""
    with pytest.raises(ToolError, match=r"^wrong\n\n\[exit code 3\]$"):
        tools.bash("echo wrong; exit 3")


def test_a_late_command_is_ended_with_its_children(tools: Tools, tmp_path: Path) -> None:
    """Its whole group, and what it printed is not lost."""
    with pytest.raises(ToolError, match=r"(?s)begun.*ended after 0.5 seconds"):
        tools.bash("echo begun; sleep 300 & echo $! > pid; wait", timeout=0.5)
    pid = (tmp_path / "pid").read_text().strip()
    stat = Path(f"/proc/{pid}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"


def test_a_background_process_does_not_hold_the_answer(tools: Tools) -> None:
    """A server that was started keeps the pipe; the answer does not wait for it."""
    assert tools.bash("sleep 5 & echo started", timeout=4) == "started\n"


def test_long_output_keeps_its_beginning_and_its_end(tools: Tools) -> None:
    """A gigabyte would not help the model, nor fit into memory."""
    text = tools.bash("echo first; yes | head -c 5000000; echo last")
    assert len(text) < MOST + 100
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert "characters left out" in text


def test_read_gives_a_part_and_says_what_is_left(tools: Tools, tmp_path: Path) -> None:
    """Lines are counted from 1."""
    (tmp_path / "f").write_text("".join(f"line {n}\n" for n in range(1, 11)))
    assert tools.read("f", 3, 2) == "line 3\nline 4\n\n[6 more lines: read from line 5]"
    assert tools.read("~/f", 10) == "line 10\n"


def test_reading_what_cannot_be_read_is_an_error(tools: Tools, tmp_path: Path) -> None:
    """With the path and the system's word for it."""
    with pytest.raises(ToolError, match="nope: No such file"):
        tools.read("nope")
    with pytest.raises(ToolError, match="Is a directory"):
        tools.read(str(tmp_path))
    (tmp_path / "empty").touch()
    assert tools.read("empty") == "[empty]"


def test_write_makes_the_directories(tools: Tools, tmp_path: Path) -> None:
    assert tools.write("a/b/c.txt", "é") == "wrote 1 characters to a/b/c.txt"
    assert (tmp_path / "a/b/c.txt").read_text() == "é"
    with pytest.raises(ToolError, match=r"a: Is a directory"):
        tools.write("a", "x")


@pytest.mark.parametrize(("old", "times"), [("x", 2), ("nope", 0), ("", 0)])
def test_an_edit_must_be_unmistakable(tools: Tools, tmp_path: Path, old: str, times: int) -> None:
    """Not once is as wrong as twice, and the file stays."""
    (tmp_path / "f").write_text("x y x")
    with pytest.raises(ToolError, match=f"{times} times, not once"):
        tools.edit("f", old, "z")
    assert (tmp_path / "f").read_text() == "x y x"


def test_an_edit_replaces_one_place(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x y x")
    tools.edit("f", "y", "z")
    assert (tmp_path / "f").read_text() == "x z x"


def test_the_third_refusal_is_the_last() -> None:
    """Other errors do not count."""
    strikes = Strikes()
    for text in ("Permission denied", "No such file", "remote: Bad credentials"):
        strikes.add(text)
    with pytest.raises(Unrecoverable):
        strikes.add("fatal: Authentication failed for 'https://x'")
