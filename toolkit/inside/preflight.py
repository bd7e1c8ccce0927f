"""`preflight` steps of an agent's configuration: fetch what the agent needs before it starts.

Providers: `shell` {command, output?}, `http` {url, output, method?, headers?, body?, allowLinkLocal?} and `git-clone`
{repo, dest, branch?, depth?}.  `${NAME}` in a parameter is the variable of that name; in a shell command the shell sees
to it.  Paths are relative to the agent's working directory, and directories above a file are made.
Every step is a process of the run, so that it ends when the run does; none takes longer than SECONDS.
"""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.core.errors import AlError, ConfigError

from .lines import Log
from .shell import Shell

SECONDS = 300  # for each step
_HINT = "see the agent's `preflight` in its configuration"


class StepFailed(AlError):
    """A preflight step could not be done."""


def run_preflight(steps: Sequence[Mapping[str, Any]], shell: Shell, log: Log) -> None:
    """In order.  Raises StepFailed at the first required step that fails; an optional one is only logged."""
    if not steps:
        return
    log.info("preflight starting", stepCount=len(steps))
    for number, step in enumerate(steps, 1):
        provider, began = str(step.get("provider")), time.monotonic()
        try:
            _provider(provider)(step.get("params") or {}, shell)
        except AlError as error:
            required = step.get("required", True)
            say = log.error if required else log.warn
            say("preflight step failed", step=number, provider=provider, error=error.message)
            if required:
                raise
        else:
            took = int((time.monotonic() - began) * 1000)
            log.info("preflight step done", step=number, provider=provider, durationMs=took)
    log.info("preflight complete")


def _provider(name: str) -> Callable[[Mapping[str, Any], Shell], None]:
    if name not in _PROVIDERS:
        raise ConfigError(
            f"no preflight provider named {name!r}", hint=f"use one of: {', '.join(_PROVIDERS)}"
        )
    return _PROVIDERS[name]


def _shell(params: Mapping[str, Any], shell: Shell) -> None:
    command = _needed(params, "command")
    if output := params.get("output"):
        file = shell.cwd / _filled(str(output), shell.env)
        made = f"mkdir -p {shlex.quote(str(file.parent))}"
        command = f"{made} && (\n{command}\n) > {shlex.quote(str(file))}"
    _ended(shell.line(command, timeout=SECONDS), "the shell step")


def _clone(params: Mapping[str, Any], shell: Shell) -> None:
    repo = _filled(_needed(params, "repo"), shell.env)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        repo = _at_github(repo, shell.env)
    command = ["git", "clone"]
    if branch := params.get("branch"):
        command += ["--branch", _filled(str(branch), shell.env)]
    command += ["--depth", str(params["depth"])] if params.get("depth") else []
    command += ["--", repo, _filled(_needed(params, "dest"), shell.env)]
    _ended(shell.run(command, timeout=SECONDS), "git clone")


def _at_github(repo: str, env: Mapping[str, str]) -> str:
    """Over SSH, unless there is no key and a token: then git's helper knows what to do with HTTPS."""
    if "GITHUB_TOKEN" in env and "GIT_SSH_COMMAND" not in env:
        return f"https://github.com/{repo}.git"
    return f"git@github.com:{repo}.git"


def _http(params: Mapping[str, Any], shell: Shell) -> None:
    """By a process of ours, fetch.py: the request goes to its stdin, because headers hold tokens."""
    url = _filled(_needed(params, "url"), shell.env)
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigError("a preflight step's url is not http or https", hint=_HINT)
    headers = {k: _filled(str(v), shell.env) for k, v in (params.get("headers") or {}).items()}
    body = params.get("body")
    request = {
        "url": url,
        "method": _filled(str(params.get("method") or "GET"), shell.env),
        "headers": headers,
        "body": None if body is None else _filled(str(body), shell.env),
        "output": str(shell.cwd / _filled(_needed(params, "output"), shell.env)),
        "allow": params.get("allowLinkLocal") is True,
    }
    if reason := _fetched(request, shell):
        raise StepFailed(f"a preflight request failed: {reason}", hint=_HINT)


def _fetched(request: Mapping[str, Any], shell: Shell) -> str:
    """Why there is no answer; nothing when there is."""
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8", errors="replace") as reason:  # noqa: PTH123 - a descriptor
        try:
            feed = json.dumps({**request, "reason": writing}).encode()
            child = shell.module("toolkit.inside.fetch", feed, (writing,))
        finally:
            os.close(writing)
        try:
            code = shell.family.finish(child, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return f"there was no whole answer after {SECONDS} s"
        return (reason.read() or f"its process ended with exit code {code}") if code else ""


_PROVIDERS: Mapping[str, Callable[[Mapping[str, Any], Shell], None]] = {
    "shell": _shell,
    "http": _http,
    "git-clone": _clone,
}


def _needed(params: Mapping[str, Any], name: str) -> str:
    if not (value := params.get(name)):
        raise ConfigError(f"a preflight step lacks {name!r}", hint=_HINT)
    return str(value)


def _filled(text: str, env: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in env:
            raise ConfigError(f"a preflight step needs the variable {match[1]}", hint=_HINT)
        return env[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _ended(code: int, what: str) -> None:
    if code:
        raise StepFailed(f"{what} of preflight ended with exit code {code}", hint=_HINT)
