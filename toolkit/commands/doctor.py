"""Find what is wrong with the project, its credentials and the environment."""

import click

from toolkit.core.errors import UsageError

from ._app import App, Exit, json_option, shared, yes_option


@click.command(
    help="Examine the project, its credentials and what runs left behind in the environment."
)
@click.option("--fix", is_flag=True, help="Delete what runs left behind, after asking.")
@click.option("--check-only", is_flag=True, help="Change nothing (as without --fix).")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@json_option
@yes_option
@shared
@click.pass_obj
def command(app: App, fix: bool, check_only: bool, strict: bool, as_json: bool) -> None:
    from toolkit.ops import doctor

    if fix and check_only:
        raise UsageError(
            "--fix changes things and --check-only forbids it", hint="choose one of them"
        )
    services = app.services()
    with app.ui.steps() as step:
        findings = doctor.examine(services, fix=False, note=step)
        if fix and any(f.weight is doctor.Weight.LEFTOVER for f in findings):
            agreed = app.ui.agrees("Delete what was left behind?", headless_consents=True)
            findings = doctor.examine(services, fix=agreed, note=step)
    code = doctor.exit_code(findings, strict=strict)
    _show(app, findings, code, as_json=as_json)
    raise Exit(code)


def _show(app: App, findings: list, code: int, *, as_json: bool) -> None:  # type: ignore[type-arg]  # ops is loaded lazily
    if as_json:
        rows = [
            {
                "weight": f.weight,
                "about": f.about,
                "message": f.message,
                "remedy": f.remedy,
                "fixed": f.fixed,
            }
            for f in findings
        ]
        app.ui.json({"exit_code": code, "findings": rows})
        return
    for f in findings:
        app.ui.line(f"{'fixed' if f.fixed else f.weight.value}: {f.about}: {f.message}")
        app.ui.line(f"  → {f.remedy}")
    count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    app.ui.line(count if findings else "nothing is wrong")
