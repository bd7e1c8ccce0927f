"""How a run becomes plain JSON and comes back, and the one rule about changing it.

Shared by the ledgers, so that a record reads the same wherever it is kept.  It knows no database.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.run import Cause, Run, RunHandle, RunId, RunState, TriggerKind
from toolkit.core.secrets import Receipt, SecretLease, SecretRef

FIELDS = frozenset(field.name for field in fields(Run))
FIXED = frozenset({"id", "agent", "created"})  # the indexes are made of them
TIMES = tuple(field.name for field in fields(Receipt))


def canonical(value: Any) -> str:
    """`value` as JSON of which equal values give equal text.  Raises TypeError or ValueError for what is no JSON."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def to_data(run: Run) -> dict[str, Any]:
    """The run as plain JSON values."""
    return {name: plain(getattr(run, name)) for name in sorted(FIELDS)}


def from_data(data: Mapping[str, Any]) -> Run:
    """The run again.  Fields that this version does not know are left out: a newer `al` may have written them."""
    return Run(**{name: _parsed(name, value) for name, value in data.items() if name in FIELDS})


def ended_before(run: Run, moment: str) -> bool:
    """Whether it has been over since then; one that says no time of its end, since it was made."""
    return run.state.final and (run.finished or run.created) < moment


def plain(value: Any) -> Any:
    """One field's value as JSON."""
    match value:
        case RunHandle():
            return value.to_dict()
        case SecretLease():
            return _lease_data(value)
        case Receipt():
            return {name: time for name in TIMES if (time := getattr(value, name)) is not None}
        case str():
            return str(value)
        case _:
            return value


def checked(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """`changes`, if a run may be changed so.  Raises TypeError: a wrong field is a mistake in our own code."""
    if wrong := sorted(changes.keys() - (FIELDS - FIXED)):
        raise TypeError(f"a run's {', '.join(wrong)} cannot be set")
    return changes


def changed(run: Run, changes: Mapping[str, Any]) -> Run:
    """`run` with `changes`.

    A final state is history: a call that names a state then changes nothing but the receipt.  A time in a
    receipt never vanishes, so two processes that complete one receipt cannot undo each other's part.
    """
    wanted = dict(checked(changes))
    if run.state.final and "state" in wanted:
        wanted = {"receipt": wanted["receipt"]} if "receipt" in wanted else {}
    if "receipt" in wanted:
        wanted["receipt"] = _merged(run.receipt, wanted["receipt"])
    return replace(run, **wanted)


def _merged(old: Receipt, new: Receipt) -> Receipt:
    return Receipt(**{name: getattr(new, name) or getattr(old, name) for name in TIMES})


def _lease_data(lease: SecretLease) -> dict[str, Any]:
    return {
        "store": lease.ref.store,
        "name": lease.ref.name,
        "agent": str(lease.agent),
        "run": str(lease.run),
        "created": iso(lease.created),
        "expires": iso(lease.expires),
    }


def _lease(data: Mapping[str, Any]) -> SecretLease:
    return SecretLease(
        ref=SecretRef(store=data["store"], name=data["name"]),
        agent=data["agent"],
        run=data["run"],
        created=datetime.fromisoformat(data["created"]),
        expires=datetime.fromisoformat(data["expires"]),
    )


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "id": RunId,
    "agent": AgentName,
    "trigger": TriggerKind,
    "state": RunState,
    "cause": Cause,
    "handle": RunHandle.from_dict,
    "lease": _lease,
    "receipt": lambda data: Receipt(**{name: data.get(name) for name in TIMES}),
}


def _parsed(name: str, value: Any) -> Any:
    return value if value is None or name not in _PARSERS else _PARSERS[name](value)
