"""Long lines come from a container in parts, and people see one line."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, zip_longest
from typing import Any

import pytest

from toolkit.core.logs import Entry, LogEvent, entry
from toolkit.inside.lines import Log
from toolkit.inside.output import Lines as OutputLines
from toolkit.ops.logs.parts import MOST, OPEN
from toolkit.ops.logs.view import Lines, View, separated

ONE, TWO = "dev-00000001", "dev-00000002"
LONG = "a" * 30_000
Act = Callable[[Log], object]


def container(act: Act, run: str = ONE) -> list[Entry]:
    """The entries of what a container prints when `act` is done with its log."""
    printed: list[bytes] = []
    act(Log(run, write=printed.append, clock=lambda: 1.0))
    return [entry(LogEvent(time=1, id=str(n), message=m.decode())) for n, m in enumerate(printed)]


def output(text: str, run: str = ONE, stream: str = "stdout") -> list[Entry]:
    def act(log: Log) -> None:
        lines = OutputLines(log)
        for fields in chain(lines.feed(text.encode()), lines.close()):
            log.output({"stream": stream, **fields})

    return container(act, run)


def mixed(*several: Iterable[Entry]) -> Iterator[Entry]:
    return (found for row in zip_longest(*several) for found in row if found)


def shown(entries: Iterable[Entry], view: View = View.CONVERSATION) -> list[str]:
    return [line for line in separated(entries, view) if not line.startswith("──")]


def test_a_long_line_is_one_line_again() -> None:
    """What an agent printed as one line, in parts on its way, is shown as one."""
    entries = output(f"before\n{LONG}\nafter\n")
    assert len(entries) > 4
    assert shown(entries) == ["before", LONG, "after"]
    assert shown(entries, View.ALL) == ["before", LONG, "after"]


def test_the_raw_view_shows_the_parts() -> None:
    """`-r` is what is in the log."""
    entries = output(f"{LONG}\n")
    assert len(shown(entries, View.RAW)) == len(entries)


def test_a_long_text_of_our_own_is_whole_again() -> None:
    """Whatever field was too long; its line breaks are where the model put them."""
    text = "\n".join(["word " * 2000] * 3)
    assert shown(container(lambda log: log.info("assistant", text=text))) == text.split("\n")
    (line,) = shown(container(lambda log: log.error("session error", error=LONG, exitCode=10)))
    assert line == f"✗ session error: {LONG} exitCode=10"


def test_parts_of_runs_and_streams_that_come_mixed_stay_apart() -> None:
    """Each stream of each run has its own line."""
    ours, err = output("a" * 30_000), output("b" * 30_000, stream="stderr")
    theirs = output("c" * 30_000, run=TWO)
    assert sorted(shown(mixed(ours, err, theirs))) == ["a" * 30_000, "b" * 30_000, "c" * 30_000]


def test_another_run_is_announced_when_its_line_is_whole() -> None:
    """The separator stands before the line, and not between its parts."""
    lines = list(separated(mixed(output("a" * 30_000), output("b" * 30_000, TWO)), View.ALL))
    assert [line.strip("─ ")[:12] for line in lines] == ["a" * 12, TWO, "b" * 12]


@pytest.mark.parametrize(
    ("then", "more"),
    [
        ([], []),
        (output("next"), ["next"]),
        (output(f"{'c' * 30_000}\n"), ["c" * 30_000]),
        (container(lambda log: log.last("run completed", exitCode=0, state="succeeded")), []),
    ],
)
def test_a_line_without_its_end_is_shown_all_the_same(then: list[Entry], more: list[str]) -> None:
    """A container that was killed: the rest comes before the stream's next line, the run's end, or the end of all."""
    cut = output(LONG)[:-1]
    text = "".join(part["text"] for part in cut)
    assert shown([*cut, *then]) == [text, *more]


def test_nothing_is_held_when_the_run_is_over() -> None:
    """A follower shows everything although it has no more entries to wait for."""
    lines = Lines(View.CONVERSATION)
    over = container(lambda log: log.last("run completed", exitCode=1, state="failed"))
    told = [line for found in [*output(LONG)[:-1], *over] for line in lines.of(found)]
    assert [line[:8] for line in told] == ["── dev-0", "aaaaaaaa", "── faile"]
    assert lines.rest() == ()


def test_a_page_that_begins_inside_a_line_shows_the_rest_of_it() -> None:
    """`--after` may fall into the middle of it."""
    entries = output(f"{LONG}\n")
    assert shown(entries[1:]) == ["".join(part["text"] for part in entries[1:])]


def test_a_part_that_is_missing_breaks_the_line() -> None:
    """What does not follow is not glued together."""
    first, _, last = output(f"{LONG}\n")
    assert shown([first, last]) == [first["text"], last["text"]]


def test_a_line_that_never_ends_is_not_held_for_ever() -> None:
    """Memory is bounded: the line comes in pieces again, and nothing of it is lost."""
    lines = Lines(View.ALL)
    entries = output("x" * (2 * MOST + 100_000))
    told = [line for found in entries[:-1] for line in lines.of(found)]
    assert len(told) == 2
    assert len("".join([*told, *lines.of(entries[-1])])) == 2 * MOST + 100_000


def test_streams_that_fell_silent_are_not_held_for_ever() -> None:
    """A follower of an agent sees many runs; those that were killed leave half a line each."""
    lines = Lines(View.CONVERSATION)
    many = [output(LONG, run=f"dev-{number:08x}")[0] for number in range(OPEN + 3)]
    told = [line for found in many for line in lines.of(found)]
    assert len([line for line in told if line.startswith("aaa")]) == 3
    assert len([line for line in lines.rest() if line.startswith("aaa")]) == OPEN


@pytest.mark.parametrize(
    "odd", [{"part": "1"}, {"part": 1, "run": ["x"]}, {"part": True, "stream": {}}]
)
def test_somebody_elses_fields_do_no_harm(odd: dict[str, Any]) -> None:
    """A log may hold any JSON."""
    line = json.dumps({"_log": True, "level": "info", "msg": "output", "text": "hi", **odd})
    assert shown([entry(LogEvent(time=1, id="1", message=line))]) == ["hi"]
