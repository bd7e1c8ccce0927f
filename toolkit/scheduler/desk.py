"""What the scheduler and the gateway share: the environment's services, its roster as it is now, and a way to say that
there is work.  Neither knows of the other."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from toolkit.core.agent import AgentName
from toolkit.core.clock import now
from toolkit.core.errors import Conflict
from toolkit.core.run import RunModels, Trigger
from toolkit.wiring import Services

from .glance import Glance
from .roster import FACT, Roster


def _nobody() -> None:
    """Where no scheduler runs in this process, whoever looks next finds the work."""


def _none(_: AgentName) -> None:
    """What a push recorded is all that is known of an agent."""


def _pushed(trigger: Trigger) -> None:
    """As above.  Raises Conflict for a run that asks for another model."""
    if trigger.names_model:
        raise Conflict(
            f"{trigger.agent} works with the models that were pushed: no other can be chosen through this gateway",
            hint="`al run` with --llm-provider and --llm-model chooses one, and so does the gateway of `al start`",
        )


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
    models: Callable[[Trigger], RunModels | None] = _pushed

    def place(self, agent: str) -> Services:
        """Where the agent's runs are launched.  Raises ConfigError for an environment that there is not."""
        post = self.roster().posts.get(agent)
        return self.services.at(post.environment if post else None)


def recorded_roster(services: Services) -> Roster:
    """What the last push recorded; an empty one before the first.  Agents whose runs are where nobody can launch them from
    here are left to a scheduler that can."""
    found = Roster.from_fact(services.ledger.fact(FACT) or {})
    posts = {n: post for n, post in found.posts.items() if services.reaches(post.environment)}
    return replace(found, posts=posts)
