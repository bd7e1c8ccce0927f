"""Runs agents as another user of this machine: `[runtime] type = "host-user"`.

Less apart than a container, and for tools that a container cannot have: the agent reads what that user may read, and nothing of
the one who launched it.  sudo starts `toolkit/inside/host_user.py`, which is told everything on stdin; a supervisor of ours
waits for it and writes down how it ended, so the exit code is known also when `al` was restarted meanwhile.
"""

import base64
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from toolkit.clouds import sudo
from toolkit.core.agent import Agent
from toolkit.core.errors import LaunchError
from toolkit.core.mailbox_lines import MSG, collected
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context, Limits
from toolkit.core.run import Cause, Mailbox, RunHandle, RunId, RunSpec, RunStatus

from . import _lines, _process
from ._docker_ends import with_mailbox
from ._shared_log import record_of
from ._supervised import GRACE, PASSED, Supervised

NAME = "host_user"
ENTRY = ("-P", "-m", "toolkit.inside.entry")
START = 20.0  # seconds for a run that is ended to have begun
_LEFT_OUT = ("PATH",)  # whose value here may name directories that the other user cannot enter


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What `define` gives and a run names: the agent's files, and whose processes its runs are."""

    app: str
    user: str
    groups: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Account":
        """What `str` made."""
        app, _, rest = text.rpartition("?")
        has = dict(parse_qsl(rest, keep_blank_values=True))
        groups = tuple(filter(None, has["groups"].split(",")))
        return cls(app=app, user=has["user"], groups=groups)

    def __str__(self) -> str:
        return f"{self.app}?{urlencode({'user': self.user, 'groups': ','.join(self.groups)})}"


