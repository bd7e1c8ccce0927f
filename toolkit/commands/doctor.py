"""Find what is wrong with the project, its credentials and the environment."""

from typing import Any

import click

from ._app import App, Exit, json_option, shared, yes_option
from ._doctor import ALL, Visit, Wish


@click.command(
    help="Examine the project, its credentials, the account, and what runs left behind in the environment; of AGENT, also whether its models answer."
)
@click.argument("agent", required=False)
@click.option(
    "--fix",
    is_flag=True,
    help="Delete what runs left behind, and set up the users that agents run as, after asking.",
)
@click.option(
    "-c", "--cloud", is_flag=True, help="Compare the cloud's identities and repair them, after asking."
)  # fmt: skip
@click.option("--check-only", is_flag=True, help="Change nothing: not even record how runs ended.")
@click.option(
    "--check-credentials", is_flag=True, help="Also ask the credentials' issuers: one request each."
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@click.option(
    "--prove", is_flag=True, help="Show that no agent reaches what is another's. Offline."
)
@click.option(
    "--operator-policy", metavar="[NAME]", is_flag=False, flag_value=ALL,
    help="Print the policies that whoever runs al needs, or one of them. Offline.",
)  # fmt: skip
@json_option
@yes_option
@shared
@click.pass_obj
def command(app: App, /, **chosen: Any) -> None:
    visit = Visit(app, Wish(**chosen))
    if visit.wish.operator_policy:
        visit.show_policies()
        return
    if visit.wish.examines:
        visit.examine()
        visit.set_up()
        visit.sweep()
        visit.reconcile()
    visit.prove()
    raise Exit(visit.tell())
