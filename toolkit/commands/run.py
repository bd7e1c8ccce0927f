"""Run an agent now, in the chosen environment, and follow it to its end."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ._app import App, Exit, json_option, shared
from ._model import flags, keyed, model_options
from ._prompt import printed, prompt_options
from ._pull import Note, pull_options, pulling, unrepeated

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
@prompt_options
@model_options
@pull_options
@json_option
@shared
@click.pass_obj
def command(
    app: App, /, agent: str, prompt: str | None, detach: bool, as_json: bool, **how: Any
) -> None:
    from toolkit.ops import follow
    from toolkit.ops import run as runs

    if printed(app, agent, prompt, as_json, how):
        return
    pull, compatible = how.pop("pull"), how.pop("allow_compatible")
    asked = replace(flags(app, **how), compatible=compatible)
    services = app.services()
    note = unrepeated(app.ui.note)
    run = pulling(app, lambda: _keyed(app, services, agent, prompt, asked, note=note), consent=pull)
    if not detach:
        show = app.ui.note if as_json else app.ui.line
        run = follow.to_end(services, run, show=show, note=app.ui.note, ask=app.ui.choose)
        app.ui.note(follow.sentence(run))
    if as_json:
        app.ui.json(runs.summary(run))
    raise Exit(runs.exit_code(run) if not detach else 0)


def _where(run: "Run") -> str:
    queued = run.state.value == "queued"
    return "is queued: the scheduler starts it" if queued else f"started on {run.runtime}"


def _keyed(
    app: App, services: "Services", agent: str, prompt: str | None, asked: "Flags", *, note: Note
) -> "Run":
    return keyed(app, asked, lambda flags: _started(app, services, agent, prompt, flags, note=note))


def _started(
    app: App, services: "Services", agent: str, prompt: str | None, asked: "Flags", *, note: Note
) -> "Run":
    """Ctrl-C says what became of the run: whoever would run the same command again would start another one."""
    from toolkit.ops import launch
    from toolkit.ops.run import INTERRUPTED

    run = None
    try:
        run = launch.start(services, agent, prompt, flags=asked, note=note)
        app.ui.note(f"• {run.id} {_where(run)}")
        if run.page:
            app.ui.note(f"• {run.page}")
    except KeyboardInterrupt as interrupt:
        goes_on = [f"{run.id} goes on; `al logs {run.id} -f` follows it"] if run else []
        for sentence in goes_on or getattr(interrupt, "__notes__", ["nothing was started"]):
            app.ui.note(f"• {sentence}")
        raise Exit(INTERRUPTED) from interrupt
    return run
