"""The options that choose a model for one run, and how a key is given without being seen."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.core.errors import UsageError
from toolkit.core.secrets import Secret

from ._app import App

if TYPE_CHECKING:
    from toolkit.llm.candidates import Flags

SEEN = (
    "a key on the command line is seen in process lists and kept in the shell's history: "
    "--anthropic-key - reads it from stdin, @FILE from a file, env:NAME from a variable"
)


def model_options(command: Any) -> Any:
    """--llm-provider, --llm-model and --anthropic-key."""
    provider = click.option(
        "--llm-provider", metavar="NAME", help="The model's provider, for this run."
    )
    model = click.option(
        "--llm-model", metavar="MODEL", help="The model, for this run; also PROVIDER:MODEL."
    )
    key = click.option(
        "--anthropic-key",
        metavar="KEY",
        help="Anthropic's key, for this run: - for stdin, @FILE, or env:NAME; the key itself would be seen by others.",
    )
    return provider(model(key(command)))


def flags(
    app: App, llm_provider: str | None, llm_model: str | None, anthropic_key: str | None
) -> "Flags":
    """What was typed.  Raises UsageError for a key that cannot be read."""
    from toolkit.llm.candidates import Flags

    key = None if anthropic_key is None else _key(app, anthropic_key)
    return Flags(provider=llm_provider, model=llm_model, anthropic_key=key)


def _key(app: App, text: str) -> Secret:
    if text == "-":
        value = _from_stdin(app)
    elif text.startswith("@"):
        value = _from_file(text[1:])
    elif text.startswith("env:"):
        value = os.environ.get(text.removeprefix("env:"), "")
    else:
        app.ui.warn(SEEN)
        value = text
    if not value.strip():
        raise UsageError(
            "--anthropic-key: there is no key there", hint="- for stdin, @FILE, or env:NAME"
        )
    return Secret(value.strip())


def _from_stdin(app: App) -> str:
    if app.ui.attended:
        typed: str = click.prompt("Anthropic API key", hide_input=True, err=True)
        return typed
    return sys.stdin.read()


def _from_file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError):  # no such file, no text, no such user's home
        raise UsageError(
            f"--anthropic-key: {path!r} cannot be read", hint="name a readable text file"
        ) from None  # the cause holds bytes of the file
