"""`hooks.pre` and `hooks.post`: shell commands around the agent's work, each a process of its own, in order."""

import time
from collections.abc import Sequence

from toolkit.core.errors import AlError

from .lines import Log
from .shell import Shell

SECONDS = 300  # for each command


class HookFailed(AlError):
    """A command of a hook did not end with 0."""


def run_hooks(name: str, commands: Sequence[str], shell: Shell, log: Log) -> None:
    """Raises HookFailed at the first command that fails."""
    if not commands:
        return
    log.info(f"hooks.{name}: starting", count=len(commands))
    began = time.monotonic()
    for number, command in enumerate(commands, 1):
        place = f"hooks.{name}: [{number}/{len(commands)}]"
        log.info(f"{place}: {command}")
        if code := shell.line(command, timeout=SECONDS):
            late = f" after {SECONDS} s" if code == 124 else ""
            error = f"{place} ended with exit code {code}{late}"
            log.error(f"hooks.{name}: failed", error=error)
            raise HookFailed(error, hint="its output is in the log above")
    log.info(f"hooks.{name}: complete", durationMs=int((time.monotonic() - began) * 1000))
