"""What sudo is asked for: one command, always the same words, and everything else on its stdin.

So one exact rule allows it, and neither `ps` nor sudo's own log shows a run's environment or secret.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import toolkit
from toolkit.core.errors import AccessDenied, LaunchError

PATIENCE = 60.0  # seconds over what a wish itself may take


def command(user: str, python: str = sys.executable) -> tuple[str, ...]:
    return ("sudo", "-n", "-u", user, "--", *allowed(python))


def allowed(python: str = sys.executable) -> tuple[str, ...]:
    """What the rule names; isolated, so that no variable or directory of ours can change what it runs."""
    return (python, "-I", str(Path(toolkit.__file__ or "").parent / "inside" / "host_user.py"))


def rule(launcher: str, user: str, python: str = sys.executable) -> str:
    """The line for /etc/sudoers.d: this command, as that user, with any group of its own, and nothing else."""
    words = " ".join(word.replace(" ", "\\ ") for word in allowed(python))
    return f"{launcher} ALL=({user}) NOPASSWD: {words}"


def wish(verb: str, **words: Any) -> bytes:
    """As toolkit/inside/host_user.py reads it."""
    data = json.dumps({"verb": verb, **words}).encode()
    return f"{len(data)}\n".encode() + data


def asked(user: str, python: str, data: bytes, *, seconds: float = 0.0) -> str:
    """What it prints.  Raises AccessDenied when sudo refuses, and LaunchError for what does not work then."""
    try:
        done = subprocess.run(
            command(user, python),
            input=data,
            capture_output=True,
            timeout=seconds + PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise LaunchError(
            "sudo is not installed", hint="install it, or take the agent's [runtime] away"
        ) from None
    except subprocess.TimeoutExpired as error:
        raise LaunchError(
            f"{user} does not answer", hint="this machine is overloaded: look at it with `top`"
        ) from error
    if done.returncode:
        raise refused(user, done.stderr.decode(errors="replace"))
    return done.stdout.decode().strip()


def refused(user: str, said: str) -> AccessDenied:
    last = said.strip().splitlines()[-1:] or ["without a word"]
    return AccessDenied(
        f"agents cannot be run as {user}: {last[0][:300]}",
        hint="`al doctor -E local` says what is missing, and `al doctor -E local --fix` sets it up",
    )
