"""The options that show what a model would be told, in place of a run."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from toolkit.core.errors import UsageError

from ._app import App

CAUSES = ("manual", "schedule", "rerun", "call")


def prompt_options(command: Any) -> Any:
    """--print-prompt, and of which run: --trigger or --webhook."""
    shown = click.option(
        "--print-prompt", is_flag=True, help="Show what the model would be told, and start nothing."
    )
    trigger = click.option(
        "--trigger",
        type=click.Choice(CAUSES),
        help="With --print-prompt: of a run that starts so; PROMPT is what the caller of a call says. [manual]",
    )
    webhook = click.option(
        "--webhook",
        metavar="FIXTURE",
        type=click.Path(path_type=Path),
        help="With --print-prompt: of a run that this webhook starts; a file as for al webhook simulate.",
    )
    return shown(trigger(webhook(command)))


def printed(app: App, agent: str, prompt: str | None, as_json: bool, how: dict[str, Any]) -> bool:
    """Whether the prompt was asked for, and is shown now.  Takes its options out of `how`."""
    wanted, trigger, webhook = (how.pop(name) for name in ("print_prompt", "trigger", "webhook"))
    if not wanted:
        if trigger or webhook:
            raise UsageError(
                "--trigger and --webhook are for a prompt that is shown", hint="add --print-prompt"
            )
        return False
    _show(app, agent, (prompt, trigger, webhook), as_json)
    return True


def _show(
    app: App, agent: str, cause: tuple[str | None, str | None, Path | None], as_json: bool
) -> None:
    from toolkit.ops.prompt import told

    found = told(app.services(), agent, *cause)
    if found.note:
        app.ui.warn(found.note)
    if as_json:
        app.ui.json({name: text for name, text in asdict(found).items() if name != "note"})
    else:
        app.ui.line(found.text())
