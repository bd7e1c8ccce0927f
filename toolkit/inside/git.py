"""git in a container: tokens and keys by variables only, because the file system may be read-only.

The HTTPS helper is configured through GIT_CONFIG_COUNT, GIT_CONFIG_KEY_n and GIT_CONFIG_VALUE_n
(https://git-scm.com/docs/git-config#ENVIRONMENT), for github.com alone: no other host is ever offered the token.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

_HELPER = (
    '!f() { test "$1" = get && echo username=x-access-token && echo "password=$GITHUB_TOKEN"; }; f'
)


def helper(environ: Mapping[str, str]) -> dict[str, str]:
    """What makes git use GITHUB_TOKEN, behind whatever configuration `environ` has already."""
    if not (token := environ.get("GITHUB_TOKEN")):
        return {}
    count = environ.get("GIT_CONFIG_COUNT", "0")
    number = int(count) if count.isdigit() else 0
    return {
        "GH_TOKEN": environ.get("GH_TOKEN", token),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": "credential.https://github.com.helper",
        f"GIT_CONFIG_VALUE_{number}": _HELPER,
    }


def identity(fields: Mapping[str, str]) -> dict[str, str]:
    """Who commits."""
    found: dict[str, str] = {}
    for who in ("AUTHOR", "COMMITTER"):
        found |= {f"GIT_{who}_NAME": fields["username"]} if fields.get("username") else {}
        found |= {f"GIT_{who}_EMAIL": fields["email"]} if fields.get("email") else {}
    return found


def ssh(fields: Mapping[str, str], home: Path, instance: str) -> dict[str, str]:
    """Writes the key where ssh accepts it (a file of its own, 0600) and names it.  Nothing without a key."""
    if not (key := fields.get("id_rsa")):
        return {}
    directory = home / ".ssh"
    directory.mkdir(mode=0o700, exist_ok=True)
    file = directory / ("id_rsa" if instance == "default" else f"id_rsa_{instance}")
    file.touch(mode=0o600)
    file.write_text(key.rstrip("\n") + "\n", "utf-8")
    known = directory / "known_hosts"  # ssh takes ~ from the user database, not from HOME
    command = ["ssh", "-i", str(file), "-o", "IdentitiesOnly=yes"]
    command += ["-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={known}"]
    return {"GIT_SSH_COMMAND": shlex.join(command)}
