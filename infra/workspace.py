"""A stack of Pulumi's Automation API, ready to be run: Pulumi's project is ours, its stack our environment.

What Pulumi writes beside its state (settings, a salt) lies in a directory that goes when the work is done; the state
itself says what it was encrypted with.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolkit.core.environment import Scope
from toolkit.core.errors import Unreachable

from . import versions
from .diagnosis import Diagnosis
from .provider import Provider
from .pulumi_cli import automation
from .pulumi_process import Cli
from .secrets_provider import Protection


@contextmanager
def opened(
    cli: Cli,
    scope: Scope,
    provider: Provider,
    *,
    backend: str,
    protection: Protection,
    create: bool,
) -> Iterator[Any | None]:
    """The environment's stack.  One that is not there is made, or with `create` False None."""
    api = automation()
    variables = {"PULUMI_BACKEND_URL": backend, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    with TemporaryDirectory(prefix="al-pulumi-") as place:
        workspace = api.LocalWorkspace(
            work_dir=place,
            pulumi_command=cli,
            env_vars={**variables, **provider.variables(), **protection.variables},
            secrets_provider=protection.provider,
            project_settings=api.ProjectSettings(name=scope.project, runtime="python", main=place),
            stack_settings={scope.environment: _settings(provider, protection)},
        )
        yield _selected(workspace, scope.environment, create=create)


def _selected(workspace: Any, name: str, *, create: bool) -> Any | None:
    api = automation()
    if create:
        return api.Stack.create_or_select(name, workspace)
    try:
        return api.Stack.select(name, workspace)
    except api.StackNotFoundError:
        return None


def _settings(provider: Provider, protection: Protection) -> Any:
    """Given each time: Pulumi would otherwise take its default for a stack that is only selected
    (https://github.com/pulumi/pulumi/issues/8183)."""
    return automation().StackSettings(
        secrets_provider=protection.provider, config={**provider.settings()}
    )


def fetch_provider(stack: Any, home: Path, said: Diagnosis, provider: Provider) -> None:
    """Download the provider of the package's version, when Pulumi has not got it.  Raises Unreachable.

    `home` is Pulumi's own directory.  Pulumi would do it by itself, in silence: it is some hundred megabytes.
    """
    package, words = provider.package, f"Pulumi's {provider.words} provider"
    wanted = versions.provider(package)
    if (home / "plugins" / f"resource-{package}-v{wanted}").is_dir():
        return
    said.say(f"downloading {words} {wanted}, once for this machine")
    try:
        stack.workspace.install_plugin(package, f"v{wanted}")
    except automation().CommandError as error:
        raise Unreachable(
            f"{words} {wanted} could not be downloaded: {str(error)[-600:].strip()}",
            hint=f"try again, or run `pulumi plugin install resource {package} v{wanted}` where the network allows it",
        ) from None
