"""Applies the Pulumi program to the sandbox's cloud, in this process and without Pulumi's engine.

A stand-in, not Pulumi: it creates, updates and removes the types of toolkit/sandbox/resources with boto3, and
remembers what it made.  It never changes or removes what does not carry this environment's tags.  A real account
gets infra/stack.py instead; both run the same infra/programs/aws.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.programs.aws import program
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context

from .engine_program import Register, execute
from .engine_state import State
from .engine_steps import Rehearsal, Steps
from .resources import Resources


class Engine:
    """An Applier for an environment whose cloud has an endpoint."""

    def __init__(self, context: Context) -> None:
        self._names = context.names
        self._project = context.environment.scope.project
        self._stack = context.environment.scope.environment
        self._path = context.home / "sandbox" / "engine" / self._project / f"{self._stack}.jsonl"
        self._resources = Resources(clients_for(cloud_of(context.environment)).client)

    def preview(self, desired: Sequence[Item]) -> Plan:
        """What `apply` would do.  Changes nothing."""
        rehearsal = Rehearsal(self._state())
        self._run(desired, rehearsal.register, rehearse=True)
        return rehearsal.plan()

    def apply(
        self, desired: Sequence[Item], *, progress: Callable[[str], None]
    ) -> Mapping[str, Any]:
        """The program's exports.  Raises Conflict when a name is taken by something that is not ours; what was
        done before a failure is kept, and the next call goes on from there."""
        state = self._state()
        steps = Steps(self._resources, self._names, state, progress)
        exports = self._run(desired, steps.register, rehearse=False)
        steps.remove_the_rest()
        state.settle(steps.order)
        return exports

    def destroy(self, *, progress: Callable[[str], None]) -> None:
        """Remove everything that was made, dependents first."""
        state = self._state()
        Steps(self._resources, self._names, state, progress).remove_the_rest()
        state.erase()

    def forget(self, *, progress: Callable[[str], None]) -> str:
        """The journal goes.  What is there all the same is found again by its tags, should there be a next `apply`."""
        State(self._path).erase()
        return ""

    def _run(
        self, desired: Sequence[Item], register: Register, *, rehearse: bool
    ) -> dict[str, Any]:
        return execute(
            program(desired),
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
        present = {t: self._resources.present(t, refs) for t, refs in wholes.items()}
        for record in state:
            token, ref = self._resources.owner(record.type, record.ref)
            if ref not in present[token]:
                state.forget(record.urn)
        return state
