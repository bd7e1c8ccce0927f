"""Pulling a model of Ollama's: after consent only, with its size and how far it is; never where nobody can be asked."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ._app import App

if TYPE_CHECKING:
    from toolkit.llm.ollama_server import OllamaServer
    from toolkit.ops.llm.presence import ModelMissing

T = TypeVar("T")
Note = Callable[[str], None]
STEP = 5  # per cent between two lines, where no terminal can show it moving


def pull_options(command: Any) -> Any:
    """--pull and --allow-compatible."""
    pull = click.option(
        "--pull", is_flag=True, help="Pull the model if the Ollama server does not have it."
    )
    compatible = click.option(
        "--allow-compatible",
        is_flag=True,
        help="Take another size of the same model if the Ollama server has only that.",
    )
    return pull(compatible(command))


def pulling(app: App, begin: Callable[[], T], *, consent: bool) -> T:
    """What `begin` gives; once more after the model that it lacks was pulled, if the user wants that."""
    from toolkit.ops.llm.presence import ModelMissing

    try:
        return begin()
    except ModelMissing as missing:
        if not (consent or _wanted(app, missing)):
            raise
        server, name = missing.server, missing.name
    pull(app, server, name)
    return begin()


def unrepeated(note: Note) -> Note:
    """`note`, which says nothing twice: what is begun once more would say it all once more."""
    said: set[str] = set()

    def told(text: str) -> None:
        if text not in said:
            said.add(text)
            note(text)

    return told


def _wanted(app: App, missing: "ModelMissing") -> bool:
    from toolkit.ops.llm.presence import about

    if not app.ui.attended:
        return False
    app.ui.note(f"• {missing.message}")
    return app.ui.agrees(f"Pull {missing.name}, {about(missing.name)}?", headless_consents=False)


def pull(app: App, server: "OllamaServer", name: str) -> None:
    """Shows how far it is.  Raises what the server refuses; Ctrl-C leaves what has come, and the next one goes on there."""
    from toolkit.ops.llm.presence import about
    from toolkit.ops.llm.shelf import in_words as size

    app.ui.note(f"• pulling {name}, {about(name)}, to {server.url}")
    said, status = -STEP, ""
    with app.ui.steps() as step:
        for progress in server.pull(name):
            percent = 100 * progress.done // progress.total if progress.total else 0
            if progress.total and percent >= said + (1 if app.ui.lively else STEP):
                step(f"{percent} % of {size(progress.total)}")
                said = percent
            elif not progress.total and progress.status != status:
                step(progress.status)
            status = progress.status
    app.ui.note(f"• {name} is installed at {server.url}")
