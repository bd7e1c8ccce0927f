"""Run an agent now, in the chosen environment, and follow it to its end."""

import click

from ._app import App, Exit, json_option, shared


@click.command(help="Run AGENT once, with an optional PROMPT; the exit code is the agent's.")
@click.argument("agent")
@click.argument("prompt", required=False)
@click.option(
    "--detach", is_flag=True, help="Start it and return: `al logs RUN -f` follows it later."
)
@json_option
@shared
@click.pass_obj
def command(app: App, agent: str, prompt: str | None, detach: bool, as_json: bool) -> None:
    from toolkit.ops import follow, launch
    from toolkit.ops import run as runs

    services = app.services()
    run = launch.start(services, agent, prompt, note=app.ui.note)
    app.ui.note(f"• {run.id} started on {run.runtime}")
    if not detach:
        show = app.ui.note if as_json else app.ui.line
        run = follow.to_end(services, run, show=show, note=app.ui.note, ask=app.ui.choose)
        app.ui.note(follow.sentence(run))
    if as_json:
        app.ui.json(runs.summary(run))
    raise Exit(runs.exit_code(run) if not detach else 0)
