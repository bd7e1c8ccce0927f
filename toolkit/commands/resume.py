"""Let agents start again: one, or all."""

import click

from ._app import App, json_option, shared


@click.command(help="Undo `al pause`, or that of AGENT: what has waited starts.")
@click.argument("agent", required=False)
@json_option
@shared
@click.pass_obj
def command(app: App, agent: str | None, as_json: bool) -> None:
    from toolkit.ops import control

    told = control.resume(app.services(), agent, note=app.ui.note)
    if as_json:
        app.ui.json(dict(told))
    else:
        app.ui.line(told["message"])
