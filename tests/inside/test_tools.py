"""The tools of a session, on real files and processes."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.inside.waiting import until
from toolkit.inside import setenv, skill
from toolkit.inside.redact import Redactor
from toolkit.inside.strikes import Strikes, Unrecoverable
from toolkit.inside.tools import MOST, ToolError, Tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "X": "y"})


def running() -> set[str]:
    """The processes that are there and no zombies."""
    found = subprocess.run(
        ["ps", "-e", "-o", "pid=,stat="], capture_output=True, text=True, check=True
    )
    rows = (line.split() for line in found.stdout.splitlines())
    return {pid for pid, state in rows if not state.startswith("Z")}


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
    until(lambda: pid not in running())


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


def test_what_would_never_end_is_not_read(tools: Tools, tmp_path: Path) -> None:
    """A pipe nobody writes to, a device, and a file that no memory holds."""
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(10**12)
    for path, word in (("pipe", "never end"), ("/dev/zero", "never end"), ("huge", "too many")):
        with pytest.raises(ToolError, match=word):
            tools.read(path)


def test_a_command_gets_no_more_time_than_its_run_has(tmp_path: Path) -> None:
    """Whatever the model asks for, also what is no sensible number."""
    short = Tools(cwd=tmp_path, env={"PATH": os.environ["PATH"]}, until=time.monotonic() + 0.3)
    with pytest.raises(ToolError, match="ended after"):
        short.bash("sleep 600", timeout=1e300)
    with pytest.raises(ToolError, match="ended after 0 seconds"):
        short.bash("sleep 600", timeout=-5)


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


def test_an_edit_keeps_every_other_byte(tools: Tools, tmp_path: Path) -> None:
    """Line ends of both kinds, a byte order mark, no newline at the end: what was not named stays."""
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfone\r\ntwo\nthree\r\nfour")
    tools.edit("f", "two", "2")
    assert (tmp_path / "f").read_bytes() == b"\xef\xbb\xbfone\r\n2\nthree\r\nfour"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_edit_of_a_crlf_file_stays_in_crlf(tools: Tools, tmp_path: Path, end: str) -> None:
    """However the model writes its line ends."""
    (tmp_path / "f").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    tools.edit("f", f"one{end}two", f"1{end}2{end}2.5")
    assert (tmp_path / "f").read_bytes() == b"1\r\n2\r\n2.5\r\nthree\r\n"


def test_what_is_no_utf8_is_not_edited(tools: Tools, tmp_path: Path) -> None:
    """An edit must not cost the bytes that it cannot read; reading shows a mark in their place."""
    (tmp_path / "f").write_bytes(b"caf\xe9 one\n")
    with pytest.raises(ToolError, match="not UTF-8 text"):
        tools.edit("f", "one", "two")
    assert (tmp_path / "f").read_bytes() == b"caf\xe9 one\n"
    assert tools.read("f") == "caf\ufffd one\n"


def test_half_a_character_is_refused_before_anything_is_written(
    tools: Tools, tmp_path: Path
) -> None:
    """JSON can carry half a surrogate pair; a file cannot."""
    (tmp_path / "f").write_text("x")
    with pytest.raises(ToolError, match="no text"):
        tools.write("f", "a\ud800")
    with pytest.raises(ToolError, match="no text"):
        tools.edit("f", "x", "\ud800")
    assert (tmp_path / "f").read_text() == "x"


def test_lines_are_counted_as_editors_do(tools: Tools, tmp_path: Path) -> None:
    """A form feed or a Unicode separator ends no line, and a carriage return is shown."""
    (tmp_path / "f").write_bytes("a\x0cb\u2028c\r\nlast".encode())
    assert tools.read("f", 2) == "last"
    assert tools.read("f", 1, 1).startswith("a\x0cb\u2028c\r\n")


def test_the_third_refusal_is_the_last() -> None:
    """Other errors do not count."""
    strikes = Strikes()
    for text in ("Permission denied", "No such file", "remote: Bad credentials"):
        strikes.add(text)
    with pytest.raises(Unrecoverable):
        strikes.add("fatal: Authentication failed for 'https://x'")


def test_no_model_reads_a_credentials_value(tmp_path: Path) -> None:
    """In an answer, an error, a file, at the cut of what is left out; a file is edited as it is."""
    secret = "hunter2-hunter2"
    env = {"PATH": os.environ["PATH"], "S": secret}
    tools = Tools(cwd=tmp_path, env=env, hide=Redactor([secret]).text)
    (tmp_path / "f").write_text(f"key={secret}\n")
    assert tools.bash("echo $S") == "***\n"
    assert tools.read("f") == "key=***\n"
    with pytest.raises(ToolError, match=r"^\*\*\*\n\n\[exit code 3\]$"):
        tools.bash("echo $S; exit 3")
    with pytest.raises(ToolError, match=r"^\*\*\*\n\n\[ended after"):
        tools.bash("echo $S; sleep 60", timeout=0.5)
    assert "hunter2" not in tools.bash("for n in $(seq 5000); do echo $S.$n; done")
    tools.edit("f", f"={secret}", f"={secret}!")
    assert (tmp_path / "f").read_text() == f"key={secret}!\n"


def test_what_is_set_with_setenv_is_there_for_the_next_command(tmp_path: Path) -> None:
    """Each command is a shell of its own, and an export ends with it."""
    env = {"PATH": os.environ["PATH"], **setenv.install(tmp_path)}
    tools = Tools(cwd=tmp_path, env=env)
    assert tools.bash("export A=a; setenv B 'it is b'; echo $B") == "set 1 variable(s)\nit is b\n"
    assert tools.bash('echo "<$A>" "<$B>"') == "<> <it is b>\n"


def test_an_inline_command_of_the_instructions_has_its_limits(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time, and the characters of its error; what follows it is read all the same."""
    monkeypatch.setattr(skill, "SECONDS", 0.3)
    late = skill.instructions("a !`echo begun; sleep 60` b", tools)
    assert late == "a [Error: begun\n\n[ended after 0.3 seconds]] b"
    loud = skill.instructions("a !`seq 5000; exit 1` b", tools)
    assert len(loud) == len("a [Error: ] b") + 500
    assert skill.instructions("a !`true` b", tools) == "a  b"
    assert skill.instructions("no `code` and !no `code` is run", tools).count("code") == 2
