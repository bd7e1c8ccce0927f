"""A fact that several change at once: each looks, decides and writes, and looks again when somebody came between.

Knows no fact's meaning.
"""

import time
from collections.abc import Callable
from typing import Any

from toolkit.core.errors import AlError, Conflict
from toolkit.core.ports import Ledger
from toolkit.core.retry import retrying

PATIENCE = 30.0  # seconds: a hundred who write at once have all got through by then
FIRST, LONGEST = 0.01, 1.0  # seconds between two attempts, the first time and at most


class Crossed(Conflict):
    """Somebody else wrote it between our look and our write."""


def changed(
    ledger: Ledger,
    key: str,
    change: Callable[[Any], Any],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Any:
    """The fact as `change` makes it of what is there; what stays the same is not written.

    Raises Conflict where others come between for half a minute, and what the ledger raises."""

    def once() -> Any:
        fact = ledger.fact(key)
        new = change(fact)
        if new != fact and not ledger.set_fact(key, new, expected=fact):
            raise Crossed(
                f"{key!r} was changed by others again and again for {PATIENCE:.0f} s",
                hint="try again; if it stays so, see which processes work on this environment",
            )
        return new

    return retrying(
        once, seconds=PATIENCE, first=FIRST, longest=LONGEST, retry=_was_crossed, sleep=sleep, clock=clock
    )  # fmt: skip


def _was_crossed(error: AlError) -> bool:
    return isinstance(error, Crossed)
