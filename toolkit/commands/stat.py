"""Show what goes on: the scheduler, the agents, what runs and what waits."""

import click

from ._app import App, json_option, shared


@click.command(
    help="Show the scheduler, the agents and what runs; with AGENT that one alone.  `al status` is the same.",
)
@click.argument("agent", required=False)
@json_option
@shared
@click.pass_obj
def command(app: App, agent: str | None, as_json: bool) -> None:
    from toolkit.core.clock import now
    from toolkit.ops import control

    from ._stat_view import agent_of, of_agent, of_all

    told = control.status(app.services(), note=app.ui.note)
    if agent:
        told = agent_of(told, agent)
    if as_json:
        app.ui.json(dict(told))
    elif agent:
        of_agent(app.ui, told, now())
    else:
        of_all(app.ui, told, now())
