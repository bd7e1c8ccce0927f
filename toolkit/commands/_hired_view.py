"""What `al up` and `al down` have done and `al ps` has found, for people."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from toolkit.core.clock import from_iso
from toolkit.ui import Ui

if TYPE_CHECKING:
    from toolkit.ops.ps import Row
    from toolkit.ops.up import Down, Up
    from toolkit.wiring import Services

PS = ("NAME", "ROLES", "BACKEND", "STATE", "LAST RUN", "RESTARTS", "CREDENTIALS", "DETAIL")
LONGEST_DETAIL = 60


def went_up(ui: Ui, done: "Up") -> None:
    """Who is up, who is not and how that is changed, and where the scheduler is."""
    for role in done.roles:
        ui.note(f"• the role {role} is on: `al role disable {role}` turns it off")
    for name in done.begun:
        ui.line(f"{name} is up")
    for name in done.up:
        if name not in done.begun:
            ui.line(f"{name} was up already")
    for name in done.left:
        ui.line(f"{name} is not up: `al up {name}` starts it")
    if (found := done.background) is None:
        return
    if found.began:
        ui.note(f"• a scheduler goes on at {found.url}; its log is {found.log}")
    else:
        ui.note(f"• the scheduler at {found.url} starts them")


def went_down(ui: Ui, done: "Down") -> None:
    for name in done.ended:
        ui.line(f"{name} is down")
    if not done.ended:
        ui.line("none of them was up")
    for run in done.runs:
        ui.note(f"• {run} was asked to end")
    if done.scheduler:
        ui.note("• nothing is up any more: the scheduler of `al up` ends")


def ages(ui: Ui, rows: "Sequence[Row]", moment: datetime) -> None:
    """`al ps`."""
    shown = [
        (
            row.name,
            ", ".join(row.roles),
            row.backend,
            row.state,
            _age(row.last_run, moment),
            row.restarts,
            _age(row.credential_since, moment),
            row.detail[:LONGEST_DETAIL],
        )
        for row in rows
    ]
    ui.table(PS, shown)


def no_scheduler(ui: Ui, services: "Services", rows: "Sequence[Row]") -> None:
    """Say it where agents are up and nobody on this machine starts them."""
    from toolkit.ops import running

    up = any(row.state not in ("down", "off") for row in rows)
    if up and services.environment.cloud is None and running.found(services) is None:
        ui.warn("no scheduler runs, so nothing starts: `al up` begins one")


def _age(since: str | None, moment: datetime) -> str:
    """The largest unit that is not nothing."""
    if since is None:
        return "-"
    seconds = max(0, int((moment - from_iso(since)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
