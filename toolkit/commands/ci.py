"""Let CI push: write the workflow, and say who must be trusted for it."""

from typing import TYPE_CHECKING

import click

from ._app import App, env_option, json_option, project_option

if TYPE_CHECKING:
    from toolkit.ops.ci import Written

WORDS = {"created": "wrote {}", "replaced": "replaced {}", "unchanged": "{} is up to date"}


@click.group(help="Continuous integration: push from there, without a key kept anywhere.")
def command() -> None: ...


@command.group("init", help="Write what a CI system needs to push this project.")
def init() -> None: ...


@init.command(
    "github",
    help="Write a workflow of GitHub Actions that pushes to the environment whenever BRANCH moves, and print what "
    "makes the cloud trust it. Nothing is changed there or at GitHub.",
)
@click.option(
    "--repo", metavar="OWNER/NAME", help="The repository, [HOST/]OWNER/NAME. [git's origin]"
)
@click.option("--branch", default="main", show_default=True, help="The branch that is deployed.")
@click.option(
    "--role",
    metavar="NAME|ARN",
    help="The role of the job, on Google Cloud its service account. [ci-al-PROJECT-ENVIRONMENT]",
)
@click.option(
    "--ids", metavar="NUMBER/NUMBER", help="The numbers of owner and repository at GitHub."
)
@click.option(
    "--project-number",
    metavar="NUMBER",
    help="Of Google's project, which its identity provider is named by.",
)
@click.option("--install", metavar="SPEC", help="What pip installs: a requirement, or '-r FILE'.")
@click.option(
    "--plan-on-pr", is_flag=True, help="Show the plan of pull requests, with a role of its own."
)
@click.option(
    "--file", default="al-deploy.yml", show_default=True, help="The workflow's file name."
)
@click.option("--force", is_flag=True, help="Replace a workflow that says something else.")
@json_option
@env_option
@project_option
@click.pass_obj
def github(app: App, /, as_json: bool, **wish: str | bool) -> None:
    from toolkit.ops import ci

    written = ci.github(app.directory, ci.Wish(env=app.env, **wish))  # type: ignore[arg-type]
    for warning in written.warnings:
        app.ui.warn(warning)
    app.ui.json(written.to_dict()) if as_json else _say(app, written)


def _say(app: App, written: "Written") -> None:
    app.ui.line(WORDS[written.outcome].format(written.path))
    app.ui.note("before its first run, once, by somebody who may (docs/ci.md explains each step):")
    for number, step in enumerate(written.steps, 1):
        app.ui.line(f"\n# {number}. {step.why}")
        for each in step.commands:
            app.ui.line(each)
        for name, value in step.settings:
            app.ui.line(f"#   {name}: {value}")
    app.ui.line(
        f"\n# {len(written.steps) + 1}. Commit the workflow: its first run pushes nothing new."
    )
