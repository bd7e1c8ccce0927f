"""Make, list, show and choose environments."""

import os
from pathlib import Path

import click

from ._app import App, env_option, json_option, project_option


@click.group(help="Environments: where `-E NAME` leads to.")
def command() -> None: ...


@command.command(
    "init", help="Write a skeleton for environment NAME into ~/.action-llama/environments."
)
@click.argument("name")
@click.option(
    "-t",
    "--type",
    "kind",
    type=click.Choice(["ecs", "cloud-run"]),
    default="ecs",
    show_default=True,
)
@click.pass_obj
def init(app: App, name: str, kind: str) -> None:
    from toolkit.ops import env
    from toolkit.wiring import home

    app.ui.line(f"wrote {env.init(home(), name, kind)}")
    app.ui.note("replace every REPLACE_ME, then `al doctor -E " + name + "`")


@command.command("list", help="List the environments that can be chosen here.")
@project_option
@json_option
@click.pass_obj
def list_(app: App, as_json: bool) -> None:
    from toolkit.ops import env
    from toolkit.wiring import home

    found = env.listed(home(), app.directory)
    if as_json:
        app.ui.json([{"name": name, "where": where} for name, where in found])
    else:
        app.ui.table(("ENVIRONMENT", "WHERE"), found)


@command.command("show", help="Show every setting of an environment, and where each comes from.")
@click.argument("name", required=False)
@project_option
@env_option
@json_option
@click.pass_obj
def show(app: App, name: str | None, as_json: bool) -> None:
    from toolkit.config import load as config
    from toolkit.wiring import home

    chosen = name or app.env
    rows = config.explain(app.directory.resolve(), chosen, home=home(), variables=os.environ)
    if as_json:
        app.ui.json(
            [
                {"key": r.key, "value": r.value, "origin": r.origin, "shadowed": list(r.shadowed)}
                for r in rows
            ]
        )
    else:
        app.ui.table(("KEY", "VALUE", "ORIGIN"), [(r.key, r.value, r.origin) for r in rows])


@command.command("set", help="Bind this project to environment NAME; without NAME, unbind it.")
@click.argument("name", required=False)
@project_option
@click.pass_obj
def set_(app: App, name: str | None) -> None:
    from toolkit.ops import env
    from toolkit.wiring import home

    path = env.bind(Path(app.directory), name)
    if name and name not in dict(env.listed(home(), app.directory)):
        app.ui.warn(f"there is no environment {name} yet: make it with `al env init {name}`")
    app.ui.line(f"{path}: environment = {name}" if name else f"{path}: bound to no environment")
