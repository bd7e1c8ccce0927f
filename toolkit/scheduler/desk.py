"""What the scheduler and the gateway share: the environment's services, its roster as it is now, and a way to say that
there is work.  Neither knows of the other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from toolkit.core.agent import AgentName
from toolkit.core.clock import now
from toolkit.core.run import RunModels
from toolkit.wiring import Services

from .glance import Glance
from .roster import FACT, Roster


def _nobody() -> None:
    """Where no scheduler runs in this process, whoever looks next finds the work."""


def _none(_: AgentName) -> None:
    """What a push recorded is all that is known of an agent."""


def _always(_: AgentName) -> bool:
    """A push has made it ready."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`roster()` is asked anew each time.  `wake` tells the scheduler of this process, if there is one, to look.

    `ready` says whether an agent may start yet, and `planned` on which runtime it will, so that work for it can wait
    already.  `models` are what a run works with in place of those in its image; it raises what is wrong with them.
    """

    services: Services
    roster: Callable[[], Roster]
    clock: Callable[[], datetime] = now
    wake: Callable[[], None] = _nobody
    glance: Glance = field(default_factory=Glance)
    ready: Callable[[AgentName], bool] = _always
    planned: Callable[[AgentName], str | None] = _none
    models: Callable[[AgentName], RunModels | None] = _none


def recorded_roster(services: Services) -> Roster:
    """What the last push recorded; an empty one before the first."""
    return Roster.from_fact(services.ledger.fact(FACT) or {})
