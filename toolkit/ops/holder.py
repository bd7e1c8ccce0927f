"""Who is changing an environment: words for whoever has to wait, and marks by which a dead process is known.

Looks at this machine only.  A process of another machine, or of another container, is never judged from here.
"""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_LONGEST = 300  # characters of a name that a stranger's terminal is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process: `name` for people; `machine`, `pid` and `started` tell it from every other, where they are known.

    `machine` is one boot of one kernel and the process namespace in it: host names are not unique, and in another
    container the same number is another process.  `started` is its start in clock ticks after boot (proc(5)), so that
    a number that is used again is not taken for it.
    """

    name: str
    machine: str = ""
    pid: int = 0
    started: str = ""

    def to_fact(self) -> dict[str, Any]:
        return {
            "holder": self.name,
            "machine": self.machine,
            "pid": self.pid,
            "started": self.started,
        }


def holder(environ: Mapping[str, str] = os.environ) -> Holder:
    """This process."""
    pid, where = os.getpid(), ci_run(environ)
    name = f"{_user()}@{socket.gethostname()} pid {pid}" + (f" ({where})" if where else "")
    return Holder(
        name="".join(c for c in name if c.isprintable())[:_LONGEST],
        machine=_machine(),
        pid=pid,
        started=_state(pid)[1],
    )


def ci_run(environ: Mapping[str, str]) -> str:
    """The address of the CI run that this is, by the variables that GitHub, GitLab, CircleCI, Buildkite and Jenkins
    document; empty outside of one that says it."""
    if run := environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    names = ("CI_JOB_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL", "BUILD_URL")
    return next((environ[name] for name in names if environ.get(name)), "")


def is_dead(fact: Mapping[str, Any]) -> bool:
    """Whether `fact`, of `Holder.to_fact`, is of a process on this very machine that is there no more."""
    machine = fact.get("machine")
    if not machine or machine != _machine():
        return False
    try:
        os.kill(fact["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, and alive as far as we may know
    state, started = _state(fact["pid"])
    return state in {"Z", "X"} or bool(started and started != fact["started"])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return f"uid {os.getuid()}"


def _machine() -> str:
    """Empty where there is no /proc: then only time tells whether a holder is dead."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _state(pid: int) -> tuple[str, str]:
    """The state and the start of a process, fields 3 and 22 of its `stat` (proc(5)); empty where we may not look."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = text.rpartition(")")[
        2
    ].split()  # the second, its name in parentheses, may hold anything
    return fields[0], fields[19]
