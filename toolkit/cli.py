"""The `al` command: finds verbs by file name, loads only the one that is called, and ends the process.

This is the one place where an error becomes text and an exit code.  It must stay light: `al --help` imports
click and `core.errors`, no verb, no cloud library.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import NoReturn, TextIO

import click

from toolkit import __version__
from toolkit.core.errors import AlError

COMMANDS = Path(__file__).parent / "commands"
ALIASES = {"status": "stat"}
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def verbs() -> list[str]:
    """Every file in `commands` that does not begin with an underscore."""
    return sorted(m.name for m in iter_modules([str(COMMANDS)]) if not m.name.startswith("_"))


def summary(verb: str) -> str:
    """A verb's one line of help: the first line of its file's docstring, read without importing it."""
    with (COMMANDS / f"{verb}.py").open(encoding="utf-8") as file:
        return file.readline().strip().strip('"')


class Verbs(click.Group):
    """A group whose commands are the files of `toolkit/commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return verbs()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in verbs():
            return None
        command: click.Command = import_module(f"toolkit.commands.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args and self.get_command(ctx, args[0]) is None:
            from toolkit.core.errors import UnknownPlugin

            raise UnknownPlugin("command", args[0], verbs())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, summary(verb)) for verb in verbs()])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `al new NAME`, then `al push -E sandbox`: no cloud account needed.",
)
@click.version_option(__version__, prog_name="al")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:  # `main` takes --debug out of the words
    """Put autonomous LLM agents into your own cloud account, and run them there."""
    from toolkit.commands._app import App

    ctx.ensure_object(App)


def main() -> NoReturn:
    """The console script."""
    _keep_standard_streams_free()
    _end_as_by_ctrl_c()
    words = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(words) < len(sys.argv) - 1
    code = run(lambda: cli.main(words, prog_name="al", standalone_mode=False), debug=debug)
    for stream in (sys.stdout, sys.stderr):
        _drain(stream)
    sys.exit(code)


def _keep_standard_streams_free() -> None:
    """Where one was closed (`>&-`), the next file opened would get its number, and what a child prints."""
    import os

    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _end_as_by_ctrl_c() -> None:
    """A closed terminal and a cancelled CI job send other signals than Ctrl-C; what is under way is undone alike."""
    import signal

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


def run(call: Callable[[], object], *, debug: bool = False) -> int:
    """The exit code of `call()`, its errors told on stderr (architecture: 0, 1, 2, 3, or the agent's own)."""
    from toolkit.commands._app import Exit

    try:
        result = call()
    except Exit as end:
        return end.code
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        with suppress(OSError):  # a full stderr does not change the code
            error.show()
        return error.exit_code
    except AlError as error:
        _say(error.message, "\n".join((error.hint, *getattr(error, "__notes__", ()))))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as end:
        hint = "nothing more is done; run the same command again to finish what it began"
        # click makes an Abort of an interrupt, whose notes are those of its cause
        notes = [note for e in (end, end.__cause__) for note in getattr(e, "__notes__", ())]
        _say("interrupted", "\n".join((hint, *notes)))
        return INTERRUPTED
    except BrokenPipeError:
        _drain(sys.stdout)
        return 0
    except OSError as error:
        if debug:
            return _unexpected(error, debug=True)
        _say(
            f"{error.filename or 'the system'}: {error.strerror or error}",
            "check that it exists, is yours, and has room",
        )
        return 1
    except Exception as error:  # the one place that turns the unexpected into a line
        return _unexpected(error, debug=debug)
    return result if isinstance(result, int) else 0


def _say(message: str, hint: str) -> None:
    from toolkit.ui import Ui

    Ui().error(message, hint)


def _drain(stream: TextIO | None) -> None:
    """Keep the interpreter from failing again, with a code of its own, on what a closed or full stream has not taken."""
    import os

    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _unexpected(error: Exception, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    text = str(error).splitlines()[0] if str(error) else ""
    _say(
        f"unexpected {type(error).__name__}: {text}",
        "run `al --debug ...` to see where; please report it",
    )
    return 1


if __name__ == "__main__":
    main()
