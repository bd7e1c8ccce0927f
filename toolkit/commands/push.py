"""Put the project into its environment: infrastructure, images, definitions, credentials."""

from typing import TYPE_CHECKING

import click

from ._app import App, json_option, shared, yes_option

if TYPE_CHECKING:
    from toolkit.ops.push_steps import Report


@click.command(
    help="Push the project, or one AGENT, to the environment; what has not changed is left alone."
)
@click.argument("agent", required=False)
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@json_option
@yes_option
@shared
@click.pass_obj
def command(app: App, agent: str | None, dry_run: bool, as_json: bool) -> None:
    from toolkit.ops import push, push_steps

    with app.ui.steps() as step:
        services = app.services()
        step(f"deciding what {services.environment.name} needs")
        decided = push.decide(services, agent)
    for warning in decided.project.warnings:
        app.ui.warn(warning)
    app.ui.plan(decided.plan)
    free = (
        services.environment.name == "sandbox" or not decided.plan
    )  # there is nothing of anyone's to protect
    if dry_run and as_json:
        app.ui.json(push.plan_to_dict(decided.plan))
    if dry_run or not (free or app.ui.agrees("Push this?", headless_consents=True)):
        return
    with app.ui.steps() as step:
        report = push_steps.carry_out(decided, step)
    for note in decided.notes:
        app.ui.note(f"note: {note}")
    app.ui.json(report.to_dict()) if as_json else _say(app, report)


def _say(app: App, report: "Report") -> None:
    things = "1 thing" if report.changes == 1 else f"{report.changes} things"
    what = f"{things} changed" if report.changes else "everything was there already"
    app.ui.line(
        f"pushed {report.project} to {report.environment} in {report.seconds:.1f} s: {what}"
    )
    if report.gateway_url:
        app.ui.line(f"gateway: {report.gateway_url}")
