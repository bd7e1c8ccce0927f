"""What people turn while it runs: the whole paused, an agent disabled, other scales than the project's.

Facts of the environment, so that a restart, another laptop and the deployed gateway all see them.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.core.ports import Ledger

from .roster import Roster

FACT = "switches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """As they are now.  `scales` by agent; `total` of all agents."""

    paused: bool = False
    disabled: tuple[str, ...] = ()
    scales: dict[str, int] = field(default_factory=dict)
    total: int | None = None

    def scale(self, roster: Roster, agent: str) -> int:
        """How many runs of the agent at once: 0 where it has been taken away."""
        if agent not in roster.posts:
            return 0
        return self.scales.get(agent, roster.posts[agent].scale)

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


def _turn(ledger: Ledger, change: Any) -> Switches:
    """Two who turn at the same time both succeed: each repeats until nobody came between."""
    while True:
        fact = ledger.fact(FACT)
        new: Switches = change(_parsed(fact))
        if ledger.set_fact(FACT, _plain(new), expected=fact):
            return new


def _parsed(fact: Any) -> Switches:
    data = fact or {}
    return Switches(
        paused=data.get("paused", False),
        disabled=tuple(data.get("disabled", ())),
        scales=dict(data.get("scales", {})),
        total=data.get("total"),
    )


def _plain(switches: Switches) -> dict[str, Any]:
    return {
        "paused": switches.paused,
        "disabled": list(switches.disabled),
        "scales": switches.scales,
        "total": switches.total,
    }
