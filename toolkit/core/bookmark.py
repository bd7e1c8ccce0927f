"""Where a reader of one target's logs stands: a cursor per run, in one opaque string.

It travels to clients and back, so it is input: everything in it is checked, and it is bound to its target.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from .errors import UsageError
from .logs import MOST_SEEN, Cursor, Mark
from .merge import Told
from .run import RunId

LONGEST = 32_768  # characters of a bookmark; ours stay below 8,192 up to some 60 runs at once
_MARK = 7  # two bytes for the time after the cursor's `since`, five for the hash
_LATEST = 2**48  # milliseconds; beyond it is no time of this era


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the log of a run, `created` then (epoch ms), has been read to.

    `ended`: its last line was seen; `done`: nothing more will come; `told`: which of the lines that its container
    counts were read.
    """

    created: int
    cursor: Cursor = field(default_factory=Cursor)
    ended: bool = False
    done: bool = False
    told: Told = field(default_factory=Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """Every run of `target` created (epoch ms) before `floor`, and not in `runs`, is done with."""

    target: str
    floor: int = 0
    runs: Mapping[RunId, Spot] = field(default_factory=dict)

    @property
    def most_seen(self) -> int:
        """How many marks each run's cursor may have, so that all of them fit."""
        active = sum(not spot.done for spot in self.runs.values())
        return max(16, MOST_SEEN // max(1, active))

    def __str__(self) -> str:
        head: list[Any] = [self.target, self.floor]
        marks = b""
        for run, spot in self.runs.items():
            cursor = Cursor() if spot.done else spot.cursor
            flags = spot.ended + 2 * spot.done
            told = [spot.told.last, *chain.from_iterable(spot.told.gaps)]
            place = [cursor.since, cursor.skip, len(cursor.seen), flags, *told]
            head.append([run, spot.created, *place])
            marks += b"".join(_packed(m, cursor.since) for m in sorted(cursor.seen))
        return _encode(json.dumps(head, separators=(",", ":")).encode() + b"\n" + marks)

    @classmethod
    def parse(cls, text: str, target: str) -> "Bookmark":
        """Raises UsageError when it is damaged or of another target."""
        try:
            head, marks = _decode(text).split(b"\n", 1)
            own, floor, *runs = json.loads(head)
            bookmark = cls(target=own, floor=_number(floor), runs=_spots(runs, marks))
        except (ValueError, TypeError, RecursionError, UsageError) as error:
            raise damaged() from error
        if bookmark.target != target:
            raise UsageError(
                f"the cursor is not one of {target}'s logs",
                hint="leave it out to start from the latest lines",
            )
        return bookmark


@dataclass(frozen=True, slots=True)
class Older:
    """Where to read on backwards: from before `before` (epoch ms), leaving out the first `skip` lines found."""

    before: int
    skip: int = 0

    def __str__(self) -> str:
        return _encode(json.dumps([self.before, self.skip]).encode())

    @classmethod
    def parse(cls, text: str) -> "Older":
        try:
            before, skip = json.loads(_decode(text))
            return cls(_number(before), _number(skip))
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged() from error


def damaged() -> UsageError:
    return UsageError("the cursor is damaged", hint="leave it out to start from the latest lines")


def _spots(runs: list[Any], marks: bytes) -> dict[RunId, Spot]:
    spots, at = {}, 0
    for run, created, since, skip, count, flags, *told in runs:
        size = _number(count) * _MARK
        seen = marks[at : at + size]
        at += size
        cursor = Cursor(_number(since), _number(skip), _unpacked(seen, since))
        spots[RunId.parse(run)] = Spot(
            _number(created),
            cursor,
            ended=bool(flags & 1),
            done=bool(flags & 2),
            told=_told(*told),
        )
    if at != len(marks):
        raise ValueError("marks without a run")
    return spots


def _told(last: int | None, *gaps: int) -> Told:
    numbers = tuple(map(_number, gaps))
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    return Told(None if last is None else _number(last), pairs)


def _packed(mark: Mark, since: int) -> bytes:
    return (mark[0] - since).to_bytes(2, "big") + mark[1]


def _unpacked(data: bytes, since: int) -> frozenset[Mark]:
    starts = range(0, len(data), _MARK)
    return frozenset(
        (since + int.from_bytes(data[i : i + 2], "big"), data[i + 2 : i + _MARK]) for i in starts
    )


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _LATEST:
        raise ValueError("not a time or a count")
    return value


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    if len(text) > LONGEST:
        raise ValueError("too long")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
