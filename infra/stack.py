"""Applies the Pulumi program to a real account, through Pulumi's Automation API.

It needs the Pulumi CLI, which downloads its AWS provider by itself.  Untried against a real account so far:
docs/aws.md says what has been proven and how.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import AlError, Conflict
from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context

from . import events, pulumi_cli, state_bucket

_TAIL = 2_000  # characters of Pulumi's output that an error quotes: its last lines say what failed


class Stack:
    """An Applier for an account on AWS.  Pulumi's project is ours, its stack our environment."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cloud = cloud_of(context.environment)
        self._settings = context.environment.pulumi

    def preview(self, desired: Sequence[Item]) -> Plan:
        """What `apply` would do.  Where there is no state yet, none is made: everything is new then."""
        seen: list[Any] = []
        with _translated("previewing the infrastructure"), TemporaryDirectory() as nothing:
            stack = self._stack(desired, lambda: self._known() or Path(nothing).as_uri())
            stack.preview(on_event=seen.append)
        return events.plan(seen)

    def apply(
        self, desired: Sequence[Item], *, progress: Callable[[str], None]
    ) -> Mapping[str, Any]:
        """The program's exports.  What doctor may have repaired since is read from the account first (D6)."""
        with _translated("applying the infrastructure"):
            result = self._stack(desired, self.backend).up(
                refresh=True, on_event=_reporter(progress)
            )
        return {name: output.value for name, output in result.outputs.items()}

    def destroy(self, *, progress: Callable[[str], None]) -> None:
        """Remove what the program made.  The state's bucket stays: it is the last thing to go."""
        with _translated("removing the infrastructure"):
            self._stack((), self.backend).destroy(remove=True, on_event=_reporter(progress))

    def _stack(self, desired: Sequence[Item], backend: Callable[[], str]) -> Any:
        command = pulumi_cli.command(self._settings.get("root"))
        clients_for(self._cloud).check_account()
        return self._selected(command, backend(), desired)

    def backend(self) -> str:
        """The URL of Pulumi's state: the setting, else a bucket that is made now.  Never a directory unasked."""
        return self._known() or self._url(
            state_bucket.ensure(clients_for(self._cloud), self._context.names)
        )

    def _known(self) -> str | None:
        """The URL of a state that is there already."""
        chosen = self._settings.get("backend")
        if chosen:
            return chosen if "://" in chosen else self._directory(chosen)
        bucket = state_bucket.find(clients_for(self._cloud), self._context.names)
        return self._url(bucket) if bucket else None

    def _url(self, bucket: str) -> str:
        profile = f"&profile={self._cloud.profile}" if self._cloud.profile else ""
        return f"s3://{bucket}?region={self._cloud.region}&awssdk=v2{profile}"

    def _directory(self, chosen: str) -> str:
        place = (self._context.project / Path(chosen).expanduser()).resolve()
        if not place.is_dir():
            raise AlError(
                f"{place} is not a directory for Pulumi's state",
                hint="make it, or leave `backend` out of [pulumi] to keep the state in a bucket",
            )
        return place.as_uri()

    def _selected(self, command: Any, backend: str, desired: Sequence[Item]) -> Any:
        from .programs.aws import program

        api = pulumi_cli.automation()
        scope = self._context.environment.scope
        config = {
            "aws:region": self._cloud.region,
            # the provider then refuses to touch an account that is not the environment's
            "aws:allowedAccountIds": [self._cloud.account],
        }
        options = api.LocalWorkspaceOptions(
            pulumi_command=command,
            env_vars=self._variables(backend),
            secrets_provider=self._settings.get("secretsProvider"),
            project_settings=api.ProjectSettings(name=scope.project, runtime="python"),
            stack_settings={scope.environment: api.StackSettings(config=config)},
        )
        return api.create_or_select_stack(
            stack_name=scope.environment,
            project_name=scope.project,
            program=program(desired),
            opts=options,
        )

    def _variables(self, backend: str) -> dict[str, str]:
        """Nothing in the state is secret, so without a passphrase of the user's the empty one will do."""
        variables = {"PULUMI_BACKEND_URL": backend, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        if self._cloud.profile:
            variables["AWS_PROFILE"] = self._cloud.profile
        if not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & os.environ.keys():
            variables["PULUMI_CONFIG_PASSPHRASE"] = ""
        return variables


def _reporter(progress: Callable[[str], None]) -> Callable[[Any], None]:
    """One line for each change that has been made."""

    def report(event: Any) -> None:
        finished = event.res_outputs_event
        change = events.change_of(finished.metadata) if finished else None
        if change:
            progress(events.done(change))

    return report


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Pulumi's errors as ours: the last lines of what it printed, and what to do."""
    api = pulumi_cli.automation()
    try:
        yield
    except api.ConcurrentUpdateError as error:
        raise Conflict(
            f"{doing}: another run of Pulumi holds this environment",
            hint="wait for it; when it was killed, `pulumi cancel` with the same backend frees the state",
        ) from error
    except api.CommandError as error:
        raise AlError(
            f"{doing}: {str(error)[-_TAIL:].strip()}",
            hint="correct what Pulumi names, and run the same command again: it goes on from there",
        ) from error
