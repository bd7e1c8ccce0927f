"""Write a Compose file of the hired agents, for who runs a machine with Compose."""

import click

from ._app import App, headless_option, project_option


@click.command(
    help="Write compose.agents.yaml: each hired agent a service with its own profile, which begins when that is named.  "
    "`al up` needs no such file.",
)
@click.option("-o", "--output", metavar="-", type=click.Choice(["-"]), help="Print it instead.")
@project_option
@headless_option
@click.pass_obj
def command(app: App, output: str | None) -> None:
    from toolkit.ops import compose

    app.env = "local"
    services = app.services(offline=True)
    project = services.project
    assert project is not None  # noqa: S101 - loaded with one
    made = compose.composed(project, base=services.environment.images.get("base"))
    for note in made.notes:
        app.ui.warn(note)
    if output:
        app.ui.line(made.text.rstrip())
        return
    compose.make_places(project)
    app.ui.line(f"wrote {compose.write(project.directory, made.text)}")
    app.ui.note(
        f"start some: COMPOSE_PROFILES=agents-NAME,agents-OTHER docker compose -f {compose.FILE} up -d"
    )
