"""`al role`: which kinds of work hired agents do.  A role is off until somebody turns it, or starts an agent of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.core.errors import UsageError
from toolkit.ops import control
from toolkit.scheduler import switches
from toolkit.scheduler.roster import Roster
from toolkit.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """`on` is None for one that nobody has turned yet, which is off."""

    name: str
    on: bool | None
    agents: tuple[str, ...]

    @property
    def state(self) -> str:
        return "on" if self.on else "off" if self.on is False else "off, never turned on"


def roles(services: Services) -> tuple[Role, ...]:
    """Every role that an agent has, or that was turned.  Raises NotFound before the first push to a cloud."""
    desk = control.here(services)
    turned, roster = switches.read(services.ledger), desk.roster()
    names = sorted(_known(roster) | turned.roles.keys())
    return tuple(
        Role(name=name, on=turned.roles.get(name), agents=_agents(roster, name)) for name in names
    )


def turn(services: Services, names: Sequence[str], *, every: bool, on: bool) -> tuple[Role, ...]:
    """Turn these roles, or all of them; those that were turned.  Raises UsageError for a role that no agent has."""
    there = {role.name for role in roles(services)}
    if not (names or every):
        raise UsageError("no role is named", hint="name one, or give --all")
    if not there:
        raise UsageError("no agent has a role", hint="`al hire NAME ROLE` makes one that has")
    if unknown := sorted(set(names) - there):
        raise UsageError(
            f"no agent has the role {unknown[0]!r}",
            hint=f"roles: {', '.join(sorted(there))}",
        )
    chosen = sorted(there if every else set(names))
    switches.set_roles(services.ledger, chosen, on=on)
    return tuple(role for role in roles(services) if role.name in chosen)


def _known(roster: Roster) -> set[str]:
    return {role for post in roster.posts.values() for role in post.roles}


def _agents(roster: Roster, role: str) -> tuple[str, ...]:
    return tuple(sorted(name for name, post in roster.posts.items() if role in post.roles))
