"""The processes below this one, as /proc shows them: a picture of several moments, in which a process that forks may be missing."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One process, from proc_pid_stat(5)."""

    pid: int
    parent: int
    group: int
    state: str


def below() -> list[Row]:
    """The living ones.  Empty where there is no /proc: there, groups must do."""
    table = list(_processes())
    known, found = {os.getpid()}, list[Row]()
    while fresh := [row for row in table if row.parent in known and row.pid not in known]:
        known |= {row.pid for row in fresh}
        found += [row for row in fresh if row.state != "Z"]
    return found


def _processes() -> Iterator[Row]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, group, *_ = entry.read_text(errors="replace").rpartition(")")[2].split()
        except (OSError, ValueError):
            continue  # it ended meanwhile
        yield Row(int(entry.parent.name), int(parent), int(group), state)
