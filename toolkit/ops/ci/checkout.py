"""The git repository that a project is in: where it begins, where it comes from, and which files it has.

Asks git and changes nothing.  An address may hold a password, so none is ever repeated in a message.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.desired.oidc import GITHUB, Repository
from toolkit.core.errors import AlError, ConfigError, UsageError

_URL = re.compile(r"(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[^/:]+)(?::\d+)?/(?P<path>.+)")
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?P<path>[^/].*)")
_PATH = re.compile(r"(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]*)/(?P<name>[A-Za-z0-9._-]+)")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_OTHERS = ("gitlab", "bitbucket", "codeberg", "dev.azure", "sr.ht")
_NAME_IT = "name it with --repo OWNER/NAME, or --repo HOST/OWNER/NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """The repository's root directory on this machine, and the project's below it (`.` when they are the same)."""

    root: Path
    directory: str


def find(project: Path) -> Checkout | None:
    """The checkout that the project is in, or None where git knows of none.  Raises AlError without git."""
    root = _git(project, "rev-parse", "--show-toplevel")
    if root is None:
        return None
    place = Path(root).resolve()
    return Checkout(root=place, directory=project.resolve().relative_to(place).as_posix())


def origin(project: Path) -> Repository:
    """The repository that `origin` is.  Raises UsageError naming --repo when it cannot be told."""
    address = _git(project, "remote", "get-url", "origin")
    if address is None:
        raise UsageError(f"{project} has no git remote named origin", hint=_NAME_IT)
    found = _URL.fullmatch(address) or _SCP.fullmatch(address)
    if found is None:
        raise UsageError("the git remote origin is no address on a server", hint=_NAME_IT)
    host = found["host"].lower().removeprefix("ssh.").removeprefix("www.")
    if host.startswith(_OTHERS):
        raise UsageError(
            f"the git remote origin is on {host}, which is not GitHub",
            hint="docs/ci.md says what other systems need; if it is GitHub, " + _NAME_IT,
        )
    return named(f"{host}/{found['path'].strip('/').removesuffix('.git')}")


def named(text: str) -> Repository:
    """`OWNER/NAME` on github.com, or `HOST/OWNER/NAME`.  Raises UsageError."""
    host, path = GITHUB, text
    if text.count("/") == 2:
        host, _, path = text.partition("/")
    found = _PATH.fullmatch(path)
    if found is None or found["name"] in (".", "..") or not _HOST.fullmatch(host):
        raise UsageError("that is not a repository's name on GitHub", hint=_NAME_IT)
    return Repository(owner=found["owner"], name=found["name"], host=host)


def tracked(project: Path) -> tuple[Path, ...]:
    """The project's files that git knows, relative to it: those which another checkout would have."""
    listed = _git(project, "ls-files", "-z")
    if listed is None:
        raise ConfigError(
            f"git does not list the files of {project}", hint="run `git status` there"
        )
    return tuple(Path(name) for name in listed.split("\0") if name and (project / name).is_file())


def _git(place: Path, *words: str) -> str | None:
    """What git prints, or None when it refuses.  Raises AlError without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(place), *words], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise AlError(
            "there is no git on the PATH", hint="install git, or run this where it is"
        ) from error
    return done.stdout.strip("\n") if done.returncode == 0 else None
