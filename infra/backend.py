"""Where Pulumi keeps its state, when the user says where: the URL of `backend` in `[pulumi]`.

Kinds of backend: https://www.pulumi.com/docs/iac/concepts/state-and-backends/.  A directory is used only when it is
named: nothing falls back to one, since a state that lies on one machine is lost to all others.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from toolkit.core.errors import ConfigError, CredentialError

BUCKETS = ("s3", "gs", "azblob")
SERVICES = ("https", "http")
TOKEN = "PULUMI_ACCESS_TOKEN"  # noqa: S105  # a variable's name


def url(chosen: str, project: Path) -> str:
    """The URL that Pulumi gets.  A path is relative to the project.  Raises ConfigError."""
    scheme, separator, rest = chosen.partition("://")
    if not separator or scheme == "file":
        return _directory(rest if separator else chosen, project)
    if scheme not in (*BUCKETS, *SERVICES) or not rest:
        known = ", ".join(f"{s}://..." for s in ("file", *BUCKETS, "https"))
        raise ConfigError(
            f"{chosen!r} is no place for Pulumi's state",
            hint=f"`backend` in [pulumi] is a directory or one of {known}; without it, al makes a bucket",
        )
    return chosen


def _directory(path: str, project: Path) -> str:
    place = (project / Path(path).expanduser()).resolve()
    if not place.is_dir():
        raise ConfigError(
            f"{place} is not a directory for Pulumi's state",
            hint="make it, or leave `backend` out of [pulumi] to keep the state in a bucket",
        )
    return place.as_uri()


def check_login(backend: str, environment: Mapping[str, str]) -> None:
    """Raises CredentialError when `backend` is a Pulumi Cloud that nobody is logged in to: Pulumi would ask."""
    if not backend.startswith(SERVICES) or environment.get(TOKEN):
        return
    if backend.rstrip("/") not in _logins(environment):
        raise CredentialError(
            f"{backend} wants a login",
            hint=f"set {TOKEN}, or run `pulumi login {backend}` on this machine",
        )


def _logins(environment: Mapping[str, str]) -> set[str]:
    """Where `pulumi login` has been: the keys of its credentials file, without any value."""
    home = environment.get("PULUMI_HOME") or str(Path.home() / ".pulumi")
    place = Path(environment.get("PULUMI_CREDENTIALS_PATH") or home) / "credentials.json"
    try:
        tokens = json.loads(place.read_text(encoding="utf-8")).get("accessTokens") or {}
    except (OSError, ValueError):
        return set()  # nobody has logged in on this machine
    return {name.rstrip("/") for name, token in tokens.items() if token}
