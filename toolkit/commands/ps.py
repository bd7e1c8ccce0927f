"""Show the hired agents: what each does, with which model, and how old its credentials are."""

import click

from ._app import App, json_option, keep_going_option, shared
from ._hired_view import ages, no_scheduler


@click.command(
    help="Show every hired agent with its roles, backend, state (down, off, idle, working, queued, stalled), last run, "
    "restarts after failures and the age of its credentials.",
)
@keep_going_option
@json_option
@shared
@click.pass_obj
def command(app: App, as_json: bool) -> None:
    from toolkit.core.clock import now
    from toolkit.ops import ps
    from toolkit.ops.hire.grace import end_graces

    services, moment = app.services(), now()
    end_graces(services, moment=moment, note=app.ui.note)
    found = ps.rows(services, moment)
    if as_json:
        app.ui.json(ps.plain(found))
        return
    ages(app.ui, found, moment)
    no_scheduler(app.ui, services, found)
