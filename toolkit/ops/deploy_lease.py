"""One deployer at a time: a fact that is taken by comparison, renewed while it is held, and free when its holder dies.

A push that finds it taken says whose it is.  Nobody has to unlock anything after a killed CI job: an unrenewed
lease is free after SECONDS.
"""

import getpass
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from toolkit.core.clock import from_iso, iso, now
from toolkit.core.errors import AlError, Conflict
from toolkit.core.ports import Ledger

FACT = "lease"
SECONDS = 90.0
RENEW = 20.0


def holder() -> str:
    """Who this is, for whoever has to wait: user, host and process, and the CI run where there is one."""
    run = os.environ.get("GITHUB_RUN_ID")
    return f"{getpass.getuser()}@{socket.gethostname()} pid {os.getpid()}" + (
        f" (CI run {run})" if run else ""
    )


@contextmanager
def held(ledger: Ledger, who: str, *, clock: Callable[[], datetime] = now) -> Iterator[None]:
    """Hold the environment while something is pushed to it.  Raises Conflict naming the present holder."""
    mine = _take(ledger, who, clock)
    stop = threading.Event()
    renewing = threading.Thread(target=_renew, args=(ledger, mine, stop, clock), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        stop.set()
        renewing.join()
        ledger.set_fact(FACT, None, expected=mine[0])


def _take(ledger: Ledger, who: str, clock: Callable[[], datetime]) -> list[Any]:
    present = ledger.fact(FACT)
    if present and clock() < from_iso(present["expires"]):
        raise Conflict(
            f"{present['holder']} is pushing to this environment",
            hint=f"wait for it; should it have died, its lease ends by itself at {present['expires']}",
        )
    lease = _lease(who, clock)
    if not ledger.set_fact(FACT, lease, expected=present):
        return _take(ledger, who, clock)
    return [lease]


def _lease(who: str, clock: Callable[[], datetime]) -> dict[str, str]:
    return {"holder": who, "expires": iso(clock() + timedelta(seconds=SECONDS))}


def _renew(
    ledger: Ledger, mine: list[Any], stop: threading.Event, clock: Callable[[], datetime]
) -> None:
    """Until told to stop.  A renewal that fails is tried again: the lease outlives four of them."""
    while not stop.wait(RENEW):
        longer = _lease(mine[0]["holder"], clock)
        try:
            renewed = ledger.set_fact(FACT, longer, expected=mine[0])
        except AlError as error:
            if not error.temporary:
                return
            continue
        if not renewed:
            return  # it ran out and somebody else has it; the facts that they change are compared again
        mine[0] = longer
