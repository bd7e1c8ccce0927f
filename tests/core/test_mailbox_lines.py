"""A mailbox read from log lines, as log services show them: late, twice, and in any order."""

import json
from itertools import permutations
from typing import Any

from toolkit.core.mailbox_lines import collected
from toolkit.core.run import Mailbox

RUN = "dev-1a2b3c4d"


def line(note: int, box: Any, **more: Any) -> dict[str, Any]:
    return {"_log": True, "msg": "mailbox", "run": RUN, "note": note, "box": box, **more}


CLAIM = line(1, {"claimed": "2026-11-20T12:00:00.000Z", "claimer": "host/1", "where": {"a": "b"}})
READ = line(2, {"read": "2026-11-20T12:00:01.000Z"})
HALF = line(3, {"status": "half way"})
DONE = line(4, {"status": "done", "report": {"exit_code": 0}})
WHOLE = Mailbox(
    claimed="2026-11-20T12:00:00.000Z",
    where={"a": "b"},
    read="2026-11-20T12:00:01.000Z",
    status="done",
    report={"exit_code": 0},
)


def test_notes_add_up_in_whatever_order_they_are_seen() -> None:
    """Entries with equal timestamps come in any order; of two notes the later one counts."""
    assert {
        repr(collected(lines, RUN)) for lines in permutations([CLAIM, READ, HALF, DONE, DONE])
    } == {repr(WHOLE)}


def test_nothing_said_is_no_mailbox() -> None:
    """So that nobody takes silence for an empty one."""
    assert collected([], RUN) is None
    assert collected([{"msg": "status", "run": RUN, "text": "claimed"}], RUN) is None


def test_another_runs_notes_are_passed_over() -> None:
    """And so is what an agent's own processes print, which is wrapped in a field of its own."""
    printed = {"msg": "output", "run": RUN, "text": json.dumps(DONE)}
    assert collected([{**DONE, "run": "dev-99999999"}, printed, READ], RUN) == Mailbox(
        read="2026-11-20T12:00:01.000Z"
    )


def test_a_long_note_is_read_when_all_of_it_is_there() -> None:
    """Its parts are JSON text, numbered; half of a report is none."""
    text = json.dumps({"report": {"exit_code": 7, "return_value": "é" * 10}})
    parts = [
        line(5, text[:10], part=1),
        line(5, text[10:20], part=2),
        line(5, text[20:], part=3, end=True),
    ]
    assert collected([*parts[:2], READ], RUN) == collected([READ], RUN)
    assert collected([parts[0], parts[2], READ], RUN) == collected([READ], RUN)
    found = collected(reversed([*parts, *parts]), RUN)
    assert found is not None
    assert found.report == {"exit_code": 7, "return_value": "é" * 10}


def test_a_text_that_fits_into_one_line_is_read_too() -> None:
    """Without a number."""
    assert collected([line(1, '{"status": "done"}')], RUN) == Mailbox(status="done")
