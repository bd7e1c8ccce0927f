"""From a registration to a change in the sandbox's cloud: create, adopt, update or leave alone; then remove the rest."""

from collections.abc import Callable, Mapping
from typing import Any

from infra.events import done, item
from toolkit.clouds.aws import translated
from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Action, Change, Item, Plan

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


class Rehearsal:
    """Notes the changes and makes none."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen: set[str] = set()
        self._changes: list[Change] = []

    def register(self, wanted: Registration) -> Outcome:
        """Outputs of what is not there yet are unknown, so they are left out."""
        self._seen.add(wanted.urn)
        before = self._state.get(wanted.urn)
        if before is None or before.inputs != wanted.inputs:
            self._changes.append(change_to(wanted, before))
        return (before.ref, {**wanted.inputs, **before.outputs}) if before else ("", wanted.inputs)

    def plan(self) -> Plan:
        gone = [r for r in self._state if r.urn not in self._seen]
        removals = [
            Change(action=Action.DELETE, item=_item(r), before=_item(r)) for r in reversed(gone)
        ]
        return Plan((*self._changes, *removals))


class Steps:
    """Makes the changes, one after the other, each remembered as soon as it is done."""

    def __init__(
        self,
        resources: Resources,
        names: Names,
        state: State,
        progress: Callable[[str], None],
    ) -> None:
        self._resources, self._names = resources, names
        self._state, self._progress = state, progress
        self.order: list[str] = []

    def register(self, wanted: Registration) -> Outcome:
        """Raises Conflict when the name is taken by something that is not ours."""
        self.order.append(wanted.urn)
        before = self._state.get(wanted.urn)
        if before is not None and before.inputs == wanted.inputs:
            return before.ref, {**before.inputs, **before.outputs}
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
        tags = self._resources.tags(wanted.type, ref)
        if tags is None or not self._names.owns(tags):
            scope = self._names.scope
            raise Conflict(
                f"the {_called(wanted)} is there, but not of {scope.project}/{scope.environment}",
                hint="remove it, or rename the project, the environment or the agent",
            )
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
