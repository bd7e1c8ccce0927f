"""git in a container: tokens and keys by variables only, because the file system may be read-only.

The HTTPS helper is configured through GIT_CONFIG_COUNT, GIT_CONFIG_KEY_n and GIT_CONFIG_VALUE_n
(https://git-scm.com/docs/git-config#ENVIRONMENT), for github.com and the agent's forge, each with its own account: no
other host is ever offered a token.
"""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

_GITHUB = "x-access-token", "GITHUB_TOKEN"
_FORGE = "$FORGE_USER", "FORGE_PASSWORD"


def helper(environ: Mapping[str, str]) -> dict[str, str]:
    """What makes git use GITHUB_TOKEN, and FORGE_PASSWORD, behind whatever configuration `environ` has already."""
    helpers: dict[str, tuple[str, str]] = {}
    if environ.get("GITHUB_TOKEN"):
        helpers["https://github.com"] = _GITHUB
    if (forge := environ.get("FORGE_URL")) and environ.get("FORGE_PASSWORD"):
        helpers[forge.rstrip("/")] = _FORGE
    if not helpers:
        return {}
    token = environ.get("GITHUB_TOKEN")
    login = {"GH_TOKEN": environ.get("GH_TOKEN", token)} if token else {}
    return {**login, "GIT_TERMINAL_PROMPT": "0", **_configured(helpers, environ)}


def _configured(
    helpers: Mapping[str, tuple[str, str]], environ: Mapping[str, str]
) -> dict[str, str]:
    count = environ.get("GIT_CONFIG_COUNT", "0")
    first = int(count) if count.isdigit() else 0
    found = {"GIT_CONFIG_COUNT": str(first + len(helpers))}
    for number, (url, account) in enumerate(helpers.items(), first):
        found[f"GIT_CONFIG_KEY_{number}"] = f"credential.{url}.helper"
        found[f"GIT_CONFIG_VALUE_{number}"] = _script(*account)
    return found


def _script(user: str, variable: str) -> str:
    """https://git-scm.com/docs/gitcredentials#_custom_helpers"""
    return (
        f'!f() {{ test "$1" = get && echo "username={user}" && echo "password=${variable}"; }}; f'
    )


def configured(environ: Mapping[str, str]) -> Iterator[str]:
    """What git can do in the run, for its log."""
    if helper(environ):
        yield "git HTTPS credential helper configured"
    if "GIT_SSH_COMMAND" in environ:
        yield "SSH key configured for git"


def template(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What makes git look for secrets before it commits, in repositories that the agent clones or makes: a hook of theirs
    (https://git-scm.com/docs/git-init#_template_directory), so that one which has hooks of its own keeps those."""
    if "GIT_TEMPLATE_DIR" in environ:
        return {}
    hook = directory / "git" / "hooks" / "pre-commit"
    hook.parent.mkdir(parents=True)
    hook.write_text(
        "#!/bin/sh\ncommand -v al-scan >/dev/null || exit 0\nexec al-scan --staged >&2\n"
    )
    hook.chmod(0o700)
    return {"GIT_TEMPLATE_DIR": str(directory / "git")}


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
