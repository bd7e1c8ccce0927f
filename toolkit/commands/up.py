"""Let hired agents work, each in its loop, until `al down`."""

from pathlib import Path

import click

from ._app import App, json_option, keep_going_option, process_option, shared
from ._hired_view import went_up


@click.command(
    help="Let hired agents work: those named, or every one with --all.  Without either those that were up before, as after "
    "a restart of this machine.  On this machine a scheduler goes on in the background.",
)
@click.argument("names", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="Every hired agent.")
@click.option(
    "--foreground", is_flag=True, help="Be the scheduler, of these agents alone, until Ctrl-C."
)
@process_option
@click.option(
    "--handed",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take credentials from files TYPE.INSTANCE.FIELD of a directory.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="With --foreground."
)
@keep_going_option
@json_option
@shared
@click.pass_obj
def command(
    app: App,
    /,
    *,
    names: tuple[str, ...],
    every: bool,
    foreground: bool,
    port: int,
    handed: Path | None,
    as_json: bool,
) -> None:
    from ._up import begun, check, work_here

    check(names, every=every, foreground=foreground, as_json=as_json)
    done = begun(app, names, every=every, foreground=foreground, handed=handed)
    if as_json:
        from dataclasses import asdict

        app.ui.json(asdict(done))
    else:
        went_up(app.ui, done)
    if foreground:
        work_here(app, done, port)
