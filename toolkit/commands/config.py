"""See and change which model runs use: explain, list, get, set, path."""

from typing import TYPE_CHECKING

import click

from ._app import App, json_option, project_option
from ._model import flags, model_options

if TYPE_CHECKING:
    from toolkit.llm.bundle import Resolution

agent_option = click.option("-a", "--agent", metavar="AGENT", help="With this agent's own files.")


@click.group(
    help="Which model runs on this machine use, and your own settings in ~/.action-llama/config.toml."
)
def command() -> None: ...


@command.command(
    "explain",
    help="Show every setting of the model, or KEY: its value, where that is from, and what it wins over.",
)
@click.argument("key", required=False)
@agent_option
@model_options
@project_option
@json_option
@click.pass_obj
def explain(
    app: App, /, key: str | None, agent: str | None, as_json: bool, **model: str | None
) -> None:
    from toolkit.ops import explain as told

    resolution = _resolved(app, agent, **model)
    rows = told.rows(resolution, key)
    if as_json:
        app.ui.json(told.answer(resolution, rows))
    else:
        app.ui.table(told.HEADERS, told.cells(rows))
    if resolution.problems:
        raise resolution.problems[0]


@command.command("list", help="List the settings that have a value, and where each is from.")
@agent_option
@project_option
@json_option
@click.pass_obj
def list_(app: App, agent: str | None, as_json: bool) -> None:
    from toolkit.ops import explain as told

    found = [r for r in told.rows(_resolved(app, agent), None) if r.value is not None]
    if as_json:
        app.ui.json({row.key: row.value for row in found})
    else:
        app.ui.table(("KEY", "VALUE", "ORIGIN"), [(r.key, r.value, r.origin) for r in found])


@command.command("get", help="Print the value that KEY comes to; of a key, only whether it is set.")
@click.argument("key")
@agent_option
@project_option
@click.pass_obj
def get(app: App, key: str, agent: str | None) -> None:
    from toolkit.ops import explain as told

    (row,) = told.rows(_resolved(app, agent), key)
    app.ui.line("" if row.value is None else str(row.value))


@command.command("set", help="Write KEY into your own settings; without VALUE, forget it.")
@click.argument("key")
@click.argument("value", required=False)
@click.pass_obj
def set_(app: App, key: str, value: str | None) -> None:
    from toolkit.config.user import canonical, write_user
    from toolkit.ops import explain as told
    from toolkit.wiring import home

    name = canonical(key)
    path = write_user(home(), name, value)
    app.ui.line(f"{path}: {name} = {value}" if value else f"{path}: {name} is not set")
    (row,) = told.rows(_resolved(app, None), name)
    if value and row.origin != str(path):
        app.ui.warn(f"{row.origin} counts more: {name} is {row.value}")


@command.command("path", help="Print where your own settings are kept, also before there are any.")
@click.pass_obj
def path(app: App) -> None:
    from toolkit.config.user import user_file
    from toolkit.wiring import home

    app.ui.line(str(user_file(home())))


def _resolved(app: App, agent: str | None, **model: str | None) -> "Resolution":
    """With the project's files only where an agent is named: without one, no project is needed."""
    from toolkit.core.errors import UsageError
    from toolkit.ops.load import load_services
    from toolkit.ops.settings import explained

    asked = flags(app, **{"llm_provider": None, "llm_model": None, "anthropic_key": None, **model})
    if agent is None:
        return explained(None, None, asked)
    services = load_services(app.directory, "local", note=app.ui.note, offline=True)
    assert services.project is not None  # noqa: S101 - it was loaded
    found = services.project.agent(agent)
    if found.script:
        raise UsageError(f"{agent} runs its test-script.sh, and no model", hint="name another one")
    return explained(services, found, asked)
