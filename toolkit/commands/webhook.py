"""Try a webhook on the project's agents, without a gateway."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._app import App, Exit, json_option, shared

if TYPE_CHECKING:
    from toolkit.ops.webhook import Tried

NOBODY = 1  # exit code: no agent wants it


@click.group(help="Try a webhook on the project's agents, without a gateway.")
def command() -> None: ...


@click.command(
    help="Show what agents would be told of the webhook in FIXTURE, and which of them want it, filter by filter.",
    epilog='FIXTURE is a JSON file with "headers" and "body", or the body alone. Signatures are not looked at. '
    "The exit code is 1 when no agent wants it, and with --run that of the first run that fails.",
)
@click.argument("fixture", type=click.Path(path_type=Path))
@click.option(
    "-s",
    "--source",
    metavar="NAME",
    help="The source, by its name or its type. [by the headers, or the only type there is]",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="A further header; may be repeated.",
)
@click.option(
    "-r", "--run", "run", is_flag=True, help="Run the agents that want it, one after the other."
)
@json_option
@shared
@click.pass_obj
def replay(
    app: App, /, fixture: Path, source: str | None, headers: tuple[str, ...], **how: bool
) -> None:
    from toolkit.ops import webhook

    services = app.services(offline=not how["run"])
    assert services.project is not None  # noqa: S101 - it was loaded
    seen = webhook.tried(services.project, webhook.read(fixture, headers), source)
    if how["as_json"]:
        app.ui.json(webhook.answer(seen))
    else:
        _show(app, seen)
    if not seen.wanted_by:
        raise Exit(NOBODY)
    if how["run"]:
        _run(app, seen)


command.add_command(replay, "replay")
command.add_command(replay, "simulate")


def _show(app: App, seen: "Tried") -> None:
    from toolkit.ops import webhook

    if seen.context is None:
        app.ui.line(
            f"{seen.type}: no event, as a ping or a body without its headers is none; nothing starts"
        )
        return
    told = webhook.answer(seen)["context"]
    app.ui.table(("FIELD", "VALUE"), [(name, _short(value)) for name, value in told.items()])
    app.ui.line()
    app.ui.table(("AGENT", "SOURCE", "FILTER", "WANTED", "FOUND"), webhook.rows(seen))
    app.ui.line()
    names = ", ".join(seen.wanted_by)
    app.ui.line(f"matched: {names}" if names else "matched: no agent")


def _short(value: object) -> str:
    told = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = " ".join(told.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _run(app: App, seen: "Tried") -> None:
    from toolkit.ops import follow, webhook
    from toolkit.ops import run as runs

    services, code = app.services(), 0
    for agent in seen.wanted_by:
        run = webhook.start(services, seen, agent, app.ui.note)
        app.ui.note(f"• {run.id} started on {run.runtime}")
        run = follow.to_end(services, run, show=app.ui.note, note=app.ui.note, ask=app.ui.choose)
        app.ui.note(follow.sentence(run))
        code = code or runs.exit_code(run)
    raise Exit(code)
