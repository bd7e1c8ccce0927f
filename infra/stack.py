"""Applies the Pulumi program to a real account, through Pulumi's Automation API.

Untried against a real account and with a real CLI so far: docs/pulumi.md says what has been proven, and how.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context, Store

from . import adoption, events, existing, locks, pulumi_cli, versions, workspace
from .adoption import Adoption
from .diagnosis import Diagnosis
from .pulumi_process import Cli, patiently
from .secrets_provider import NOTHING, Protection
from .state import State

T = TypeVar("T")


class Stack:
    """An Applier for an account on AWS.  Whoever calls `apply` or `destroy` holds the environment's deploy lease."""

    def __init__(self, context: Context, credentials: Store | None = None) -> None:
        """`credentials` are the user's on this machine, for the passphrase of Pulumi's state."""
        self._context = context
        self._cloud = cloud_of(context.environment)
        self._state = State(context, credentials)

    def preview(self, desired: Sequence[Item]) -> Plan:
        """What `apply` would do.  Where there is no state yet, none is made: everything is new then."""
        said, protection = Diagnosis(), self._state.protection()
        with said.translated("previewing the infrastructure", protection):
            cli = self._ready(said)
            with self._opened(cli, self._state.known(), protection) as stack:
                if stack is not None:
                    return self._previewed(stack, cli, desired, said)
            with TemporaryDirectory() as nothing:
                place = Path(nothing).as_uri()
                with self._opened(cli, place, NOTHING, create=True) as stack:
                    return self._previewed(stack, cli, desired, said)

    def apply(
        self, desired: Sequence[Item], *, progress: Callable[[str], None]
    ) -> Mapping[str, Any]:
        """The program's exports.  What doctor may have repaired since is read from the account first (D6), what a
        killed push left is taken over, and what is somebody else's is refused by name before anything is changed."""
        from .programs.aws import program

        said, protection = Diagnosis(progress), self._state.protection()
        with said.translated("applying the infrastructure", protection):
            cli = self._ready(said)
            with self._opened(cli, self._state.made(), protection, create=True) as stack:
                workspace.fetch_provider(stack, self._pulumi_home, said)
                found = self._adopted(self._settled(stack, cli, said), desired, said)
                self._restore(found, said)
                todo = program(desired, found.imports)
                result = self._alone(
                    stack,
                    cli,
                    lambda: stack.up(program=todo, refresh=True, on_event=said.hear),
                    said,
                )
        return {name: output.value for name, output in result.outputs.items()}

    def destroy(self, *, progress: Callable[[str], None]) -> None:
        """Remove what the program made, and the stack.  What is gone already is fine, and so is a state that is.

        The state's bucket stays: it is the last thing to go.
        """
        said, protection = Diagnosis(progress), self._state.protection()
        with said.translated("removing the infrastructure", protection):
            cli = self._ready(said)
            with self._opened(cli, self._state.known(), protection) as stack:
                if stack is None:
                    return
                workspace.fetch_provider(stack, self._pulumi_home, said)
                self._settled(stack, cli, said)
                self._alone(
                    stack,
                    cli,
                    lambda: stack.destroy(remove=True, refresh=True, on_event=said.hear),
                    said,
                )

    def forget(self, *, progress: Callable[[str], None]) -> str:
        """Give the stack up, whatever its state says is there.  One in our own bucket goes with the bucket, so that
        nothing of Pulumi is needed then.  What is left for the user to do, a sentence, or ""."""
        if self._state.own:
            return ""
        known, name = self._state.known(), self._context.environment.scope.environment
        if pulumi_cli.PulumiCli(self._context).missing():
            return f"with Pulumi installed, run `pulumi stack rm --force {name}` with the backend {known}: its state is left there"
        said, protection = Diagnosis(progress), self._state.protection()
        with (
            said.translated("forgetting Pulumi's stack", protection),
            self._opened(self._ready(said), known, protection) as stack,
        ):
            if stack is not None:
                stack.workspace.remove_stack(stack.name, force=True)
                said.say(f"removed the stack {name} from {known}")
        return ""

    def _ready(self, said: Diagnosis) -> Cli:
        """The CLI, once it is known that it can be used and that the account is the environment's."""
        cli = pulumi_cli.PulumiCli(self._context).command()
        if note := versions.note(str(cli.version)):
            said.say(note)
        clients_for(self._cloud).check_account()
        return cli

    @contextmanager
    def _opened(
        self, cli: Cli, url: str | None, protection: Protection, *, create: bool = False
    ) -> Iterator[Any]:
        """The environment's stack in the state at `url`; None when there is none of it."""
        if url is None:
            yield None
            return
        with workspace.opened(
            cli,
            self._context.environment.scope,
            self._cloud,
            backend=url,
            protection=protection,
            create=create,
        ) as stack:
            yield stack

    @property
    def _pulumi_home(self) -> Path:
        return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")

    def _previewed(self, stack: Any, cli: Cli, desired: Sequence[Item], said: Diagnosis) -> Plan:
        """A secret that waits for its deletion cannot be imported before it is restored: it is shown as new."""
        from .programs.aws import program

        workspace.fetch_provider(stack, self._pulumi_home, said)
        found = self._adopted(_exported(stack), desired, said)
        imports = {key: ref for key, ref in found.imports.items() if ref not in found.restore}
        todo = program(desired, imports)
        patiently(
            lambda: stack.preview(program=todo, refresh=True, on_event=said.hear), cli, said.say
        )
        return events.plan(said.heard)

    def _settled(self, stack: Any, cli: Cli, said: Diagnosis) -> Mapping[str, Any]:
        """The state, without creations that a kill has interrupted: Pulumi keeps those for somebody to decide about.
        What they have made all the same is found in the account, as all that the state lacks is."""
        state = _exported(stack)
        pending = state.get("pending_operations") or ()
        made = [
            p["resource"]["urn"].rpartition("::")[2] for p in pending if p["type"] == "creating"
        ]
        if not made:
            return state
        said.say(f"Pulumi was killed while it made {', '.join(made)}: looking what became of it")
        refresh = partial(stack.refresh, clear_pending_creates=True, on_event=said.hear)
        self._alone(stack, cli, refresh, said)
        return _exported(stack)

    def _adopted(
        self, deployment: Mapping[str, Any], desired: Sequence[Item], said: Diagnosis
    ) -> Adoption:
        """Of what the state lacks, what is there and ours.  Raises Conflict for what is not."""
        resources = deployment.get("resources") or ()
        if note := versions.check_state(resources):
            said.say(note)
        state = adoption.recorded(resources)
        lacking = adoption.lacking(desired, state)
        if not lacking:
            return adoption.NONE
        found = existing.find(clients_for(self._cloud), lacking)
        return adoption.decide(self._context.names, found, state)

    def _restore(self, found: Adoption, said: Diagnosis) -> None:
        for arn in found.restore:
            said.say(f"keeping {arn.rpartition(':secret:')[2]}, which waited for its deletion")
            existing.restore(clients_for(self._cloud), arn)

    def _alone(self, stack: Any, cli: Cli, run: Callable[[], T], said: Diagnosis) -> T:
        """`run()`; under our lease a lock of Pulumi's was left by a killed run, and is taken away, once."""
        try:
            return patiently(run, cli, said.say)
        except pulumi_cli.automation().ConcurrentUpdateError as error:
            message = str(error)
            if not locks.left_behind(message):
                raise
        said.say(f"taking away a lock on Pulumi's state, left behind by {locks.holders(message)}")
        stack.cancel()
        return patiently(run, cli, said.say)


def _exported(stack: Any) -> Mapping[str, Any]:
    """What Pulumi remembers: `resources` and `pending_operations`, each where there are any."""
    return stack.export_stack().deployment or {}
