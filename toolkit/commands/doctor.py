"""Find what is wrong with the project, its credentials and the environment."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from toolkit.core.errors import UsageError

from ._app import App, Exit, json_option, shared, yes_option

if TYPE_CHECKING:
    from toolkit.ops.findings import Finding
    from toolkit.scheduler.sweeper import Leftover
    from toolkit.wiring import Services


@click.command(
    help="Examine the project, its credentials and what runs left behind in the environment."
)
@click.option("--fix", is_flag=True, help="Delete what runs left behind, after asking.")
@click.option("--check-only", is_flag=True, help="Change nothing: not even record how runs ended.")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@json_option
@yes_option
@shared
@click.pass_obj
def command(app: App, fix: bool, check_only: bool, strict: bool, as_json: bool) -> None:
    from toolkit.ops import findings as of
    from toolkit.ops import leftovers

    if fix and check_only:
        raise UsageError("--fix changes things, --check-only nothing", hint="choose one of them")
    say = app.ui.note if as_json else app.ui.line
    services, findings = _examined(app, settle=not check_only)
    _show(findings, say)
    say(of.counted(findings))
    due = leftovers.due(findings) if fix else []
    if services and due and app.ui.agrees(f"{_these(due)}?", headless_consents=True):
        done = _swept(app, services, due)
        _show(done, say)
        findings = [*(f for f in findings if f.leftover not in due), *done]
    code = of.exit_code(findings, strict=strict)
    if as_json:
        app.ui.json({"exit_code": code, "findings": [f.to_dict() for f in findings]})
    raise Exit(code)


def _examined(app: App, *, settle: bool) -> "tuple[Services | None, list[Finding]]":
    """What is wrong; without services where the project cannot even be loaded."""
    from toolkit.config.problems import ConfigErrors
    from toolkit.ops import doctor

    with app.ui.steps() as step:
        try:
            services = app.services()
        except ConfigErrors as errors:
            step("the configuration cannot be used, so nothing else is examined")
            return None, doctor.unreadable(errors)
        return services, doctor.examine(services, settle=settle, note=step)


def _swept(app: App, services: "Services", due: "Sequence[Leftover]") -> "list[Finding]":
    from toolkit.ops import leftovers

    with app.ui.steps() as step:
        step(_these(due).replace("Delete", "deleting"))
        return list(leftovers.swept(services, due))


def _these(due: "Sequence[Leftover]") -> str:
    return "Delete this secret" if len(due) == 1 else f"Delete these {len(due)} secrets"


def _show(findings: "Sequence[Finding]", say: Callable[[str], None]) -> None:
    for f in findings:
        say(f"{'fixed' if f.fixed else f.weight.value}: {f.about}: {f.message}")
        say(f"  → {f.remedy}")
