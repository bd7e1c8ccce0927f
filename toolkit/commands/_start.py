"""`al start` as people see it: a table that stays in its place, or a line for each change; and how it ends."""

import logging
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from gateway.memory import settle
from toolkit.core.errors import AlError
from toolkit.ops.start import Scheduler, Wish, journal, serving, table

from ._app import App

if TYPE_CHECKING:
    from toolkit.core.agent import Project
    from toolkit.core.environment import Environment
    from toolkit.scheduler.status import Seen

LINES = 5  # of the log, below the table
AROUND = 6 + LINES  # lines of the terminal that are not agents
EVERY, EVERY_FAR = 1.0, 5.0  # seconds between two looks; where each is calls that somebody pays for
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AT_ONCE = 130  # the exit code after a second signal

# why it ends, or what keeps it from going on; unlike an Event it may be used in a signal's handler
End = SimpleQueue[str | Exception]


def until_told(app: App, wish: Wish, *, web_ui: bool) -> None:
    """Serve until a signal comes, or somebody stops it over the gateway.  Raises AlError when a part of it fails."""
    services, end, lines = app.services(), End(), deque[str](maxlen=LINES)
    lively = app.ui.lively

    def tell(text: str, level: int) -> None:
        lines.append(text.partition("\n")[0])
        if not lively:
            (app.ui.warn if level >= logging.WARNING else app.ui.note)(text)

    with _signals(end), journal.kept(tell):
        load, over = partial(_load, app, wish), partial(end.put, "told over the gateway")
        with serving(services, load, wish, end=over, fail=end.put) as scheduler:
            settle()
            _greet(app, scheduler, web_ui=web_ui)
            why = _table(app, scheduler, end, lines) if lively else _lines(app, scheduler, end)
            app.ui.note(f"• ending, {why}: launches under way are finished")
        app.ui.note("• the scheduler and the gateway have ended")
        _farewell(app, scheduler)


def _load(app: App, wish: Wish) -> "tuple[Project, Environment]":
    from toolkit.ops.load import load_files

    project, environment = load_files(app.directory, app.env, keep_going=app.keep_going)
    return wish.served(project), environment


def _greet(app: App, scheduler: Scheduler, *, web_ui: bool) -> None:
    scope = scheduler.desk.services.environment.scope
    app.ui.note(f"• {scope.project} is served for {scope.environment} at {scheduler.url}")
    if scheduler.exposed:
        app.ui.warn("the gateway listens on every interface of this machine")
    if web_ui:
        app.ui.note(
            f"• the API's page is {scheduler.url}/api/docs; this version has no dashboard yet"
        )
    if scheduler.found:
        app.ui.note(f"• taken over: {', '.join(run.id for run in scheduler.found)}")


def _farewell(app: App, scheduler: Scheduler) -> None:
    try:
        going = scheduler.going()
    except AlError as error:
        app.ui.warn(f"what goes on cannot be told: {error.message}")
        return
    if going:
        app.ui.note(f"• still at work: {', '.join(going)}; the next `al start` takes over")


def _lines(app: App, scheduler: Scheduler, end: End) -> str:
    """A line for each change, until the end; why it ends."""
    before, why = table.as_found(scheduler.look(), scheduler.found), ""
    while not why:
        why = _ended(end, scheduler)
        if after := scheduler.look():
            for line in table.changes(before, after):
                app.ui.note(f"• {line}")
            before = after
    return why


def _table(app: App, scheduler: Scheduler, end: End, lines: deque[str]) -> str:
    with app.ui.live() as show:
        while True:
            if seen := scheduler.look():
                made = _made(scheduler, seen, lines, max(app.ui.height - AROUND, 3))
                show(made.head, [table.COLUMNS, *made.rows], made.foot)
            if why := _ended(end, scheduler):
                return why


def _made(scheduler: Scheduler, seen: "Seen", lines: Iterable[str], most: int) -> table.Table:
    trouble = scheduler.reloader.trouble.partition("\n")[0]
    return table.table(
        seen,
        about=scheduler.about,
        lines=[*([f"not used: {trouble}"] if trouble else []), *lines],
        troubles=scheduler.crew.troubles,
        most=most,
    )


def _ended(end: End, scheduler: Scheduler) -> str:
    """Wait a moment; why it ends, or nothing.  Raises AlError when a part of it has failed."""
    try:
        why = end.get(timeout=EVERY if scheduler.crew.here else EVERY_FAR)
    except Empty:
        return ""
    if isinstance(why, AlError):
        raise why
    if isinstance(why, Exception):
        raise AlError(
            f"a part of it cannot go on: {type(why).__name__}: {why}",
            hint="start it again, which takes over what runs; `al --debug start` shows more",
        ) from why
    return why


@contextmanager
def _signals(end: End) -> Iterator[None]:
    """The first signal ends it in order, a second one at once."""
    told: list[int] = []

    def handle(number: int, frame: object) -> None:
        if told:
            os._exit(AT_ONCE)
        told.append(number)
        end.put(signal.Signals(number).name)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
