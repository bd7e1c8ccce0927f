"""Put the project into its environment: infrastructure, images, definitions, credentials."""

from typing import Any

import click

from ._app import App, json_option, shared, yes_option


@click.command(
    help="Push the project, or one AGENT, to the environment; what has not changed is left alone."
)
@click.argument("agent", required=False)
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@click.option(
    "--skip-creds", "--no-creds", "--files-only", "skip_creds", is_flag=True,
    help="Leave the values of credentials out.",
)  # fmt: skip
@click.option("--creds-only", is_flag=True, help="Push the values of credentials and nothing else.")
@click.option(
    "-a", "--all", "again", is_flag=True,
    help="Do everything again, unchanged or not: believe the cloud, not the record.",
)  # fmt: skip
@click.option("--rollback", is_flag=True, help="Return to the definitions before the last push.")
@click.option(
    "--install-pulumi", is_flag=True, help="Install the Pulumi CLI when it is needed and missing."
)
@json_option
@yes_option
@shared
@click.pass_obj
def command(app: App, /, **chosen: Any) -> None:
    from ._push import Visit, Wish

    Visit(app, Wish(**chosen)).make()
