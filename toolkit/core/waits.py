"""Waits that a user should hear of: said where they happen, heard by whoever talks to the user.

A store or a runtime has no terminal.  It says what it waits for here; `al` shows that, and a server writes it into its
log.  Never say a secret's value, nor anything that is no wait.
"""

import logging
from collections.abc import Callable

LOG = logging.getLogger("al.waits")


def waiting(text: str) -> None:
    """Say what is waited for, and for how long: one sentence."""
    LOG.warning(text)


def listen(note: Callable[[str], None]) -> None:
    """From now on `note`, and nobody else, hears of waits."""
    LOG.handlers[:] = [_Notes(note)]
    LOG.propagate = False


class _Notes(logging.Handler):
    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(record.getMessage())
