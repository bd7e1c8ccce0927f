"""Agents that run as another user of this machine: whether that user, its groups and the rule for sudo are there.

`steps` decides and is pure; `found` looks; `set_up` does what `steps` says, as root, through sudo where we are not.  It makes users
and group memberships, and one file in /etc/sudoers.d that visudo has checked; it takes nothing away.
"""

import grp
import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.clouds import sudo
from toolkit.core.agent import Agent, Project
from toolkit.core.errors import AccessDenied, AlError
from toolkit.core.names import shorten
from toolkit.ops.doctor.findings import Finding, Weight, failing

RULES = Path("/etc/sudoers.d")
ISOLATION = "host-user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the agents that run as `user` need together."""

    user: str
    groups: tuple[str, ...]
    launcher: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is there of it; `ruled`: whether sudo lets the launcher, without a password."""

    user: bool
    groups: frozenset[str]  # those that exist
    member: frozenset[str]  # those that the user is in
    ruled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command for root, and why; `given` is what it reads on stdin."""

    why: str
    command: tuple[str, ...]
    given: str = ""


def wanted(project: Project) -> tuple[Wanted, ...]:
    """By user, of the agents that ask for one."""
    agents = [agent for agent in project.agents if agent.isolation == ISOLATION]
    launcher = pwd.getpwuid(os.getuid()).pw_name
    users = dict.fromkeys(agent.run_as for agent in agents)
    return tuple(
        Wanted(
            user=user,
            groups=_groups(agents, user),
            launcher=launcher,
            rule=sudo.rule(launcher, user),
        )
        for user in users
    )


def _groups(agents: Sequence[Agent], user: str) -> tuple[str, ...]:
    return tuple(sorted({g for agent in agents if agent.run_as == user for g in agent.groups}))


def seen(wanted: Wanted) -> Seen:
    try:
        account = pwd.getpwnam(wanted.user)
    except KeyError:
        account = None
    numbers = os.getgrouplist(wanted.user, account.pw_gid) if account else []
    known = frozenset(group.gr_name for group in grp.getgrall())
    member = frozenset(g.gr_name for g in grp.getgrall() if g.gr_gid in numbers)
    return Seen(user=account is not None, groups=known, member=member, ruled=_ruled(wanted))


def _ruled(wanted: Wanted) -> bool:
    """sudo's own word: what it would run without a password (sudo(8), -l with a command)."""
    command = ("sudo", "-n", "-l", "-u", wanted.user, *sudo.allowed())
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def steps(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    """Pure: what turns what is seen into what is wanted, in an order in which each can be done."""
    if not seen.user:
        make = ("useradd", "--system", "--create-home", "--user-group")
        why = f"the user {wanted.user} does not exist"
        yield Step(why=why, command=(*make, "--shell", "/usr/sbin/nologin", wanted.user))
    for group in wanted.groups:
        if group not in seen.groups:
            yield Step(why=f"the group {group} does not exist", command=("groupadd", group))
        if group not in seen.member:
            why = f"{wanted.user} is not in the group {group}"
            yield Step(why=why, command=("usermod", "--append", "--groups", group, wanted.user))
    if not seen.ruled:
        file = str(RULES / shorten(f"al-{wanted.launcher}-{wanted.user}".replace(".", "_"), 60))
        check = f'umask 337; t=$(mktemp) && cat > "$t" && visudo -cqf "$t" && install -m 440 "$t" {file}; r=$?; rm -f "$t"; exit $r'
        why = f"sudo does not let {wanted.launcher} run agents as {wanted.user}"
        yield Step(why=why, command=("sh", "-c", check), given=f"{wanted.rule}\n")


def found(project: Project) -> Iterator[Finding]:
    """What is missing, each with the command that adds it; then what the user cannot read or write."""
    for want in wanted(project):
        if shutil.which("sudo") is None:
            yield failing(
                want.user,
                "sudo is not installed",
                "install it: agents cannot be run as another user",
            )
            continue
        missing = list(steps(want, seen(want)))
        for step in missing:
            yield failing(want.user, step.why, f"`al doctor --fix` does it: {_shown(step)}")
        if not missing:
            yield from _works(want)


def _works(want: Wanted) -> Iterator[Finding]:
    """Really asked: the interpreter, our package and its home."""
    try:
        answer = json.loads(sudo.asked(want.user, sys.executable, sudo.wish("look")))
    except (AlError, ValueError):
        message = f"{want.user} cannot run {sys.executable}, or read {sudo.allowed()[-1]}"
        remedy = (
            "install al where every user may read it, e.g. in /opt, and not in your home directory"
        )
        yield failing(want.user, message, remedy)
        return
    if not answer["writable"]:
        message = f"{want.user} has no home directory that it can write"
        yield failing(want.user, message, f"make one: `sudo mkhomedir_helper {want.user}`")


def due(project: Project) -> list[Step]:
    return [step for want in wanted(project) for step in steps(want, seen(want))]


def set_up(todo: Sequence[Step]) -> Iterator[Finding]:
    """Each step, as the finding that it is set right.  Raises AccessDenied with what root said."""
    for step in todo:
        command = step.command if os.getuid() == 0 else ("sudo", "--", *step.command)
        done = subprocess.run(
            command, input=step.given.encode(), stderr=subprocess.PIPE, check=False
        )
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip()[-300:]
            raise AccessDenied(
                f"{step.why}, and {step.command[0]} failed: {words}",
                hint=f"let an administrator do it: {_shown(step)}",
            )
        yield Finding(
            weight=Weight.ERROR,
            about=ISOLATION,
            message=step.why,
            remedy="done",
            fixed=True,
        )


def _shown(step: Step) -> str:
    if step.given:
        return f"the line {step.given.strip()!r} in {RULES}"
    return f"`{' '.join(step.command)}`"
