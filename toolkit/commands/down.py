"""End the work of hired agents: of those named, or of all."""

import click

from ._app import App, json_option, keep_going_option, shared
from ._hired_view import went_down


@click.command(
    help="End the loops and the runs of the hired agents that are named, or of all; nothing else is ended, and nothing is "
    "removed.",
)
@click.argument("names", nargs=-1)
@keep_going_option
@json_option
@shared
@click.pass_obj
def command(app: App, names: tuple[str, ...], as_json: bool) -> None:
    from dataclasses import asdict

    from toolkit.ops.up import down

    done = down(app.services(), names)
    if as_json:
        app.ui.json(asdict(done))
    else:
        went_down(app.ui, done)
