"""Show what became of runs: how many, how long, and what they cost."""

import click

from ._app import App, json_option, shared


@click.command(
    help="Sum up the runs of all agents, or of AGENT with its last ones.",
    epilog="Times: 30m, 2h, 3d, or ISO 8601; without an offset they are in your own time zone.",
)
@click.argument("agent", required=False)
@click.option("--since", default="7d", metavar="TIME", help="Only runs from this time on. [7d]")
@click.option(
    "-n", "lines", default=20, metavar="N", type=click.IntRange(1, 100),
    help="How many of AGENT's last runs are shown, at most 100. [20]",
)  # fmt: skip
@click.option("--calls", is_flag=True, help="Also which agent called which.")
@json_option
@shared
@click.pass_obj
def command(
    app: App, /, *, agent: str | None, since: str, lines: int, calls: bool, as_json: bool
) -> None:
    from toolkit.ops import control

    from . import _stat_view as view

    told = control.stats(app.services(), agent, since, lines, note=app.ui.note)
    if as_json:
        app.ui.json(told)
        return
    view.sums(app.ui, told)
    if agent:
        view.runs(app.ui, told["runs"])
    if calls:
        view.calls(app.ui, told["calls"])
