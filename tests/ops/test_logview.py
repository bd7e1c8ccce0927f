"""Entries as people read them."""

from typing import Any

import pytest

from toolkit.ops.logs.view import View, counted, lines_of, safe, separated

BASE: dict[str, Any] = {"time": 1_795_176_000_000, "id": "1", "run": "dev-00000001"}


def ours(msg: str, level: str = "info", **fields: Any) -> dict[str, Any]:
    return {"_log": True, "level": level, "msg": msg, "ts": 1, **fields, **BASE}


def said(entry: dict[str, Any], view: View = View.CONVERSATION) -> list[str]:
    return list(lines_of(entry, view))


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        (ours("assistant", text="Hello.\nI will look."), ["Hello.", "I will look."]),
        (ours("bash", cmd="git status"), ["$ git status"]),
        (ours("output", stream="stdout", text="On branch main"), ["On branch main"]),
        (ours("output", stream="stdout", text=""), [""]),
        (ours("tool start", "debug", tool="read"), ["▸ read"]),
        (ours("tool error", "error", tool="bash", cmd="make", result="x" * 999), ["✗ bash make", "x" * 300]),
        (ours("status", text="halfway"), ["· halfway"]),
        (ours("run completed", exitCode=0, state="succeeded"), ["── succeeded " + "─" * 47]),
        (ours("run completed", exitCode=124, state="timed_out"), ["── timed out, exit code 124 " + "─" * 32]),
        (ours("container starting", agentName="dev"), ["── dev-00000001 " + "─" * 44]),
        (ours("post hook failed", "warn", error="exit 1"), ["! post hook failed: exit 1"]),
        (ours("session error", "error", error="no key", exitCode=10), ["✗ session error: no key exitCode=10"]),
        (ours("entry error", "error", stack=["a.py:1", "b.py:2"]), ["✗ entry error", "  a.py:1", "  b.py:2"]),
        (ours("entry error", "error", stack="a\nb"), ["✗ entry error", "  a", "  b"]),
        ({"msg": "plain text", **BASE}, ["plain text"]),
        ({"level": 50, "msg": "boom", **BASE}, ["✗ boom"]),
    ],
)  # fmt: skip
def test_the_conversation(entry: dict[str, Any], lines: list[str]) -> None:
    """What the agent said and did, and what went wrong."""
    assert said(entry) == lines


@pytest.mark.parametrize(
    "entry",
    [
        ours("event", "debug", type="x"), ours("tool done", "debug", tool="read"), ours("credentials loaded", count=2),
        ours("token-usage", inputTokens=5), {"level": 20, "msg": "quiet", **BASE},
    ],
)  # fmt: skip
def test_what_the_conversation_leaves_out_all_shows(entry: dict[str, Any]) -> None:
    """`-a` filters nothing."""
    assert said(entry) == []
    assert str(entry["msg"]) in said(entry, View.ALL)[0]


@pytest.mark.parametrize(
    "text",
    [
        "START RequestId: 8f5 Version: 3", "END RequestId: 8f5", "REPORT RequestId: 8f5\tDuration: 1 ms",
        "INIT_START Runtime Version: x", "EXTENSION\tName: x",
    ],
)  # fmt: skip
def test_lambdas_own_lines_are_no_conversation(text: str) -> None:
    """They are the platform's, and stay visible with `-a` and `-r`."""
    assert said({"msg": text, **BASE}) == []
    assert said({"msg": text, **BASE}, View.ALL) == [safe(text)]


def test_an_agent_that_says_start_is_heard() -> None:
    """Only what Lambda prints is left out, not what begins like it."""
    assert said({"msg": "START of the build", **BASE}) == ["START of the build"]
    assert said(ours("output", text="END of file")) == ["END of file"]


def test_raw_is_one_line_with_everything() -> None:
    """Time, level, run, message and fields, also of several lines' text."""
    (line,) = said(ours("bash", cmd="a b\nc"), View.RAW)
    assert line.endswith('info  dev-00000001 bash cmd="a b\\nc"')
    assert line.startswith("2026-11-2")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"), ("\x1b]0;title\x07x", "x"), ("\x1b]52;c;aGk=\x1b\\x", "x"), ("a\x08b\rc", "abc"),
        ("tab\tstays", "tab\tstays"), ("\x9b31mx", "31mx"), ("\u202eevil", "evil"), ("\x1b", ""), ("ünï", "ünï"),
    ],
)  # fmt: skip
def test_a_log_does_not_steer_the_terminal(text: str, shown: str) -> None:
    """What an agent prints may come from anywhere."""
    assert said(ours("output", text=text)) == [shown]


def test_a_line_of_another_run_announces_it() -> None:
    """Two runs at once stay tellable apart."""
    other = {**ours("assistant", text="b"), "run": "dev-00000002"}
    lines = separated(iter([ours("assistant", text="a"), other, other]), View.CONVERSATION)
    shown = [line.strip("─ ") for line in lines]
    assert shown == ["dev-00000001", "a", "dev-00000002", "b", "b"]


def test_a_conversation_that_begins_inside_a_run_says_whose_it_is() -> None:
    """The last lines of a run stand under its heading, which comes once."""
    begun = ours("container starting")
    hidden, text = ours("credentials loaded"), ours("assistant", text="a")
    heading = "── dev-00000001 " + "─" * 44
    assert list(separated([hidden, text, text], View.CONVERSATION)) == [heading, "a", "a"]
    assert list(separated([begun, text], View.CONVERSATION)) == [heading, "a"]
    assert list(separated([text], View.ALL)) == ["a"]


def test_a_line_counts_where_it_is_shown() -> None:
    """None is left out; of a long line's parts only the first counts, but each for the raw view."""
    hidden, rest = ours("credentials loaded"), ours("output", text="b", part=2)
    conversation = [counted(e, View.CONVERSATION) for e in (hidden, ours("output", text="a"), rest)]
    assert conversation == [None, 1, 0]
    assert [counted(e, View.ALL) for e in (hidden, rest)] == [1, 0]
    assert [counted(e, View.RAW) for e in (hidden, rest)] == [1, 1]
