"""Finds the Pulumi CLI, which no Python package brings, and says what to install when it is missing."""

import shutil
from importlib.metadata import version
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from toolkit.core.errors import AlError, ConfigError

OLDEST = "3.150.0"  # the oldest SDK that pyproject.toml allows, and so the oldest CLI
DOWNLOAD = "https://www.pulumi.com/docs/iac/download-install/"


def automation() -> Any:
    """Pulumi's Automation API.  Raises ConfigError when the SDK is not installed."""
    try:
        from pulumi import automation as api
    except ImportError as error:
        raise ConfigError(
            "Pulumi's Python SDK is not installed", hint='pip install "al-toolkit[infra]"'
        ) from error
    return api


def command(root: str | None) -> Any:
    """The CLI in `<root>/bin`, else the one on the PATH, as the Automation API wants it.  Raises AlError."""
    automation()
    place = shutil.which("pulumi", path=str(Path(root) / "bin") if root else None)
    if place is None:
        where = f"in {root}/bin" if root else "on the PATH"
        raise AlError(f"there is no Pulumi CLI {where}", hint=_advice())
    return _checked(root, place)


def _checked(root: str | None, place: str) -> Any:
    from semver import VersionInfo

    api = automation()
    try:
        return api.PulumiCommand(root=root, version=VersionInfo.parse(OLDEST))
    except api.InvalidVersionError as error:
        raise AlError(
            f"{place} is not a Pulumi CLI that we can use: {error}", hint=_advice()
        ) from error
    except (OSError, ValueError, CalledProcessError) as error:
        raise AlError(f"{place} does not tell its version: {error}", hint=_advice()) from error


def _advice() -> str:
    return (
        f"install version {version('pulumi')} from {DOWNLOAD}, or name the directory that has bin/pulumi "
        "as `root` in [pulumi] of the environment's file"
    )
