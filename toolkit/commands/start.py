"""Serve the project: schedules, webhooks, the gateway and its API, until Ctrl-C."""

import click

from ._app import App, keep_going_option, shared


@click.command(
    help="Run the scheduler and the gateway until Ctrl-C or `al stop`; what runs then goes on, and the next start takes it over.",
)
@click.option("-w", "--web-ui", "web_ui", is_flag=True, help="Say where its pages are.")
@click.option(
    "-e", "--expose", is_flag=True, help="Listen on every interface, not on 127.0.0.1 only."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Of the gateway; 0 is any free one. [8080]",
)
@click.option("--hired", is_flag=True, help="Only hired agents, as `al up` starts it.")
@keep_going_option
@shared
@click.pass_obj
def command(app: App, web_ui: bool, expose: bool, port: int | None, hired: bool) -> None:
    from toolkit.ops.start import Wish

    from ._start import until_told

    until_told(app, Wish(port=port, expose=expose, hired=hired), web_ui=web_ui)
