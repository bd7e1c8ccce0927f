"""Model servers of one's own: what is installed there, pulling more, how they are, and whether agents reach them."""

from typing import TYPE_CHECKING

import click

from ._app import App, Exit, json_option, project_option, shared
from ._model import flags, model_options

if TYPE_CHECKING:
    from toolkit.llm.bundle import Bundle, Resolution

agent_option = click.option("-a", "--agent", metavar="AGENT", help="With this agent's own files.")


@click.group(help="Look after the models on servers of your own, Ollama's above all.")
def command() -> None: ...


@command.command(
    "list", help="List the models that the server has; the one that runs use is marked."
)
@agent_option
@model_options
@project_option
@json_option
@click.pass_obj
def list_(app: App, /, agent: str | None, as_json: bool, **model: str | None) -> None:
    from toolkit.ops.llm import shelf

    found = shelf.of(_bundle(app, agent, **model))
    if as_json:
        app.ui.json(shelf.answer(found))
        return
    app.ui.table(shelf.HEADERS, shelf.cells(found))
    if not found.current:
        app.ui.warn(found.absence)


@command.command("pull", help="Pull MODEL, or the one that runs use, to the Ollama server.")
@click.argument("name", metavar="[MODEL]", required=False)
@agent_option
@model_options
@project_option
@click.pass_obj
def pull(app: App, /, name: str | None, agent: str | None, **model: str | None) -> None:
    from toolkit.ops.llm import shelf
    from toolkit.ops.llm.serving import Means
    from toolkit.wiring import home

    from ._pull import pull as fetch

    bundle = _bundle(app, agent, **model)
    means = Means(home=home(), note=app.ui.note)
    wanted = shelf.wanted(bundle, name)
    fetch(app, shelf.server(bundle, means), wanted)


@command.command(
    "status", help="Show the server: its version, what is loaded, and how large its window is."
)
@agent_option
@model_options
@project_option
@json_option
@click.pass_obj
def status(app: App, /, agent: str | None, as_json: bool, **model: str | None) -> None:
    from toolkit.ops.llm import shelf

    found = shelf.status(_bundle(app, agent, **model))
    if as_json:
        app.ui.json(found)
        return
    for name, value in shelf.lines(found):
        app.ui.line(f"{name.ljust(12)}{value}")


@command.command("check", help="Ask the models of AGENT, or of all, from where the agents run.")
@click.argument("agent", required=False)
@json_option
@shared
@click.pass_obj
def check(app: App, /, agent: str | None, as_json: bool) -> None:
    from toolkit.ops.llm import check as checks

    services = app.services()
    assert services.project is not None  # noqa: S101 - a project was loaded
    agents = [services.project.agent(agent)] if agent else services.project.agents
    found = []
    for one in checks.checked(services, agents, note=app.ui.note):
        found.append(one)
        for line in () if as_json else checks.lines(one):
            app.ui.line(line)
    if as_json:
        app.ui.json([one.to_dict() for one in found])
    if not found:
        app.ui.note("nothing was asked: no model is there, scripts run")
    if silent := checks.unsound(found):
        app.ui.note(silent)
    raise Exit(0 if all(one.sound for one in found) else 1)


def _bundle(app: App, agent: str | None, **model: str | None) -> "Bundle":
    """What a run on this machine would use; with the project's files only where an agent is named.

    Raises UsageError for a hosted provider, before its key is asked for."""
    from toolkit.ops.llm import shelf

    resolution = _resolution(app, agent, **model)
    shelf.refuse_hosted(resolution.provider)
    return resolution.bundle()


def _resolution(app: App, agent: str | None, **model: str | None) -> "Resolution":
    from toolkit.ops.load import load_services
    from toolkit.ops.settings import explained

    asked = flags(app, **{"llm_provider": None, "llm_model": None, "anthropic_key": None, **model})
    if agent is None:
        return explained(None, None, asked)
    services = load_services(app.directory, "local", note=app.ui.note, offline=True)
    assert services.project is not None  # noqa: S101 - it was loaded
    return explained(services, services.project.agent(agent), asked)
