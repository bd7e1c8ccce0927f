"""Give an agent an account, credentials and a section of its own; again, and they are renewed."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._app import App, headless_option, json_option, project_option
from ._hire import keep_old, wish

if TYPE_CHECKING:
    from toolkit.ops.hire import Done


@click.command(
    help="Hire NAME for ROLE: its account, credentials, instructions and [agents.NAME].  The same again renews token and "
    "password and changes only what is named.  Nothing is started: `al up NAME` does that.",
)
@click.argument("name")
@click.argument("role")
@click.option("--local-model", metavar="URL", help="A model server of your own; else Anthropic's.")
@click.option("--model", metavar="MODEL", help="Its model. [local-model; Anthropic's default]")
@click.option(
    "--formula",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What it is told. [formulas/ROLE.md, or ours]",
)
@click.option(
    "--poll-interval",
    type=click.IntRange(1, 604_800),
    metavar="SECONDS",
    help="From one start to the next. [60]",
)
@click.option(
    "--keep-old", callback=keep_old, metavar="TIME", help="How long the old token works on: 24h."
)
@click.option(
    "--admin-token",
    metavar="TOKEN",
    help="Of the forge's administrator: - for stdin, @FILE, or env:NAME.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done and do nothing.")
@json_option
@project_option
@headless_option
@click.pass_obj
def command(app: App, /, as_json: bool, dry_run: bool, **typed: Any) -> None:
    from toolkit.ops import hire
    from toolkit.ops.hire.standing import is_up

    hiring = hire.decide(app.directory, wish(app, **typed))
    if hiring.admin:
        app.ui.note(f"• the forge's administrator is from {hiring.admin}")
    if hiring.trouble:
        app.ui.warn(hiring.trouble)
    if dry_run:
        app.ui.note("• nothing is done: this is what would be")
    act = hire.preview if dry_run else hire.hire
    done = list(_told(app, act(hiring), as_json))
    if as_json:
        app.ui.json([{"what": one.what, "where": one.where, "how": one.how} for one in done])
    if not dry_run and not is_up(hiring.place.services, hiring.name):
        app.ui.note(f"start it: al up {hiring.name}")


def _told(app: App, done: "Iterable[Done]", as_json: bool) -> "Iterable[Done]":
    """Each thing as soon as it is done, so that one which fails shows what is."""
    for one in done:
        if not as_json:
            app.ui.line(f"  {one}")
        yield one
