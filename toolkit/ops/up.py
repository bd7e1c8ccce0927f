"""`al up` and `al down`: which hired agents work.  A switch of the environment, and on this machine a scheduler for it.

Nothing is removed by either: an agent that is not up is still defined, and its queue and history stay.
"""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from toolkit.core.agent import Agent, AgentName
from toolkit.core.clock import now
from toolkit.core.errors import AlError, Conflict, UsageError
from toolkit.core.placement import runtime_name
from toolkit.core.run import Trigger, TriggerKind
from toolkit.ops import background as scheduler
from toolkit.ops import control, ready
from toolkit.ops.background import Background
from toolkit.ops.hire.grace import end_graces
from toolkit.scheduler import switches
from toolkit.scheduler.clockwork import ONCE
from toolkit.scheduler.control import kill, kill_all
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.submit import submit
from toolkit.scheduler.switches import Switches
from toolkit.wiring import Services

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """`begun` are up since this call, `up` all that are; `left` are not.  `roles` were turned on for the first time."""

    begun: tuple[str, ...]
    up: tuple[str, ...]
    left: tuple[str, ...]
    roles: tuple[str, ...]
    background: Background | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """`ended` are not up any more; `runs` were asked to end.  `scheduler`: whether the one of `al up` has ended."""

    ended: tuple[str, ...]
    runs: tuple[str, ...]
    scheduler: bool


def up(
    services: Services,
    names: Sequence[str],
    *,
    every: bool,
    note: Note,
    keep_going: bool = False,
    background: bool = True,
) -> Up:
    """Let these agents work, or every one; without either only those that are up already, which a restart needs.
    `background`: see to it that a scheduler of this machine starts them.

    Raises UsageError for what is no hired agent, CredentialError naming all that is missing; then nothing is changed.
    """
    ready.refuse_old_switches(os.environ)
    agents = hired(services)
    chosen = list(agents.values()) if every else [_chosen(services, name) for name in names]
    ready.check(services, chosen)
    ready.warn_of_servers(services, chosen, note=note)
    end_graces(services, moment=now(), note=note)
    desk = _desk(services)
    before = switches.read(services.ledger)
    roles = _new_roles(before, chosen)
    switches.set_roles(services.ledger, roles, on=True)
    after = switches.begin(services.ledger, [agent.name for agent in chosen])
    going = tuple(name for name in agents if name in after.up)
    found = _scheduler(services, going, keep_going=keep_going) if background else None
    begun = [agent for agent in chosen if agent.name not in before.up]
    for agent in begun:
        _first(desk, agent, note)
    return Up(
        begun=tuple(agent.name for agent in begun),
        up=going,
        left=tuple(name for name in agents if name not in after.up),
        roles=roles,
        background=found,
    )


def down(services: Services, names: Sequence[str]) -> Down:
    """Let these agents work no more, or all of them, and end what they are at.  Raises UsageError."""
    chosen = [_chosen(services, name) for name in names] or list(hired(services).values())
    desk = _desk(services)
    before = switches.read(services.ledger).up
    after = switches.end(services.ledger, [agent.name for agent in chosen])
    ended = tuple(agent.name for agent in chosen if agent.name in before)
    runs = tuple(run for agent in chosen for run in _ended(desk, agent))
    here = services.environment.cloud is None
    return Down(ended=ended, runs=runs, scheduler=here and not after.up and scheduler.end(services))


def hired(services: Services) -> dict[str, Agent]:
    """By name.  Raises UsageError where nobody is hired."""
    project = services.project
    assert project is not None  # noqa: S101 - only called with one
    found = {str(agent.name): agent for agent in project.agents if agent.hired}
    if not found:
        raise UsageError(
            f"{project.name} has no hired agent",
            hint="`al hire NAME ROLE` makes one; the others are started by `al start` and `al run`",
        )
    return found


def _chosen(services: Services, name: str) -> Agent:
    assert services.project is not None  # noqa: S101 - only called with one
    agent = services.project.agent(name)
    if agent.hired is None:
        known = ", ".join(hired(services))
        raise UsageError(
            f"{name} is not hired: its schedule, its webhooks and `al run` start it",
            hint=f"hired agents: {known}; `al hire {name} ROLE` makes it one",
        )
    return agent


def _desk(services: Services) -> Desk:
    """One that knows where agents of this machine will be, also before they are prepared."""

    def planned(name: AgentName) -> str | None:
        if services.environment.cloud is not None or services.project is None:
            return None
        return runtime_name(services.project.agent(name), services.environment)

    return replace(control.here(services), planned=planned)


def _new_roles(before: Switches, agents: Collection[Agent]) -> tuple[str, ...]:
    """Roles of these agents that nobody has ever turned: whoever starts an agent of one wants it to work."""
    roles = {role for agent in agents if agent.hired for role in agent.hired.roles}
    return tuple(sorted(roles - before.roles.keys()))


def _scheduler(
    services: Services, going: Collection[str], *, keep_going: bool
) -> Background | None:
    """None in a cloud, where the gateway is one, and where there is nothing to do."""
    if services.environment.cloud is not None or not going:
        return None
    return scheduler.ensure(services, keep_going=keep_going)


def _first(desk: Desk, agent: Agent, note: Note) -> None:
    """A loop begins with a run, and goes on with the next multiple of its interval."""
    if agent.hired is None or agent.hired.poll is None:
        return
    try:
        submit(desk, Trigger(agent=agent.name, kind=TriggerKind.SCHEDULE), once=ONCE)
    except Conflict as error:
        note(f"{error.message}: {error.hint}")


def _ended(desk: Desk, agent: Agent) -> list[str]:
    """Its runs that were asked to end, and its loop's that wait; what webhooks brought waits on."""
    waiting = desk.services.ledger.queue.waiting(agent.name)
    loops = [item.run for item in waiting if item.trigger.kind is TriggerKind.SCHEDULE]
    for run in loops:
        try:
            kill(desk, run)
        except AlError:  # it has begun or ended meanwhile, which is seen to next
            continue
    return [*loops, *kill_all(desk, agent.name)]
