"""Keep agents from starting: one, or all."""

import click

from ._app import App, json_option, shared


@click.command(
    help="Let nothing start any more, or nothing of AGENT, until `al resume`; what runs goes on, and webhooks wait.",
)
@click.argument("agent", required=False)
@json_option
@shared
@click.pass_obj
def command(app: App, agent: str | None, as_json: bool) -> None:
    from toolkit.ops import control

    told = control.pause(app.services(), agent, note=app.ui.note)
    if as_json:
        app.ui.json(dict(told))
    else:
        app.ui.line(told["message"])
