"""Log entries as people read them.  Pure: entries in, lines of text out.

`lines_of` is for one entry by itself; `Lines` is for entries that come one after the other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from toolkit.core.logs import Entry
from toolkit.ops.logs.parts import Parts

WIDTH = 60  # of a separator
CUT = 300  # characters of a tool's failure
LEVELS = {10: "debug", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "error"}
OWN = ("_log", "level", "msg", "time", "id", "run", "ts", "part", "end", "line")

# what Lambda itself prints between an agent's lines
NOISE = re.compile(r"(START|END|REPORT) RequestId: |INIT_START |EXTENSION\t|XRAY TraceId: ")
# a log is text from elsewhere: its escape sequences must not steer the reader's terminal
ESCAPES = re.compile(
    r"\x1b(\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)?|.)?|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


class View(StrEnum):
    """CONVERSATION shows what the agent said and did and what went wrong, ALL every line so, RAW one line each."""

    CONVERSATION = "conversation"
    ALL = "all"
    RAW = "raw"


class Lines:
    """Entries, as they come, as lines: parts of a long line joined (not when RAW), each run announced."""

    def __init__(self, view: View) -> None:
        self._view, self._parts = view, Parts()
        self._run: str | None = None

    def of(self, entry: Entry) -> tuple[str, ...]:
        """What can be shown now that `entry` has come: nothing while a long line goes on."""
        shown = (entry,) if self._view is View.RAW else self._parts.of(entry)
        return tuple(line for each in shown for line in self._announced(each))

    def rest(self) -> tuple[str, ...]:
        """What is still held, when no more entries come."""
        return tuple(line for each in self._parts.rest() for line in self._announced(each))

    def _announced(self, entry: Entry) -> Iterator[str]:
        lines = lines_of(entry, self._view)
        if lines and self._taken_over(entry) and entry.get("msg") != "container starting":
            yield f"── {entry['run']} ".ljust(WIDTH, "─")
        self._run = entry["run"] if lines else self._run
        yield from lines

    def _taken_over(self, entry: Entry) -> bool:
        """The conversation says whose its first line is, too: it may begin in the middle of a run."""
        if self._run is None:
            return self._view is View.CONVERSATION
        return self._view is not View.RAW and self._run != entry["run"]


def counted(entry: Entry, view: View) -> int | None:
    """How many of the lines that a user counts this entry is; None when the view leaves it out.

    A long line that came in parts is one line, which its first part stands for.
    """
    if not lines_of(entry, view):
        return None
    goes_on = "_log" in entry and isinstance(entry.get("part"), int) and entry["part"] > 1
    return 0 if goes_on and view is not View.RAW else 1


def separated(entries: Iterable[Entry], view: View) -> Iterator[str]:
    """The lines of several runs, each run's announced where it takes over."""
    lines = Lines(view)
    for entry in entries:
        yield from lines.of(entry)
    yield from lines.rest()


def lines_of(entry: Entry, view: View) -> tuple[str, ...]:
    """The entry's lines; none when this view leaves it out."""
    if view is View.RAW:
        return (_raw(entry),)
    text = _conversation(entry)
    if text is None and view is View.ALL:
        text = _plain(entry)
    if text is None or (view is View.CONVERSATION and NOISE.match(text)):
        return ()
    return tuple(safe(line) for line in text.rstrip("\n").split("\n"))


def safe(text: str) -> str:
    """Without escape sequences and control characters; tabs stay."""
    return ESCAPES.sub("", text)


def _conversation(entry: Entry) -> str | None:
    message, level = str(entry.get("msg", "")), level_of(entry)
    if "_log" not in entry and "level" not in entry:
        return message
    match message:
        case "output" | "assistant":
            return str(entry.get("text", ""))
        case "bash":
            return f"$ {entry.get('cmd', '')}"
        case "tool start":
            return f"▸ {entry.get('tool', '')}"
        case "tool error":
            return _tool_error(entry)
        case "container starting":
            return f"── {entry.get('run', '')} ".ljust(WIDTH, "─")
        case "run completed":
            return f"── {_ending(entry)} ".ljust(WIDTH, "─")
        case "status":
            return f"· {entry.get('text', '')}"
        case _ if level in ("warn", "error"):
            return _trouble(entry, "✗" if level == "error" else "!")
    return None


def _tool_error(entry: Entry) -> str:
    command = f" {entry['cmd']}" if entry.get("cmd") else ""
    return f"✗ {entry.get('tool', '')}{command}\n{str(entry.get('result', ''))[:CUT]}"


def _ending(entry: Entry) -> str:
    code = entry.get("exitCode")
    return f"{entry.get('state', 'completed')}{f', exit code {code}' if code else ''}".replace(
        "_", " "
    )


def _trouble(entry: Entry, mark: str) -> str:
    """A warning or an error with its cause and, last, where it came from."""
    stack = entry.get("stack") or ()
    places = stack.split("\n") if isinstance(stack, str) else [str(place) for place in stack]
    rest = {k: v for k, v in entry.items() if k not in ("stack", "error")}
    cause = f": {entry['error']}" if entry.get("error") else ""
    return "\n".join([f"{mark} {entry['msg']}{cause}{_fields(rest)}", *(f"  {p}" for p in places)])


def _plain(entry: Entry) -> str:
    return f"  {entry.get('msg', '')}{_fields(entry)}"


def _raw(entry: Entry) -> str:
    """Time, level, run, message and fields on one line."""
    time = datetime.fromtimestamp(entry["time"] / 1000).astimezone()
    stamp = time.isoformat(timespec="milliseconds")
    message = str(entry.get("msg", "")).replace("\n", "\\n")
    return safe(f"{stamp} {level_of(entry):5} {entry['run']} {message}{_fields(entry)}")


def level_of(entry: Entry) -> str:
    """`level` as a word: other loggers write numbers."""
    level = entry.get("level", "info")
    return LEVELS.get(level, "info") if isinstance(level, int) else str(level)


def _fields(entry: Mapping[str, Any]) -> str:
    return "".join(f" {key}={_value(value)}" for key, value in entry.items() if key not in OWN)


def _value(value: object) -> str:
    text = str(value).replace("\n", "\\n")
    return f'"{text}"' if " " in text else text
