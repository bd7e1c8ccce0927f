"""Run an agent now, in the chosen environment, and follow it to its end."""

from typing import TYPE_CHECKING

import click

from ._app import App, Exit, json_option, shared
from ._model import flags, model_options

if TYPE_CHECKING:
    from toolkit.core.run import Run
    from toolkit.llm.candidates import Flags
    from toolkit.wiring import Services


@click.command(help="Run AGENT once, with an optional PROMPT; the exit code is the agent's.")
@click.argument("agent")
@click.argument("prompt", required=False)
@click.option(
    "--detach", is_flag=True, help="Start it and return: `al logs RUN -f` follows it later."
)
@model_options
@json_option
@shared
@click.pass_obj
def command(
    app: App, /, agent: str, prompt: str | None, detach: bool, as_json: bool, **model: str | None
) -> None:
    from toolkit.ops import follow
    from toolkit.ops import run as runs

    asked = flags(app, **model)
    services = app.services()
    run = _started(app, services, agent, prompt, asked)
    if not detach:
        show = app.ui.note if as_json else app.ui.line
        run = follow.to_end(services, run, show=show, note=app.ui.note, ask=app.ui.choose)
        app.ui.note(follow.sentence(run))
    if as_json:
        app.ui.json(runs.summary(run))
    raise Exit(runs.exit_code(run) if not detach else 0)


def _started(
    app: App, services: "Services", agent: str, prompt: str | None, asked: "Flags"
) -> "Run":
    """Ctrl-C says what became of the run: whoever would run the same command again would start another one."""
    from toolkit.ops import launch
    from toolkit.ops.run import INTERRUPTED

    run = None
    try:
        run = launch.start(services, agent, prompt, flags=asked, note=app.ui.note)
        app.ui.note(f"• {run.id} started on {run.runtime}")
    except KeyboardInterrupt as interrupt:
        goes_on = [f"{run.id} goes on; `al logs {run.id} -f` follows it"] if run else []
        for sentence in goes_on or getattr(interrupt, "__notes__", ["nothing was started"]):
            app.ui.note(f"• {sentence}")
        raise Exit(INTERRUPTED) from interrupt
    return run
