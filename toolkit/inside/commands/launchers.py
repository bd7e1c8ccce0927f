"""The small scripts in `/app/bin` that put the commands on an agent's PATH; the image builder writes them."""

from collections.abc import Mapping

COMMANDS = {"al-rerun": "rerun", "al-status": "status", "al-return": "return_", "al-exit": "exit"}

# -P: an agent's working directory must not stand in for the standard library or for us
_LAUNCHER = """\
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
PYTHONPATH="$here/../lib" exec python3 -P -m toolkit.inside.commands.{module} "$@"
"""


def launchers() -> Mapping[str, bytes]:
    """File name in `/app/bin` -> its content; each must be executable."""
    return {name: _LAUNCHER.format(module=module).encode() for name, module in COMMANDS.items()}
