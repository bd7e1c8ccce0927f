"""The two ways of `al up`: a scheduler in the background, or this process itself."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.core.errors import UsageError

from ._app import App

if TYPE_CHECKING:
    from toolkit.ops.up import Up


def check(names: tuple[str, ...], *, every: bool, foreground: bool, as_json: bool) -> None:
    """Raises UsageError for what contradicts itself."""
    if names and every:
        raise UsageError("--all stands beside names", hint="give one of the two")
    if foreground and as_json:
        raise UsageError("--foreground has no end to tell of", hint="leave --json out")


def begun(
    app: App, names: tuple[str, ...], *, every: bool, foreground: bool, handed: Path | None
) -> "Up":
    """Turn them on; with credentials that were handed over, if there are any."""
    from toolkit.ops.handed import take
    from toolkit.ops.up import up

    services = app.services()
    if handed is not None:
        take(handed, services.local_store)
    return up(
        services,
        names,
        every=every,
        keep_going=app.keep_going,
        background=not foreground,
        note=app.ui.note,
    )


def work_here(app: App, done: "Up", port: int) -> None:
    """Be the scheduler of what is up, which has none of the variables that choose models."""
    from toolkit.ops.background import without_models
    from toolkit.ops.start import Wish

    from ._start import until_told

    for name in os.environ.keys() - without_models(os.environ).keys():
        del os.environ[name]
    until_told(app, Wish(port=port, hired=True, names=done.up), web_ui=False)
