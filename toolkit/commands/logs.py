"""Show an agent's or a run's logs, and follow them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from ._app import App, Exit, json_option, shared

EPILOG = "Times: 30m, 2h, 3d, or ISO 8601; without an offset they are in your own time zone."


def _flags(command: Any) -> Any:
    options: list[Callable[[Any], Any]] = [
        click.option("-n", "--lines", default=50, metavar="N", help="How many of the last lines that are shown. [50]"),
        click.option("-f", "--follow", is_flag=True, help="Show what comes: a run's to its end, an agent's until Ctrl-C."),
        click.option("-r", "--raw", is_flag=True, help="One line per record, with time, level, run and fields."),
        click.option("-a", "--all", "everything", is_flag=True, help="The conversation with nothing left out."),
        click.option("-d", "--date", metavar="DAY", help="Only that day, e.g. 2026-11-20."),
        click.option("--after", metavar="TIME", help="Only from this time on."),
        click.option("--before", metavar="TIME", help="Only before this time."),
        click.option("-g", "--grep", metavar="PATTERN", help="Only lines that match; the whole JSON line is searched."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    help="Show the logs of TARGET: an agent's name, or a run's id such as dev-1a2b3c4d.",
    epilog=EPILOG,
)
@click.argument("target")
@_flags
@json_option
@shared
@click.pass_obj
def command(
    app: App, /, target: str, raw: bool, everything: bool, as_json: bool, **wanted: Any
) -> None:
    from toolkit.ops import logs
    from toolkit.ops.logs.view import View, separated

    view = View.RAW if raw else View.ALL if everything else View.CONVERSATION
    wish = _wish(target, view=View.RAW if as_json else view, **wanted)
    entries = logs.stream(app.services(), wish, note=app.ui.note)
    try:
        if as_json:
            for entry in entries:
                app.ui.json(entry, indent=None)
        else:
            for line in separated(entries, view):
                app.ui.line(line)
    except KeyboardInterrupt:
        raise Exit(0 if wish.follow else 130) from None


def _wish(
    target: str, *, date: str | None, after: str | None, before: str | None, **rest: Any
) -> Any:
    """The options as one value.  Raises UsageError for a time that is none."""
    from toolkit.core.errors import UsageError
    from toolkit.ops.logs import Wish
    from toolkit.ops.logs.times import day, moment

    now = datetime.now().astimezone()
    if date and (after or before):
        raise UsageError("--date is a range already", hint="use it, or --after and --before")
    if date:
        first, last = day(date, now=now)
        return Wish(target=target, after=first, before=last, **rest)
    return Wish(
        target=target,
        after=moment("--after", after, now=now) if after else None,
        before=moment("--before", before, now=now) if before else None,
        **rest,
    )
