"""Finds the Pulumi CLI, which no Python package brings, says what to do when it is missing, and installs it on request.

It is looked for where the environment's file says (`root`), and nowhere else then; otherwise where `al` has
installed it, and on the PATH.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

from toolkit.core.errors import AlError, ConfigError, Unreachable
from toolkit.core.ports import Context

from . import versions

if TYPE_CHECKING:
    from .pulumi_process import Cli

DOWNLOAD = "https://www.pulumi.com/docs/iac/download-install/"
_TAIL = 1_000  # characters of the installer's output that an error quotes


def automation() -> Any:
    """Pulumi's Automation API.  Raises ConfigError when the SDK is not installed."""
    try:
        from pulumi import automation as api
    except ImportError as error:
        raise ConfigError(
            "Pulumi's Python SDK is not installed", hint='pip install "al-toolkit[infra]"'
        ) from error
    return api


class PulumiCli:
    """The CLI on this machine.  core.ports.Tool."""

    def __init__(self, context: Context) -> None:
        self._named = context.environment.pulumi.get("root")
        self._home = context.home / "pulumi"

    @property
    def wanted(self) -> str:
        """The version that `install` brings: the SDK's."""
        automation()
        return versions.sdk()

    @property
    def place(self) -> Path:
        """Where `install` puts it: each version in a directory of its own."""
        return self._home / self.wanted

    def missing(self) -> str | None:
        """Why the CLI cannot be used, as a sentence; None when it can."""
        try:
            self.command()
        except ConfigError:
            raise
        except AlError as error:
            return error.message
        return None

    def command(self) -> "Cli":
        """The CLI, as the Automation API wants it.  Raises AlError when there is none that we can use."""
        automation()
        refused: list[AlError] = []
        for root, program in self._candidates():
            try:
                return self._checked(root, program)
            except AlError as error:
                refused.append(error)
        if refused:
            raise refused[-1]
        where = f"in {self._named}/bin" if self._named else "on the PATH"
        raise AlError(f"there is no Pulumi CLI {where}", hint=self._advice())

    def install(self, progress: Callable[[str], None]) -> str:
        """Download it with Pulumi's own installer; where it is now.  Raises AlError, Unreachable.

        The installer is https://get.pulumi.com/install.sh.  Nothing outside `place` is changed, the PATH neither.
        """
        from semver import VersionInfo

        from .pulumi_process import Cli

        if self._named:
            raise AlError(
                f"the environment's file says that Pulumi is in {self._named}: its `root` in [pulumi]",
                hint=f"install version {self.wanted} there, or remove `root`",
            )
        progress(f"installing Pulumi {self.wanted} into {self.place}")
        self.place.mkdir(parents=True, exist_ok=True)
        try:
            Cli.install(root=str(self.place), version=VersionInfo.parse(self.wanted))
        except CalledProcessError as error:
            said = (error.output or b"").decode(errors="replace")[-_TAIL:].strip()
            raise AlError(f"Pulumi's installer failed: {said}", hint=self._by_hand()) from error
        except OSError as error:
            raise Unreachable(
                f"Pulumi's installer could not be downloaded: {error}", hint=self._by_hand()
            ) from error
        return str(self.command().command)

    def _candidates(self) -> Iterator[tuple[str | None, str]]:
        """(root or None for the PATH, program) of every CLI that could be meant."""
        for root in [self._named] if self._named else [str(self.place), None]:
            found = shutil.which("pulumi", path=str(Path(root) / "bin") if root else None)
            if found:
                yield root, found

    def _checked(self, root: str | None, program: str) -> "Cli":
        from semver import VersionInfo

        from .pulumi_process import Cli

        try:
            return Cli(root=root, version=VersionInfo.parse(versions.OLDEST))
        except automation().InvalidVersionError as error:
            raise AlError(
                f"{program} is not a Pulumi CLI that we can use: {error}", hint=self._advice()
            ) from error
        except (OSError, ValueError, CalledProcessError) as error:
            raise AlError(
                f"{program} does not tell its version: {error}", hint=self._advice()
            ) from error

    def _advice(self) -> str:
        if self._named:
            return f"correct `root` in [pulumi] of the environment's file; it needs version {self.wanted}"
        return f"`al push --install-pulumi` installs version {self.wanted}; {self._by_hand()}"

    def _by_hand(self) -> str:
        return (
            f"to do it by hand, install it from {DOWNLOAD}, or name the directory that has bin/pulumi "
            "as `root` in [pulumi] of the environment's file"
        )
