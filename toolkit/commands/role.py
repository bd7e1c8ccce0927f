"""Turn kinds of work on and off: which roles hired agents work in."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ._app import App, json_option, shared

if TYPE_CHECKING:
    from toolkit.ops.role import Role


@click.group(
    help="Turn roles of hired agents on and off; the work of one that is off is skipped, with a word in the log."
)
def command() -> None: ...


@command.command("enable", help="Let the agents of these roles work.")
@click.argument("roles", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="Every role.")
@json_option
@shared
@click.pass_obj
def enable(app: App, roles: tuple[str, ...], every: bool, as_json: bool) -> None:
    from toolkit.ops.role import turn

    _show(app, turn(app.services(), roles, every=every, on=True), as_json)


@command.command("disable", help="Skip the work of these roles; a run that goes on is finished.")
@click.argument("roles", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="Every role.")
@json_option
@shared
@click.pass_obj
def disable(app: App, roles: tuple[str, ...], every: bool, as_json: bool) -> None:
    from toolkit.ops.role import turn

    _show(app, turn(app.services(), roles, every=every, on=False), as_json)


@command.command("status", help="Show every role, whether it is on, and who has it.")
@json_option
@shared
@click.pass_obj
def status(app: App, as_json: bool) -> None:
    from toolkit.ops.role import roles

    _show(app, roles(app.services()), as_json)


def _show(app: App, found: "Iterable[Role]", as_json: bool) -> None:
    if as_json:
        app.ui.json([{"role": r.name, "on": bool(r.on), "agents": list(r.agents)} for r in found])
        return
    if rows := [(role.name, role.state, ", ".join(role.agents)) for role in found]:
        app.ui.table(("ROLE", "STATE", "AGENTS"), rows)
    else:
        app.ui.note("no agent has a role: `al hire NAME ROLE` makes one that has")