class HostUserRuntime(Supervised):
    """core.ports.Runtime; `python` is the interpreter that the other user runs, `program` what it is given."""

    name, folder = NAME, "host-runs"
    limits = Limits(
        timeout=None,
        credentials_path="a private directory",
        writable=("a private directory in that user's home",),
    )

    def __init__(
        self,
        context: Context,
        *,
        python: str = sys.executable,
        program: Sequence[str] = ENTRY,
        grace: float = GRACE,
    ) -> None:
        super().__init__(context, grace=grace)
        self._python, self._program = python, program

    def check(self, agent: Agent) -> Sequence[str]:
        if agent.run_as == "root":
            return ('runAs = "root" would give the agent the whole machine: name another user',)
        return ()

    def definition(self, agent: Agent, image: str) -> Item:
        """`image` is the directory whose `static/` holds the agent's files."""
        app = str(Path(image).absolute())
        account = Account(app=app, user=agent.run_as, groups=tuple(sorted(agent.groups)))
        return Item(
            kind="host-user",
            name=self._context.names.scoped(agent.name),
            attributes={"agent": str(agent.name), "app": str(account), "timeout": agent.timeout},
            tags=self._context.names.tags(agent=agent.name),
        )

    def define(self, item: Item) -> str:
        """Raises AccessDenied when that user cannot be asked, and LaunchError when it lacks a group or the files do."""
        account = Account.parse(str(item.attributes["app"]))
        able = json.loads(sudo.asked(account.user, self._python, sudo.wish("look")))
        if lacking := sorted(set(account.groups) - set(able["groups"])):
            raise LaunchError(
                f"{account.user} is not in the group {', '.join(lacking)}",
                hint="`al doctor -E local --fix` adds it",
                cause=Cause.PERMISSION,
            )
        return super().define(item)

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return ()  # that user's rights are this machine's business

    def launch(self, spec: RunSpec) -> RunHandle:
        directory, log = self._places(spec.run)
        account = Account.parse(spec.definition)
        if known := _process.read_identity(directory):
            return self._named(spec.run, known, account)
        feed = self._wish(spec, account) + self._secret(spec)
        program = sudo.command(account.user, self._python)
        (directory / "account").write_text(str(account))
        identity = _process.start(
            program, directory=directory, log=log, env=_inherited(), feed=feed
        )
        self._burn(spec)
        return self._named(spec.run, identity, account)

    def running(self) -> Iterable[RunHandle]:
        for handle in super().running():
            if account := self._account(handle.run):
                yield handle.with_ids(user=account.user)

    # what differs from a process of our own

    def _app(self, definition: str) -> Path:
        return Path(Account.parse(definition).app)

    def _end(self, run: RunId, identity: _process.Identity) -> str | None:
        """Asked as that user, since nobody else may signal its processes; again while the run has yet to begin."""
        if (account := self._account(run)) is None:
            return super()._end(run, identity)
        deadline, how = time.monotonic() + START, "over"
        while identity.alive and how == "over" and time.monotonic() < deadline:
            how = self._asked_to_end(run, account)
            time.sleep(0.05)
        while identity.alive and time.monotonic() < deadline + self._grace:
            time.sleep(0.02)  # our supervisor writes down how it ended
        return None if how == "over" else how

    def _end_strays(self, run: RunId) -> None:
        """The child does so itself; of one that was killed, that user's processes are not ours to see."""
        if account := self._account(run):
            self._asked_to_end(run, account)

    def _told(self, run: RunId, status: RunStatus) -> RunStatus:
        return with_mailbox(status, self._mailbox(run))

    def _asked_to_end(self, run: RunId, account: Account) -> str:
        data = sudo.wish("end", run=str(run), grace=self._grace)
        return sudo.asked(account.user, self._python, data, seconds=self._grace)

    def _mailbox(self, run: RunId) -> Mailbox | None:
        """Its last note tells all, so lines are read from the log's end and no further than that."""
        log = self._log(run)
        if not log.exists():
            return None
        newest: list[Mapping[str, Any]] = []
        for event in _lines.backward(log, run, before=None, started=0, over=True):
            note = record_of(event.message) if f'"{MSG}"' in event.message else None
            if note and note.get("msg") == MSG:
                newest.append(note)
                if note.get("part", 1) == 1:  # the last of it to come, reading backwards
                    break
        return collected(newest, run)

    # a run's own

    def _wish(self, spec: RunSpec, account: Account) -> bytes:
        static = Path(account.app) / "static"
        files = (path for path in sorted(static.rglob("*")) if path.is_file())
        return sudo.wish(
            "run",
            run=str(spec.run),
            program=list(self._program),
            groups=list(account.groups),
            environment=self._environment(spec),
            files={f"static/{path.relative_to(static)}": _packed(path) for path in files},
        )

    def _environment(self, spec: RunSpec) -> dict[str, str]:
        scope = self._context.environment.scope
        inherited = {n: v for n, v in _inherited().items() if n not in _LEFT_OUT}
        return inherited | {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONUNBUFFERED": "1",
            "AL_AGENT": str(spec.agent),
            "AL_PROJECT": scope.project,
            "AL_ENVIRONMENT": scope.environment,
            "AL_PLATFORM": "piped",
            "AL_RUNTIME": NAME,
            "AL_RUN_ID": str(spec.run),
            "AL_SECRET": spec.lease.ref.name,
        }

    def _secret(self, spec: RunSpec) -> bytes:
        try:
            return self._secret_file(spec).read_bytes().removesuffix(b"\n") + b"\n"
        except OSError as error:
            raise LaunchError(
                f"the secret of {spec.run} is gone",
                hint="it was deleted or has expired: start the run again",
                cause=Cause.SECRET_MISSING,
            ) from error

    def _burn(self, spec: RunSpec) -> None:
        file = self._secret_file(spec)
        for path in (file, *file.parent.glob(f".{file.name}.*")):
            path.unlink(missing_ok=True)

    def _secret_file(self, spec: RunSpec) -> Path:
        return self._state / "secrets" / spec.lease.ref.name

    def _account(self, run: RunId) -> Account | None:
        try:
            return Account.parse((self._directory(run) / "account").read_text())
        except FileNotFoundError:
            return None

    def _named(self, run: RunId, identity: _process.Identity, account: Account) -> RunHandle:
        return self._handle(run, identity).with_ids(user=account.user)


def _inherited() -> dict[str, str]:
    """What of our own environment a run may know; sudo hands on even less."""
    return {name: os.environ[name] for name in PASSED if name in os.environ}


def _packed(path: Path) -> dict[str, Any]:
    data = base64.b64encode(path.read_bytes()).decode()
    return {"data": data, "mode": path.stat().st_mode & 0o777}


PLUGIN = HostUserRuntime
