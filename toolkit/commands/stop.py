"""End the scheduler that `al start` runs."""

import click

from ._app import App, json_option, shared


@click.command(
    help="End this project's scheduler and gateway; what runs goes on, and the next `al start` takes it over.",
)
@json_option
@shared
@click.pass_obj
def command(app: App, as_json: bool) -> None:
    from toolkit.ops import control

    told = control.stop(app.services())
    if as_json:
        app.ui.json(dict(told))
    else:
        app.ui.line(told["message"])
