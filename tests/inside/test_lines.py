"""Log lines, on their own."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.inside.lines import ROOM, Log, pieces, size
from toolkit.inside.redact import Redactor


@pytest.fixture
def printed() -> list[bytes]:
    return []


def reading(printed: list[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in printed]


def clock(*times: float) -> Callable[[], float]:
    left = list(times)
    return lambda: left.pop(0)


def test_a_line_has_the_protocols_fields(printed: list[bytes]) -> None:
    """One JSON object, marked, with level, message, fields, run and epoch milliseconds."""
    Log("dev-1", write=printed.append, clock=clock(1.5)).warn("careful", count=2)
    assert printed == [
        b'{"_log": true, "level": "warn", "msg": "careful", "count": 2, "run": "dev-1", "ts": 1500}\n'
    ]


def test_time_does_not_go_back_with_the_clock(printed: list[bytes]) -> None:
    """A clock that is set back leaves the order of lines as it was."""
    log = Log("r", write=printed.append, clock=clock(10, 3, 11))
    for _ in range(3):
        log.info("x")
    assert [line["ts"] for line in reading(printed)] == [10_000, 10_000, 11_000]


def test_the_last_line_is_the_last(printed: list[bytes]) -> None:
    """What a process still says is dropped, and what we have to say is no longer the run's."""
    log = Log("r", write=printed.append)
    log.last("run completed", exitCode=0)
    log.output({"text": "late"})
    log.error("files could not be deleted")
    assert [(line["msg"], line["run"]) for line in reading(printed)] == [
        ("run completed", "r"),
        ("files could not be deleted", ""),
    ]


def test_every_field_is_redacted(printed: list[bytes]) -> None:
    """The one door to the output knows the secrets."""
    log = Log("r", write=printed.append)
    log.redactor = Redactor(["hunter2"])
    log.error("hunter2 failed", stack=["at hunter2"], nested={"a": "hunter2"})
    assert b"hunter2" not in printed[0]


def test_a_long_field_comes_in_numbered_lines(printed: list[bytes]) -> None:
    """Parts in order, the last one marked; together they are the text."""
    text = "é\n" * 20_000
    Log("r", write=printed.append).info("assistant", text=text)
    lines = reading(printed)
    assert "".join(str(line["text"]) for line in lines) == text
    assert [line["part"] for line in lines] == list(range(1, len(lines) + 1))
    assert [bool(line.get("end")) for line in lines] == [False] * (len(lines) - 1) + [True]
    assert max(map(len, printed)) < 16_384


@given(st.text(max_size=200), st.integers(12, 60))
def test_pieces_are_the_text_and_fit(text: str, room: int) -> None:
    """Nothing lost, nothing too long, whatever the characters cost in JSON."""
    parts = list(pieces(text, room))
    assert "".join(parts) == text
    assert all(size(part) <= room for part in parts)


def test_room_leaves_space_below_the_drivers_limit() -> None:
    """awslogs cuts at 16 KiB: https://docs.docker.com/engine/logging/drivers/awslogs/"""
    assert ROOM + 2048 < 16_384
