"""docs/cli.md, written from what click knows of the verbs."""

import click

from toolkit.cli import cli, verbs

HEAD = """\
# The `al` command

Written from the program's own help by `AL_UPDATE_DOCS=1 make test ARGS=tests/test_docs.py`.

`--debug`, anywhere in a call, shows the traceback of an unexpected error; `-h` works everywhere.
stdout is the answer, stderr the conversation.
"""


def reference() -> str:
    """The whole page."""
    with click.Context(cli, info_name="al") as context:
        return HEAD + "".join(_described(cli, context, name) for name in verbs())


def _described(group: click.Group, parent: click.Context, name: str) -> str:
    command = group.get_command(parent, name)
    assert command is not None
    with click.Context(command, info_name=name, parent=parent) as context:
        made = f"\n## {context.command_path}\n\n{command.help}\n{_options(command, context)}"
        if isinstance(command, click.Group):
            made += "".join(_described(command, context, sub) for sub in command.commands)
    return made


def _options(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    own = [p for p in command.params if isinstance(p, click.Option)]
    records = [record for option in own if (record := option.get_help_record(context))]
    rows = [(names.replace("|", r"\|"), meaning) for names, meaning in records]
    lines = "".join(f"| `{names}` | {meaning} |\n" for names, meaning in rows)
    table = f"\n| Option | Meaning |\n|---|---|\n{lines}" if lines else ""
    return f"\n```text\n{usage}\n```\n{table}" + (f"\n{command.epilog}\n" if command.epilog else "")
