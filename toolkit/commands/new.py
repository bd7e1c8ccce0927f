"""Create a project with two example agents that run without any key."""

import shlex

import click

from ._app import App, headless_option


@click.command(help="Create the directory NAME with a project in it.")
@click.argument("name")
@click.option(
    "--provider", default="anthropic", show_default=True, help="Of the model that is configured."
)
@click.option("--model", help="Its name. [the provider's default]")
@click.option(
    "--no-interactive", is_flag=True, hidden=True, help="Accepted; nothing is ever asked."
)
@headless_option
@click.pass_obj
def command(app: App, name: str, provider: str, model: str | None, no_interactive: bool) -> None:
    from toolkit.ops import new

    for path in new.create(new.directory(name), provider=provider, model=model):
        app.ui.note(f"  + {path}")
    app.ui.line(f"created {name}")
    app.ui.note(
        f"next: cd {shlex.quote(str(name))}, then `al push -E sandbox` and `al run hello -E sandbox`"
    )
