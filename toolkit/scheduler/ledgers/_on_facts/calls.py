"""core.books.Calls on facts: the call, and three small ones by which it is found."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.errors import AlreadyExists, NotFound
from toolkit.core.run import RunId
from toolkit.core.work import Call, CallState

from . import keys
from .ground import Ground, keep, persistently


class Calls:
    """What agents asked of each other."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def add(self, call: Call) -> None:
        values = {
            keys.call(call.id): asdict(call),
            keys.call_in_order(call.created, call.id): call.state.final,
            keys.asked(call.caller, call.id): call.created,
            keys.serves(call.run): call.id,
        }
        if not self._ground.set_facts(values, expected={keys.call(call.id): None}):
            raise AlreadyExists(
                f"the call {call.id} is already recorded", hint="give it another id"
            )

    def get(self, call: str) -> Call | None:
        fact = self._ground.fact(keys.call(call))
        return None if fact is None else _call(fact)

    def update(self, call: str, **changes: Any) -> Call:
        return persistently(lambda: self._changed(call, changes))

    def of_caller(self, run: RunId) -> Sequence[Call]:
        found = self._ground.facts(keys.asked(run))
        return sorted(self._read(keys.last(key) for key in found), key=_age)

    def of_run(self, run: RunId) -> Call | None:
        call = self._ground.fact(keys.serves(run))
        return None if call is None else self.get(call)

    def recent(self, *, limit: int = 100, active: bool = False) -> Sequence[Call]:
        found = self._ground.facts(keys.CALLS)
        wanted = [key for key, over in found.items() if not (active and over)]
        newest = sorted(wanted, reverse=True)[: max(limit, 0)]
        return sorted(self._read(keys.last(key) for key in newest), key=_age, reverse=True)

    def forget(self, before: str) -> int:
        """Those that have been over since then."""
        found = self._ground.facts(keys.CALLS)
        old = [k for k, over in found.items() if over and k < keys.call_in_order(before, "")]
        return sum(self._forgotten(key, before) for key in old)

    def _changed(self, id_: str, changes: Mapping[str, Any]) -> Call:
        key = keys.call(id_)
        if (fact := self._ground.fact(key)) is None:
            raise NotFound(f"no call {id_}", hint="calls are forgotten some time after their end")
        old = _call(fact)
        if old.state.final:
            return old
        new = replace(old, **changes)
        values: dict[str, Any] = {key: asdict(new)}
        if new.state.final:
            values[keys.call_in_order(new.created, id_)] = True
        keep(self._ground, values, {key: fact})
        return new

    def _read(self, ids: Any) -> list[Call]:
        places = [keys.call(id_) for id_ in ids]
        return [_call(fact) for fact in self._ground.read_facts(places).values()]

    def _forgotten(self, place: str, before: str) -> bool:
        id_ = keys.last(place)
        call = self.get(id_)
        if call and (call.finished or call.created) >= before:
            return False
        gone = [place, keys.call(id_)]
        gone += [keys.asked(call.caller, id_), keys.serves(call.run)] if call else []
        return self._ground.set_facts(dict.fromkeys(gone), expected={place: True})


def _call(fact: Mapping[str, Any]) -> Call:
    """Fields that this version does not know are left out."""
    known = {field.name: fact[field.name] for field in fields(Call) if field.name in fact}
    parsed = {
        "caller": RunId(known["caller"]),
        "target": AgentName(known["target"]),
        "run": RunId(known["run"]),
        "state": CallState(known["state"]),
    }
    return Call(**{**known, **parsed})


def _age(call: Call) -> tuple[str, str]:
    return call.created, call.id
