"""End an agent's runs, or one run."""

import click

from ._app import App, json_option, shared


@click.command(
    help="End TARGET now: all runs of the agent of that name, or the run with that id, also one that waits.",
)
@click.argument("target")
@json_option
@shared
@click.pass_obj
def command(app: App, target: str, as_json: bool) -> None:
    from toolkit.ops import control

    told = control.kill(app.services(), target, note=app.ui.note)
    if as_json:
        app.ui.json(dict(told))
    else:
        app.ui.line(told["message"])
