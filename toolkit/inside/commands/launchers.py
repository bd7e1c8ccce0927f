"""The small scripts in `/app/bin` that put the commands on an agent's PATH; the image builder writes them."""

import shlex
from collections.abc import Mapping

# name -> module; those that ask another agent have the names of two generations
COMMANDS: Mapping[str, str] = {
    "al-rerun": "rerun",
    "al-status": "status",
    "al-return": "return_",
    "al-exit": "exit",
    "al-scan": "scan",
    "al-shutdown": "shutdown",
    "al-call": "call",
    "al-check": "check",
    "al-wait": "wait",
    "al-subagent": "call",
    "al-subagent-check": "check",
    "al-subagent-wait": "wait",
    "rlock": "rlock",
    "runlock": "runlock",
    "rlock-heartbeat": "rlock_heartbeat",
}

# -P: an agent's working directory must not stand in for the standard library or for us
_LAUNCHER = """\
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
PYTHONPATH="$here/../lib" exec {python} -P -m toolkit.inside.commands.{module} "$@"
"""


def launchers(python: str = "python3") -> Mapping[str, bytes]:
    """File name in `/app/bin` -> its content; each must be executable.  Our code is at `../lib` from there."""
    interpreter = shlex.quote(python)
    return {
        name: _LAUNCHER.format(python=interpreter, module=module).encode()
        for name, module in COMMANDS.items()
    }
