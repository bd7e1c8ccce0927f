"""Remove what the environment, or one agent, has in its account, and prove that it is gone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ._app import App, Exit, json_option, shared, yes_option

if TYPE_CHECKING:
    from toolkit.ops.teardown import Teardown
    from toolkit.ops.teardown.steps import Receipt

DECLINED = "not agreed: nothing was removed"


@click.command(
    help="Remove everything that the environment, or one AGENT, has in its account. Only what carries this "
    "project's and environment's tags is touched; what stays is said, with the reason."
)
@click.argument("agent", required=False)
@click.option("--dry-run", is_flag=True, help="Show what would go and what would stay.")
@json_option
@yes_option
@shared
@click.pass_obj
def command(app: App, agent: str | None, dry_run: bool, as_json: bool) -> None:
    from toolkit.ops import teardown
    from toolkit.ops.load import load_account
    from toolkit.ops.teardown import steps as teardown_steps

    with app.ui.steps() as step:
        services = load_account(app.directory, app.env, note=app.ui.note)
        step(f"looking at everything in {services.environment.name}")
        decided = teardown.decide(services, agent)
    _show(app, decided)
    if dry_run:
        if as_json:
            app.ui.json(decided.to_dict())
        return
    agree(app, decided, as_json=as_json)
    with app.ui.steps() as step:
        receipt = teardown_steps.carry_out(decided, step)
    app.ui.json(receipt.to_dict()) if as_json else _say(app, receipt, shown=decided.notes)
    raise Exit(_ended(app, receipt))


def agree(app: App, decided: "Teardown", *, as_json: bool) -> None:
    """Ask where something is to go.  Raises Exit for a no: who asked for a teardown has not got one."""
    from toolkit.ops.teardown import steps as teardown_steps

    asked = f"Remove this from {decided.services.environment.name}? It cannot be brought back."
    if not decided.due or app.ui.agrees(asked, headless_consents=False):
        return
    app.ui.note(DECLINED)
    if as_json:
        app.ui.json(teardown_steps.begun(decided, DECLINED).to_dict())
    raise Exit(1)


def _show(app: App, decided: "Teardown") -> None:
    app.ui.plan(decided.plan, empty="nothing of it is there")
    for left in decided.left:
        app.ui.note(f"  = {left.item.kind} {left.item.name} stays  ({left.why})")
    for note in decided.notes:
        app.ui.note(f"note: {note}")


def _say(app: App, receipt: "Receipt", *, shown: Sequence[str]) -> None:
    count, where = len(receipt.removed), receipt.environment
    what = f"{receipt.agent} of {receipt.project}" if receipt.agent else receipt.project
    app.ui.line(
        f"removed {count} {'thing' if count == 1 else 'things'} of {what} from {where} in {receipt.seconds:.1f} s"
        if count
        else f"nothing of {what} was removed from {where}"
    )
    for item in receipt.absent:
        app.ui.line(f"was gone already: {item.kind} {item.name}")
    for left in receipt.left:
        app.ui.line(f"left: {left.item.kind} {left.item.name}: {left.why}")
    for note in receipt.notes:
        if note not in shown:
            app.ui.line(f"note: {note}")
    if receipt.verified_absent:
        app.ui.line(f"looked again at {receipt.verified_absent}: nothing of it is there")


def _ended(app: App, receipt: "Receipt") -> int:
    """The exit code; each thing that resisted is an error of its own."""
    for failure in receipt.failed:
        app.ui.error(
            f"the {failure.item.kind} {failure.item.name} is still there: {failure.message}",
            failure.hint,
        )
    return 1 if receipt.failed else 0
