"""What people turn while it runs: the whole paused, an agent disabled, other scales than the project's.

Facts of the environment, so that a restart, another laptop and the deployed gateway all see them.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.core.ports import Ledger

from .facts import changed
from .roster import Post, Roster

FACT = "switches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """As they are now.  `scales` by agent; `total` of all agents.

    `up` are the hired agents whose loops go; `roles` says of each role that somebody turned whether it is on."""

    paused: bool = False
    disabled: tuple[str, ...] = ()
    scales: dict[str, int] = field(default_factory=dict)
    total: int | None = None
    up: tuple[str, ...] = ()
    roles: dict[str, bool] = field(default_factory=dict)

    def scale(self, roster: Roster, agent: str) -> int:
        """How many runs of the agent at once: 0 where it has been taken away."""
        if agent not in roster.posts:
            return 0
        return self.scales.get(agent, roster.posts[agent].scale)

    def idle(self, post: Post) -> str:
        """Why a hired agent is started by nobody but a person, a clause; empty for one that works, and for all others."""
        if not post.roles:
            return ""
        if post.agent not in self.up:
            return "is not up"
        if any(self.roles.get(role) for role in post.roles):
            return ""
        return f"has only roles that are disabled: {', '.join(post.roles)}"

    def limit(self, roster: Roster) -> int | None:
        return roster.total if self.total is None else self.total


def read(ledger: Ledger) -> Switches:
    return _parsed(ledger.fact(FACT))


def pause(ledger: Ledger) -> Switches:
    return _turn(ledger, lambda old: replace(old, paused=True))


def resume(ledger: Ledger) -> Switches:
    return _turn(ledger, lambda old: replace(old, paused=False))


def disable(ledger: Ledger, agent: str) -> Switches:
    return _turn(ledger, lambda o: replace(o, disabled=tuple(sorted({*o.disabled, agent}))))


def enable(ledger: Ledger, agent: str) -> Switches:
    return _turn(ledger, lambda o: replace(o, disabled=tuple(a for a in o.disabled if a != agent)))


def set_scale(ledger: Ledger, agent: str, scale: int) -> Switches:
    return _turn(ledger, lambda old: replace(old, scales=old.scales | {agent: scale}))


def set_total(ledger: Ledger, total: int) -> Switches:
    return _turn(ledger, lambda old: replace(old, total=total))


def begin(ledger: Ledger, agents: Collection[str]) -> Switches:
    return _turn(ledger, lambda old: replace(old, up=tuple(sorted({*old.up, *agents}))))


def end(ledger: Ledger, agents: Collection[str]) -> Switches:
    return _turn(ledger, lambda old: replace(old, up=tuple(a for a in old.up if a not in agents)))


def set_roles(ledger: Ledger, roles: Collection[str], *, on: bool) -> Switches:
    return _turn(ledger, lambda old: replace(old, roles=old.roles | dict.fromkeys(roles, on)))


def _turn(ledger: Ledger, change: Callable[[Switches], Switches]) -> Switches:
    """Two who turn at the same time both succeed.  Raises Conflict as `changed` does."""
    return _parsed(changed(ledger, FACT, lambda fact: _plain(change(_parsed(fact)))))


def _parsed(fact: Any) -> Switches:
    data = fact or {}
    return Switches(
        paused=data.get("paused", False),
        disabled=tuple(data.get("disabled", ())),
        scales=dict(data.get("scales", {})),
        total=data.get("total"),
        up=tuple(data.get("up", ())),
        roles=dict(data.get("roles", {})),
    )


def _plain(switches: Switches) -> dict[str, Any]:
    return {
        "paused": switches.paused,
        "disabled": list(switches.disabled),
        "scales": switches.scales,
        "total": switches.total,
        **({"up": list(switches.up)} if switches.up else {}),
        **({"roles": switches.roles} if switches.roles else {}),
    }
