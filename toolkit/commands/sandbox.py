"""Start, stop and look at the embedded clouds on this machine."""

import click

from ._app import App, json_option


@click.group(
    help="The embedded clouds: AWS's and Google's APIs, an OCI registry and an executor. They isolate nothing."
)
def command() -> None: ...


@command.command("start", help="Start it in the background; nothing happens when it runs already.")
@click.option("--keep", is_flag=True, help="Keep its contents when it stops.")
@json_option
@click.pass_obj
def start(app: App, keep: bool, as_json: bool) -> None:
    from toolkit.sandbox import daemon
    from toolkit.wiring import home

    sandbox = daemon.start(home(), keep=keep)
    if keep and not sandbox.keep:
        app.ui.warn("it runs already, and was started without --keep: `al sandbox stop` first")
    app.ui.json(sandbox.to_dict()) if as_json else app.ui.line(
        f"the sandbox runs at {sandbox.endpoint} (pid {sandbox.pid})"
    )


@command.command("stop", help="Stop it, with everything that runs in it.")
@click.option("--forget", is_flag=True, help="Throw away what --keep has kept, too.")
@click.pass_obj
def stop(app: App, forget: bool) -> None:
    from toolkit.sandbox import daemon
    from toolkit.wiring import home

    app.ui.line(
        "the sandbox has stopped"
        if daemon.stop(home(), forget=forget)
        else "the sandbox was not running"
    )


@command.command("status", help="Where it is, for boto3, the aws CLI or Google's clients.")
@json_option
@click.pass_obj
def status(app: App, as_json: bool) -> None:
    from toolkit.sandbox import daemon
    from toolkit.wiring import home

    sandbox = daemon.status(home())
    if as_json:
        unknown = dict.fromkeys(("pid", "aws", "gcp", "registry", "gateway"))
        nothing = {"running": False, **unknown}
        app.ui.json(sandbox.to_dict() if sandbox else nothing)
    elif sandbox is None:
        app.ui.line(
            "the sandbox is not running; `al sandbox start`, or any verb with -E sandbox or sandbox-gcp, starts it"
        )
    else:
        app.ui.table(("WHAT", "WHERE"), sandbox.rows())
