"""A secret behind an option: from stdin, a file or a variable, so that nobody else sees it."""

import os
import sys
from pathlib import Path

import click

from toolkit.core.errors import UsageError
from toolkit.core.secrets import Secret

from ._app import App


def typed_secret(app: App, text: str, *, option: str, what: str) -> Secret:
    """What `text` leads to: `-` is stdin, `@FILE` a file, `env:NAME` a variable, anything else itself, with a warning.

    Raises UsageError where there is nothing.
    """
    if text == "-":
        value = _from_stdin(app, what)
    elif text.startswith("@"):
        value = _from_file(text[1:], option)
    elif text.startswith("env:"):
        value = os.environ.get(text.removeprefix("env:"), "")
    else:
        app.ui.warn(_seen(option))
        value = text
    if not value.strip():
        raise UsageError(f"{option}: there is no key there", hint="- for stdin, @FILE, or env:NAME")
    return Secret(value.strip())


def _seen(option: str) -> str:
    return (
        "a key on the command line is seen in process lists and kept in the shell's history: "
        f"{option} - reads it from stdin, @FILE from a file, env:NAME from a variable"
    )


def _from_stdin(app: App, what: str) -> str:
    if app.ui.attended:
        typed: str = click.prompt(what, hide_input=True, err=True)
        return typed
    return sys.stdin.read()


def _from_file(path: str, option: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError):  # no such file, no text, no such user's home
        raise UsageError(
            f"{option}: {path!r} cannot be read", hint="name a readable text file"
        ) from None  # the cause holds bytes of the file
