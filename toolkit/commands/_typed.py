"""A secret behind an option: from stdin, a file or a variable, so that nobody else sees it."""

import os
import sys
from pathlib import Path

import click

from toolkit.core.errors import UsageError
from toolkit.core.secrets import Secret

from ._app import App

WAYS = "- for stdin, @FILE, or env:NAME"


def typed_secret(app: App, text: str, *, option: str, what: str) -> Secret:
    """What `text` leads to: `-` is stdin, `@FILE` a file, `env:NAME` a variable, anything else itself, with a warning.

    Raises UsageError where there is nothing.
    """
    value, where = _found(app, text, option, what)
    if not value.strip():
        raise UsageError(f"{option}: there is nothing {where}", hint=WAYS)
    return Secret(value.strip())


def ask_secret(what: str) -> Secret:
    """What somebody at this terminal types; it is not shown."""
    typed: str = click.prompt(what, hide_input=True, err=True)
    return Secret(typed.strip())


def _found(app: App, text: str, option: str, what: str) -> tuple[str, str]:
    """The value, and where it was looked for."""
    name = text[1:] if text.startswith("@") else text.removeprefix("env:")
    if text == "-":
        return _from_stdin(app, what), "on stdin"
    if text.startswith("@"):
        return _from_file(name, option), f"in the file {name}"
    if text.startswith("env:"):
        return _from_variable(name, option), f"in the variable {name}"
    app.ui.warn(_seen(option))
    return text, "in it"


def _seen(option: str) -> str:
    return (
        "a key on the command line is seen in process lists and kept in the shell's history: "
        f"{option} - reads it from stdin, @FILE from a file, env:NAME from a variable"
    )


def _from_stdin(app: App, what: str) -> str:
    return ask_secret(what).reveal() if app.ui.attended else sys.stdin.read()


def _from_variable(name: str, option: str) -> str:
    if name not in os.environ:
        what = f"the variable {name} is not set" if name else "env: names no variable"
        raise UsageError(f"{option}: {what}", hint=WAYS)
    return os.environ[name]


def _from_file(path: str, option: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError):  # no such file, no text, no such user's home
        raise UsageError(
            f"{option}: {path!r} cannot be read", hint="name a readable text file"
        ) from None  # the cause holds bytes of the file
