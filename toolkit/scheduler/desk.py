"""What the scheduler and the gateway share: the environment's services, its roster as it is now, and a way to say that
there is work.  Neither knows of the other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from toolkit.core.clock import now
from toolkit.wiring import Services

from .roster import FACT, Roster


def _nobody() -> None:
    """Where no scheduler runs in this process, whoever looks next finds the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`roster()` is asked anew each time.  `wake` tells the scheduler of this process, if there is one, to look."""

    services: Services
    roster: Callable[[], Roster]
    clock: Callable[[], datetime] = now
    wake: Callable[[], None] = _nobody


def recorded_roster(services: Services) -> Roster:
    """What the last push recorded; an empty one before the first."""
    return Roster.from_fact(services.ledger.fact(FACT) or {})
