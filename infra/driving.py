"""One opened stack, driven: each command under the lease, patient with interruptions, and freed of what a kill left.

It knows how Pulumi is run, and nothing of what is applied.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from . import locks, pulumi_cli
from .diagnosis import Diagnosis
from .pulumi_process import Cli, patiently

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """`check` raises when the environment is no longer ours to change: no command goes on then."""

    stack: Any
    cli: Cli
    said: Diagnosis
    check: Callable[[], None] = lambda: None

    def exported(self) -> Mapping[str, Any]:
        """What Pulumi remembers: `resources` and `pending_operations`, each where there are any."""
        return self.stack.export_stack().deployment or {}

    def settled(self) -> Mapping[str, Any]:
        """The state, without creations that a kill has interrupted: Pulumi keeps those for somebody to decide about.
        What they have made all the same is found in the account, as all that the state lacks is."""
        state = self.exported()
        pending = state.get("pending_operations") or ()
        made = [
            p["resource"]["urn"].rpartition("::")[2] for p in pending if p["type"] == "creating"
        ]
        if not made:
            return state
        self.said.say(
            f"Pulumi was killed while it made {', '.join(made)}: looking what became of it"
        )
        self.alone(partial(self.stack.refresh, clear_pending_creates=True, on_event=self.said.hear))
        return self.exported()

    def alone(self, run: Callable[[], T]) -> T:
        """`run()`; under our lease a lock of Pulumi's was left by a killed run, and is taken away, once."""
        try:
            return self.patiently(run)
        except pulumi_cli.automation().ConcurrentUpdateError as error:
            message = str(error)
            if not locks.left_behind(message):
                raise
        self.check()
        self.said.say(
            f"taking away a lock on Pulumi's state, left behind by {locks.holders(message)}"
        )
        self.stack.cancel()
        return self.patiently(run)

    def patiently(self, run: Callable[[], T]) -> T:
        return patiently(run, self.cli, self.said.say, self.check)
