"""Keep the credentials that agents use: ls, add, rm, types."""

import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from toolkit.core.agent import CredentialRef
from toolkit.core.errors import UsageError
from toolkit.core.secrets import Secret

from ._app import App, headless_option, json_option

_BEGIN, _END = "-----BEGIN", "-----END"  # the first and the last line of a key in PEM form


@click.group(
    help="Keep credentials on this machine, in ~/.action-llama/credentials; values are never shown."
)
def command() -> None: ...


@command.command("ls", help="List the credentials that are there.")
@json_option
@click.pass_obj
def list_(app: App, as_json: bool) -> None:
    from toolkit.ops import creds
    from toolkit.wiring import local_credentials

    found = creds.held(local_credentials(), warn=app.ui.warn)
    if as_json:
        app.ui.json([{"ref": str(h.ref), "fields": list(h.fields)} for h in found])
    elif not found:
        app.ui.line("No credentials yet: add one with `al creds add TYPE`.")
    else:
        app.ui.table(
            ("CREDENTIAL", "FIELDS", "WHAT"), [(h.ref, ", ".join(h.fields), h.label) for h in found]
        )


@command.command(
    "add",
    help="Add or replace REF (type[:instance]), asking for each field, or from stdin or files.",
)
@click.argument("ref")
@click.option(
    "--stdin",
    "from_stdin",
    is_flag=True,
    help="Read the value, or a JSON object of fields, from stdin.",
)
@click.option(
    "--file", "files", multiple=True, metavar="FIELD=PATH", help="Read one field from a file."
)
@headless_option
@click.pass_obj
def add(app: App, ref: str, from_stdin: bool, files: tuple[str, ...]) -> None:
    from toolkit.credentials import resolve
    from toolkit.ops import creds
    from toolkit.wiring import local_credentials

    parsed = creds.reference(ref)
    kind = resolve.type_of(parsed)
    values = dict(_from_file(entry) for entry in files)
    if from_stdin or (not files and not sys.stdin.isatty()):
        values |= creds.parse_input(kind, _piped())
    elif not files:
        values = _asked(app, parsed)
    written = creds.add(local_credentials(), parsed, values)
    app.ui.line(f"{parsed}: kept {', '.join(written)}")
    app.ui.note(
        "what runs here has it from now on, and an environment after `al push -E NAME`; runs that are under way keep what "
        "they have"
    )


def _piped() -> str:
    return _decoded(sys.stdin.buffer.read())


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(
            "what came on stdin is not UTF-8 text", hint="a credential is text: encode it first"
        ) from None  # the cause holds the text


def _from_file(entry: str) -> tuple[str, Secret]:
    name, _, path = entry.partition("=")
    return name, _content(
        path,
        UsageError(f"cannot read {path!r}", hint="write FIELD=PATH, with a readable text file"),
    )


def _content(path: str, refusal: UsageError) -> Secret:
    try:
        return Secret(Path(path).expanduser().read_text(encoding="utf-8").strip())
    except (OSError, ValueError, RuntimeError):  # no such file, no text, no such user's home
        raise refusal from None  # the cause holds bytes of the file, or what was typed


def _asked(app: App, ref: CredentialRef) -> dict[str, Secret]:
    from toolkit.credentials import resolve
    from toolkit.ops import creds

    if app.headless:
        raise UsageError(
            "headless never asks", hint="give the value with --stdin or --file FIELD=PATH"
        )
    values = {}
    for field in creds.asked(resolve.type_of(ref)):
        prompt = f"{field.label or field.name}{' (optional)' if field.optional else ''} (or @FILE)"
        ask = _hidden if field.secret else _shown
        values[field.name] = _entered(ask(prompt, field.optional))
    return values


def _shown(prompt: str, optional: bool) -> str:
    default = "" if optional else None
    text: str = click.prompt(prompt, default=default, show_default=False, err=True)
    with _no_echo():
        return _to_the_end(text.strip())


def _hidden(prompt: str, optional: bool) -> str:
    """What is typed or pasted, of which nothing is shown.

    Not by `getpass`: it discards what is pasted beyond the first line, so a key would lose all others.
    """
    with _no_echo():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
        text = ""
        while not text:
            click.echo(f"{prompt}: ", nl=False, err=True)
            line = _line()
            click.echo(err=True)  # the Enter that was not shown
            if not line:
                raise click.Abort
            text = line.strip()
            if optional:
                break
        return _to_the_end(text)


def _to_the_end(first: str) -> str:
    """A key of many lines up to its END line; any other value is `first` alone."""
    if not first.startswith(_BEGIN) or _END in first:
        return first
    click.echo("Reading up to the key's END line; Ctrl-D gives up.", err=True)
    lines = [first]
    while not lines[-1].startswith(_END):
        if not (line := _line()):
            raise UsageError(
                "the key has a BEGIN line and no END line",
                hint="paste all of it, or type @ and its file's path",
            )
        lines.append(line.strip())
    return "\n".join(lines)


def _line() -> str:
    return _decoded(sys.stdin.buffer.readline())


@contextmanager
def _no_echo() -> Iterator[None]:
    """The terminal shows nothing of what is typed; what nobody has read at the end is discarded."""
    before = termios.tcgetattr(sys.stdin)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quiet)  # keeps what is pasted already
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, before)


def _entered(text: str) -> Secret:
    """What was typed, or the content of the file that `@PATH` names: a key of many lines cannot be typed."""
    if not text.startswith("@"):
        return Secret(text)
    refusal = UsageError(  # without what was typed: it was not shown, and may be no file's name
        "what was typed begins with @ and names no readable text file",
        hint="type @ and a file's path; a value that begins with @ goes in with --stdin",
    )
    return _content(text[1:], refusal)


@command.command("rm", help="Remove REF (type[:instance]) from this machine.")
@click.argument("ref")
@click.pass_obj
def remove(app: App, ref: str) -> None:
    from toolkit.ops import creds
    from toolkit.wiring import local_credentials

    removed = creds.remove(local_credentials(), CredentialRef.parse(ref))
    app.ui.line(f"{ref}: removed {', '.join(removed)}")


@command.command("types", help="List the credential types, or show one.")
@click.argument("name", required=False)
@json_option
@click.pass_obj
def types(app: App, name: str | None, as_json: bool) -> None:
    from toolkit.credentials import resolve
    from toolkit.ops import creds

    kinds = [resolve.type_of(creds.reference(name))] if name else creds.types()
    rows = [
        (k.id, ", ".join(f.name for f in k.fields), ", ".join(k.environment), k.label)
        for k in kinds
    ]
    if as_json:
        app.ui.json([{"type": r[0], "fields": r[1].split(", "), "environment": list(k.environment), "label": k.label,
                      "help": k.help_url} for r, k in zip(rows, kinds, strict=True)])  # fmt: skip
        return
    app.ui.table(("TYPE", "FIELDS", "VARIABLES", "WHAT"), rows)
