"""What every verb is handed: the options that all share, and the services that they lead to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.core.errors import UsageError
from toolkit.ui import Ui

if TYPE_CHECKING:
    from toolkit.wiring import Services


class Exit(Exception):
    """End with this code, everything having been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class App:
    """One call of `al`: what the user chose, and where it is printed."""

    directory: Path = field(default_factory=Path)
    env: str | None = None
    headless: bool = False
    yes: bool = False
    keep_going: bool = False
    process: bool = False

    @cached_property
    def ui(self) -> Ui:
        return Ui(headless=self.headless, yes=self.yes)

    def services(self, *, offline: bool = False) -> "Services":
        """Load the project and the chosen environment.  Raises ConfigError with every problem.

        `offline`: for what is told from files alone, so that no sandbox is started.
        """
        from toolkit.core import waits
        from toolkit.ops.load import load_services

        waits.listen(self.ui.note)
        made = load_services(
            self.directory,
            self.env,
            note=self.ui.note,
            offline=offline,
            keep_going=self.keep_going,
        )
        if self.keep_going and made.project:
            for warning in made.project.warnings:
                self.ui.warn(warning)
        return made.on_bare_host() if self.process else made


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value == "":
        raise UsageError(
            f"--{param.name} is empty",
            hint="leave it out, or check the variable that it was made of",
        )
    app = ctx.find_root().ensure_object(App)
    if value not in (None, False) and param.name:
        setattr(app, param.name, value)


def _option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    return click.option(*names, expose_value=False, callback=_remember, **attributes)


project_option = _option(
    "-p", "--project", "directory", metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False), help="The project's directory. [.]",
)  # fmt: skip
env_option = _option(
    "-E",
    "--env",
    "env",
    metavar="NAME",
    help="The environment: local, sandbox, sandbox-gcp, or one of yours.",
)
headless_option = _option(
    "-H", "--headless", "headless", is_flag=True, help="Never ask; plain output, for CI."
)
yes_option = _option("-y", "--yes", "yes", is_flag=True, help="Agree to what is shown.")
keep_going_option = _option(
    "--keep-going", "keep_going", is_flag=True, help="Without the agents whose files are wrong."
)
process_option = _option(
    "--process",
    "process",
    is_flag=True,
    help="Agents are processes, as in a container that is made for one.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON on stdout.")


def shared(command: Any) -> Any:
    """The options that every verb has that works on a project: -p, -E and -H."""
    return project_option(env_option(headless_option(command)))
