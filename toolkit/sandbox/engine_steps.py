"""From a registration to a change in the sandbox's cloud: create, adopt, update or leave alone; then remove the rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from infra.events import done, item
from toolkit.clouds.aws import translated
from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import ADOPTED, Action, Change, Item, Plan

from .engine_program import Registration
from .engine_state import Record, State
from .resources import Made, Resources

Outcome = tuple[str, Mapping[str, Any]]  # a resource's id and all its outputs


def change_to(wanted: Registration, before: Record | None) -> Change:
    """The change that brings a resource to what is wanted."""
    new = item(wanted.type, wanted.name, wanted.inputs)
    if before is None:
        return Change(action=Action.CREATE, item=new)
    names = sorted(set(before.inputs) | set(wanted.inputs))
    changed = [n for n in names if before.inputs.get(n) != wanted.inputs.get(n)]
    return Change(action=Action.UPDATE, item=new, before=_item(before), reason=", ".join(changed))


def require_ours(names: Names, wanted: Registration, tags: Mapping[str, str] | None) -> None:
    """Raises Conflict unless these are this environment's."""
    if tags is None or not names.owns(dict(tags)):
        raise _refusal(names, [wanted])


def _refusal(names: Names, foreign: Sequence[Registration]) -> Conflict:
    scope, things = names.scope, ", ".join(f"the {_called(one)}" for one in foreign)
    there = "is there" if len(foreign) == 1 else "are there"
    return Conflict(
        f"{things} {there}, but not of {scope.project}/{scope.environment}",
        hint="remove what is not yours, or rename the project, the environment or the agent",
    )


class Rehearsal:
    """Notes the changes and makes none."""

    def __init__(self, resources: Resources, names: Names, state: State) -> None:
        self._resources, self._names = resources, names
        self._state = state
        self._seen: set[str] = set()
        self._changes: list[Change] = []
        self._foreign: list[Registration] = []

    def register(self, wanted: Registration) -> Outcome:
        """Outputs of what is not there yet are unknown, so they are left out."""
        self._seen.add(wanted.urn)
        before, there = self._state.get(wanted.urn), self._is_there(wanted)
        if before is None or before.inputs != wanted.inputs:
            self._changes.append(_announced(wanted, before, there=there))
        return (before.ref, {**wanted.inputs, **before.outputs}) if before else ("", wanted.inputs)

    def _is_there(self, wanted: Registration) -> bool:
        """Whose it is counts for what is remembered as well: a name can be made again.  Parts go with their whole."""
        ref = self._resources.ref(wanted.type, wanted.inputs)
        with translated(f"looking at the {_called(wanted)}"):
            tags = self._resources.tags(wanted.type, ref) if ref else None
        if tags is not None and not self._names.owns(dict(tags)):
            self._foreign.append(wanted)
        return tags is not None

    def plan(self) -> Plan:
        """Raises Conflict naming everything that is not ours."""
        if self._foreign:
            raise _refusal(self._names, self._foreign)
        gone = [r for r in self._state if r.urn not in self._seen]
        removals = [
            Change(action=Action.DELETE, item=_item(r), before=_item(r)) for r in reversed(gone)
        ]
        return Plan((*self._changes, *removals))


def _announced(wanted: Registration, before: Record | None, *, there: bool) -> Change:
    """What is there and remembered by nobody is taken over, as Pulumi would say it."""
    change = change_to(wanted, before)
    if there and before is None:
        return replace(change, action=Action.UPDATE, reason=ADOPTED)
    return change


class Steps:
    """Makes the changes, one after the other, each remembered as soon as it is done."""

    def __init__(
        self,
        resources: Resources,
        names: Names,
        state: State,
        progress: Callable[[str], None],
        check: Callable[[], None],
    ) -> None:
        """`check` raises when the environment is no longer ours to change."""
        self._resources, self._names = resources, names
        self._state, self._progress, self._check = state, progress, check
        self.order: list[str] = []

    def register(self, wanted: Registration) -> Outcome:
        """Raises Conflict when the name is taken by something that is not ours."""
        self.order.append(wanted.urn)
        before = self._state.get(wanted.urn)
        if before is not None and before.inputs == wanted.inputs:
            return before.ref, {**before.inputs, **before.outputs}
        self._check()
        with translated(f"applying the {_called(wanted)}"):
            ref, outputs = self._made(wanted, before)
        record = Record(
            urn=wanted.urn,
            type=wanted.type,
            name=wanted.name,
            ref=ref,
            inputs=wanted.inputs,
            outputs=outputs,
        )
        self._state.put(record)
        self._progress(done(change_to(wanted, before)))
        return ref, {**wanted.inputs, **outputs}

    def remove_the_rest(self) -> None:
        """What this run has not registered, dependents first.  What has lost our tags is let go of, not removed."""
        kept = set(self.order)
        for record in reversed([r for r in self._state if r.urn not in kept]):
            self._check()
            with translated(f"removing the {_called(record)}"):
                removed = self._remove(record)
            self._state.drop(record.urn)
            change = Change(action=Action.DELETE, item=_item(record))
            self._progress(done(change) if removed else f"left the {_called(record)}: not ours")

    def _made(self, wanted: Registration, before: Record | None) -> Made:
        """What cannot become what is wanted, as a group in another VPC, goes first: so that a failure leaves one of them."""
        if before is None:
            return self._make(wanted)
        if self._resources.ref(wanted.type, wanted.inputs) in (None, before.ref):
            return self._change(wanted, before.ref)
        self._remove(before)
        return self._make(wanted)

    def _make(self, wanted: Registration) -> Made:
        """An existing one with our tags was made by a run that did not live to tell: it is brought up to date."""
        handler = self._resources.handler(wanted.type)
        made = handler.create(wanted.inputs)
        return made or self._change(wanted, str(self._resources.ref(wanted.type, wanted.inputs)))

    def _change(self, wanted: Registration, ref: str) -> Made:
        require_ours(self._names, wanted, self._resources.tags(wanted.type, ref))
        return self._resources.handler(wanted.type).update(wanted.inputs)

    def _remove(self, record: Record) -> bool:
        tags = self._resources.tags(record.type, record.ref)
        if tags is not None and not self._names.owns(tags):
            return False
        self._resources.handler(record.type).delete(record.ref)
        return True


def _item(record: Record) -> Item:
    return item(record.type, record.name, record.inputs)


def _called(thing: Registration | Record) -> str:
    named = item(thing.type, thing.name, {})
    return f"{named.kind.replace('_', ' ')} {named.name}"
