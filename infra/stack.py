"""Applies the Pulumi program to a real account, through Pulumi's Automation API.

Untried against a real account and with a real CLI so far: docs/pulumi.md says what has been proven, and how.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context, Store

from . import adoption, events, pulumi_cli, versions, workspace
from .adoption import Adoption
from .diagnosis import Diagnosis
from .driving import Drive
from .provider import provider_for
from .pulumi_process import Cli
from .secrets_provider import NOTHING, Protection
from .state import State


class Stack:
    """An Applier for an account in a cloud.  Whoever calls `apply` holds the environment's deploy lease."""

    def __init__(self, context: Context, credentials: Store | None = None) -> None:
        """`credentials` are the user's on this machine, for the passphrase of Pulumi's state."""
        self._context = context
        self._provider = provider_for(context)
        self._state = State(context, credentials, self._provider)

    def preview(self, desired: Sequence[Item]) -> Plan:
        """What `apply` would do, compared with the account as it is.  Raises Conflict for what is somebody else's.
        Where there is no state yet, none is made: everything is new then."""
        said, protection = self._diagnosis(), self._state.protection()
        with said.translated("previewing the infrastructure", protection):
            cli = self._ready(said)
            with self._opened(cli, self._state.known(), protection) as stack:
                if stack is not None:
                    return self._previewed(Drive(stack=stack, cli=cli, said=said), desired)
            with TemporaryDirectory() as nothing:
                place = Path(nothing).as_uri()
                with self._opened(cli, place, NOTHING, create=True) as stack:
                    return self._previewed(Drive(stack=stack, cli=cli, said=said), desired)

    def apply(
        self,
        desired: Sequence[Item],
        *,
        progress: Callable[[str], None],
        check: Callable[[], None] = lambda: None,
    ) -> Mapping[str, Any]:
        """The program's exports.  What doctor may have repaired since is read from the account first (D6), what a
        killed push left is taken over, and what is somebody else's is refused by name before anything is changed.

        When `check` raises, Pulumi ends the calls that it has begun, and the error is raised.
        """
        said, protection = self._diagnosis(progress), self._state.protection()
        with said.translated("applying the infrastructure", protection):
            cli = self._ready(said)
            with self._opened(cli, self._state.made(), protection, create=True) as stack:
                drive = Drive(stack=stack, cli=cli, said=said, check=check)
                workspace.fetch_provider(stack, self._pulumi_home, said, self._provider)
                found = self._adopted(drive.settled(), desired, said)
                self._restore(found, drive)
                todo = self._provider.program(desired, found.imports)
                result = drive.alone(
                    lambda: stack.up(program=todo, refresh=True, on_event=said.hear)
                )
        return {name: output.value for name, output in result.outputs.items()}

    def forget(self, *, progress: Callable[[str], None]) -> str:
        """Give the stack up, whatever its state says is there.  One in our own bucket goes with the bucket, so that
        nothing of Pulumi is needed then.  What is left for the user to do, a sentence, or ""."""
        if self._state.own:
            return ""
        known, name = self._state.known(), self._context.environment.scope.environment
        if pulumi_cli.PulumiCli(self._context).missing():
            return f"with Pulumi installed, run `pulumi stack rm --force {name}` with the backend {known}: its state is left there"
        said, protection = self._diagnosis(progress), self._state.protection()
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
        self._provider.check_account()
        return cli

    def _diagnosis(self, progress: Callable[[str], None] = lambda _: None) -> Diagnosis:
        return Diagnosis(progress, meaning=self._provider.meaning)

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
            self._provider,
            backend=url,
            protection=protection,
            create=create,
        ) as stack:
            yield stack

    @property
    def _pulumi_home(self) -> Path:
        return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")

    def _previewed(self, drive: Drive, desired: Sequence[Item]) -> Plan:
        """A secret that waits for its deletion cannot be imported before it is restored: it is shown as new."""
        workspace.fetch_provider(drive.stack, self._pulumi_home, drive.said, self._provider)
        found = self._adopted(drive.exported(), desired, drive.said)
        imports = {key: ref for key, ref in found.imports.items() if ref not in found.restore}
        preview, heard = drive.stack.preview, drive.said.hear
        todo = self._provider.program(desired, imports)
        drive.patiently(lambda: preview(program=todo, refresh=True, on_event=heard))
        return events.plan(drive.said.heard)

    def _adopted(
        self, deployment: Mapping[str, Any], desired: Sequence[Item], said: Diagnosis
    ) -> Adoption:
        """Of what the state lacks, what is there and ours.  Raises Conflict for what is there and is not, whether the
        state knows it or not: it knows most things by their names, and those can have changed hands."""
        resources = deployment.get("resources") or ()
        provider = self._provider
        if note := versions.check_state(resources, provider.package):
            said.say(note)
        state = adoption.recorded(resources)
        names = self._context.names
        found = provider.find(adoption.at_stake(desired, state, provider.wholes))
        return adoption.decide(names, found, desired, state, provider.wholes)

    def _restore(self, found: Adoption, drive: Drive) -> None:
        for arn in found.restore:
            drive.check()
            drive.said.say(
                f"keeping {arn.rpartition(':secret:')[2]}, which waited for its deletion"
            )
            self._provider.restore(arn)
