"""Run an agent now, in the chosen environment, and follow it to its end."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ._app import App, Exit, json_option, shared
from ._model import flags, model_options
from ._pull import pull_options, pulling

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
@click.option(
    "--print-prompt", is_flag=True, help="Show what the model would be told, and start nothing."
)
@model_options
@pull_options
@json_option
@shared
@click.pass_obj
def command(
    app: App, /, agent: str, prompt: str | None, detach: bool, as_json: bool, **model: Any
) -> None:
    from toolkit.ops import follow
    from toolkit.ops import run as runs

    if model.pop("print_prompt"):
        _print_prompt(app, agent, prompt, as_json)
        return
    pull, compatible = model.pop("pull"), model.pop("allow_compatible")
    asked = replace(flags(app, **model), compatible=compatible)
    services = app.services()
    run = pulling(app, lambda: _started(app, services, agent, prompt, asked), consent=pull)
    if not detach:
        show = app.ui.note if as_json else app.ui.line
        run = follow.to_end(services, run, show=show, note=app.ui.note, ask=app.ui.choose)
        app.ui.note(follow.sentence(run))
    if as_json:
        app.ui.json(runs.summary(run))
    raise Exit(runs.exit_code(run) if not detach else 0)


def _print_prompt(app: App, agent: str, prompt: str | None, as_json: bool) -> None:
    from dataclasses import asdict

    from toolkit.ops.prompt import told

    found = told(app.services(), agent, prompt)
    if as_json:
        app.ui.json(asdict(found))
    else:
        app.ui.line(found.text())


def _where(run: "Run") -> str:
    queued = run.state.value == "queued"
    return "is queued: the scheduler starts it" if queued else f"started on {run.runtime}"


def _started(
    app: App, services: "Services", agent: str, prompt: str | None, asked: "Flags"
) -> "Run":
    """Ctrl-C says what became of the run: whoever would run the same command again would start another one."""
    from toolkit.ops import launch
    from toolkit.ops.run import INTERRUPTED

    run = None
    try:
        run = launch.start(services, agent, prompt, flags=asked, note=app.ui.note)
        app.ui.note(f"• {run.id} {_where(run)}")
        if run.page:
            app.ui.note(f"• {run.page}")
    except KeyboardInterrupt as interrupt:
        goes_on = [f"{run.id} goes on; `al logs {run.id} -f` follows it"] if run else []
        for sentence in goes_on or getattr(interrupt, "__notes__", ["nothing was started"]):
            app.ui.note(f"• {sentence}")
        raise Exit(INTERRUPTED) from interrupt
    return run
