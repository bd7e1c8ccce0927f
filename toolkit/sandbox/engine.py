"""Applies the Pulumi program to the sandbox's cloud, in this process and without Pulumi's engine.

A stand-in, not Pulumi: it creates, updates and removes the types of toolkit/sandbox/resources with the
cloud's own client library, and remembers what it made.  It never changes or removes what does not carry this
environment's tags.  A real account gets infra/stack.py instead; both run the same infra/programs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context

from .engine_cloud import cloud_for
from .engine_program import Register, execute
from .engine_state import State
from .engine_steps import Rehearsal, Steps


class Engine:
    """An Applier for an environment whose cloud has an endpoint."""

    def __init__(self, context: Context) -> None:
        self._names = context.names
        self._project = context.environment.scope.project
        self._stack = context.environment.scope.environment
        self._path = context.home / "sandbox" / "engine" / self._project / f"{self._stack}.jsonl"
        cloud = cloud_for(context)
        self._program, self._resources = cloud.program, cloud.resources

    def preview(self, desired: Sequence[Item]) -> Plan:
        """What `apply` would do.  Changes nothing.  Raises Conflict as `apply` does."""
        return self._rehearsed(desired, self._state())

    def _rehearsed(self, desired: Sequence[Item], state: State) -> Plan:
        rehearsal = Rehearsal(self._resources, self._names, state)
        self._run(desired, rehearsal.register, rehearse=True)
        return rehearsal.plan()

    def apply(
        self,
        desired: Sequence[Item],
        *,
        progress: Callable[[str], None],
        check: Callable[[], None] = lambda: None,
    ) -> Mapping[str, Any]:
        """The program's exports.  Raises Conflict for all names that are taken by something that is not ours, before
        anything is changed, and whatever `check` raises before a step; what was done before that is kept, and the
        next call goes on from there."""
        state = self._state()
        self._rehearsed(desired, state)
        steps = Steps(self._resources, self._names, state, progress, check)
        exports = self._run(desired, steps.register, rehearse=False)
        steps.remove_the_rest()
        state.settle(steps.order)
        return exports

    def forget(self, *, progress: Callable[[str], None]) -> str:
        """The journal goes.  What is there all the same is found again by its tags, should there be a next `apply`."""
        State(self._path).erase()
        return ""

    def _run(
        self, desired: Sequence[Item], register: Register, *, rehearse: bool
    ) -> dict[str, Any]:
        return execute(
            self._program(desired),
            project=self._project,
            stack=self._stack,
            register=register,
            rehearse=rehearse,
        )

    def _state(self) -> State:
        """What we made and is still there: the sandbox may have lost its contents since, or a user removed some."""
        state = State(self._path)
        wholes: dict[str, set[str]] = {}
        for record in state:
            token, ref = self._resources.owner(record.type, record.ref)
            wholes.setdefault(token, set()).add(ref)
        with translated("looking at what was made before"):
            present = {t: self._resources.present(t, refs) for t, refs in wholes.items()}
        for record in state:
            token, ref = self._resources.owner(record.type, record.ref)
            if ref not in present[token]:
                state.forget(record.urn)
        return state
