"""What the commands share: success, and failure in words."""

import os
import sys
from collections.abc import Callable, Sequence

from toolkit.core.errors import AlError
from toolkit.inside.signals import Signals

OK = 0
WRONG_USE = 9  # the predecessor's code for it, which agents' scripts may test


def run(command: Callable[[Sequence[str], Signals], None], arguments: Sequence[str]) -> int:
    """The command's exit code."""
    try:
        command(arguments, Signals.of(os.environ))
    except (AlError, OSError) as error:
        hint = f" ({error.hint})" if isinstance(error, AlError) else ""
        sys.stderr.write(f"error: {error}{hint}\n")
        return WRONG_USE
    sys.stdout.write('{"ok":true}\n')
    return OK
