"""Runs agents as processes on this machine: for trying things out, with no cloud and no isolation (D22).

A run has a private directory `<project>/.al/runs/<run>` and a log file `<project>/.al/logs/<run>.log`.  Its
process is detached: it goes on when `al` ends, and any later `al` finds it again.
"""

import os
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from toolkit.core.agent import Agent
from toolkit.core.errors import ConfigError, LaunchError
from toolkit.core.logs import LogEvent
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context, Limits
from toolkit.core.run import (
    Cause,
    RunHandle,
    RunId,
    RunSpec,
    RunState,
    RunStatus,
    status_of_exit,
)

from . import _lines, _process

NAME = "local"
ENTRY = (sys.executable, "-P", "-m", "toolkit.inside.entry")
GRACE = 30.0  # seconds between asking a run to end and killing it, as on ECS
KILLED = 128  # a larger exit code is 128 + the signal's number
# what a program needs to find its tools, its language and its network; nothing that could be a credential
PASSED = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
REFUSAL = (
    "on the bare host only test-script.sh may run, not a model with a shell on your own account"
)


class LocalRuntime:
    """core.ports.Runtime with processes; `program` is what a run executes."""

    limits = Limits(
        timeout=None, credentials_path="a private directory", writable=("the run's own directory",)
    )

    def __init__(
        self, context: Context, *, program: Sequence[str] = ENTRY, grace: float = GRACE
    ) -> None:
        self._context = context
        self._state = context.project.absolute() / ".al"
        self._program = program
        self._grace = grace

    def check(self, agent: Agent) -> Sequence[str]:
        return () if agent.script or self._context.environment.local_process else (REFUSAL,)

    def definition(self, agent: Agent, image: str) -> Item:
        """`image` is the directory whose `static/` holds the agent's files.  Raises ConfigError for D22's refusal."""
        if refused := self.check(agent):
            raise _refused(agent.name, refused[0])
        return Item(
            kind="process",
            name=self._context.names.scoped(agent.name),
            attributes={"agent": str(agent.name), "app": image, "timeout": agent.timeout},
            tags=self._context.names.tags(agent=agent.name),
        )

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return ()  # it runs as the user, who may do everything that the user may

    def define(self, item: Item) -> str:
        app = Path(item.attributes["app"]).absolute()
        if not (app / "static").is_dir():
            raise LaunchError(
                f"{app} holds no agent", hint="run the agent again with `al run`, which prepares it"
            )
        return str(app)

    def trouble(self, definition: str) -> str:
        return "" if (Path(definition) / "static").is_dir() else f"{definition} is gone"

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        named = re.compile(rf"{re.escape(agent)}-[0-9a-f]{{20}}")
        apps = self._state / "apps"
        found = [p for p in apps.iterdir() if named.fullmatch(p.name)] if apps.is_dir() else []
        old = [p for p in found if str(p) not in keep]
        for path in old:
            shutil.rmtree(path)
        return tuple(map(str, old))

    def launch(self, spec: RunSpec) -> RunHandle:
        app, directory = Path(spec.definition), self._directory(spec.run)
        script = (app / "static" / "test-script.sh").is_file()
        if not script and not self._context.environment.local_process:
            raise _refused(spec.agent, REFUSAL)
        log = self._log(spec.run)
        for place in (self._state, directory.parent, directory, log.parent):
            place.mkdir(mode=0o700, exist_ok=True)
        identity = _process.start(
            self._program, directory=directory, log=log, env=self._env(spec, app)
        )
        return self._handle(spec.run, identity)

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        answers = ((h.run, self._status(h)) for h in handles)
        return {run: status for run, status in answers if status}

    def stop(self, handle: RunHandle) -> str:
        identity = self._identity(handle)
        signal = _process.end(identity, grace=self._grace) if identity else None
        self._clean(handle.run)
        if signal is None:
            return f"{handle.run} was already over"
        return f"{handle.run} ended by {signal.name}"

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        if not (log := self._log(handle.run)).exists():
            return iter(())
        started, over = self._started(handle.run), not self._alive(handle.run)
        return _lines.forward(log, handle.run, since=since, started=started, over=over)

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        if not (log := self._log(handle.run)).exists():
            return iter(())
        started, over = self._started(handle.run), not self._alive(handle.run)
        return _lines.backward(log, handle.run, before=before, started=started, over=over)

    def running(self) -> Iterable[RunHandle]:
        for path in sorted(self._state.glob("runs/*/identity")):
            identity, run = _process.read_identity(path.parent), RunId(path.parent.name)
            if identity and identity.alive:
                yield self._handle(run, identity)

    def _env(self, spec: RunSpec, app: Path) -> dict[str, str]:
        scope, directory = self._context.environment.scope, self._directory(spec.run)
        inherited = {name: os.environ[name] for name in PASSED if name in os.environ}
        return inherited | {
            "HOME": str(directory / "work"),
            "TMPDIR": str(directory / "work"),
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
            "PYTHONUNBUFFERED": "1",
            "AL_APP": str(app),
            "AL_AGENT": str(spec.agent),
            "AL_PROJECT": scope.project,
            "AL_ENVIRONMENT": scope.environment,
            "AL_PLATFORM": "local",
            "AL_RUNTIME": NAME,
            "AL_CREDENTIALS_PATH": str(directory / "credentials"),
            "AL_LEDGER": str(self._state / "action-llama.db"),
            "AL_SECRETS": str(self._state / "secrets"),
            "AL_RUN_ID": str(spec.run),
            "AL_SECRET": spec.lease.ref.name,
        }

    def _status(self, handle: RunHandle) -> RunStatus | None:
        if (identity := self._identity(handle)) is None:
            return None
        if identity.alive:
            return RunStatus(state=RunState.RUNNING)
        self._clean(handle.run)
        return _ended(_process.read_exit(self._directory(handle.run)))

    def _clean(self, run: RunId) -> None:
        """Remove what a killed process left; only its identity and exit code stay."""
        directory = self._directory(run)
        if self._alive(run) or not directory.exists():
            return
        if (code := _process.read_exit(directory)) is None or code > KILLED:
            _process.end_strays(directory)
        for name in ("credentials", "work"):
            shutil.rmtree(directory / name, ignore_errors=True)

    def _alive(self, run: RunId) -> bool:
        identity = _process.read_identity(self._directory(run))
        return identity is not None and identity.alive

    def _identity(self, handle: RunHandle) -> _process.Identity | None:
        """Who runs it: as its directory says, or the handle when somebody has removed the directory."""
        if recorded := _process.read_identity(self._directory(handle.run)):
            return recorded
        if "pid" not in handle.ids:  # its launcher died before it could say
            return None
        held = _process.Identity(int(handle.ids["pid"]), handle.ids["started"])
        return held if held.alive else None

    def _handle(self, run: RunId, identity: _process.Identity) -> RunHandle:
        ids = {
            "pid": str(identity.pid),
            "started": identity.started,
            "log": str(self._log(run)),
        }
        return RunHandle(runtime=NAME, run=run, agent=run.agent, ids=ids)

    def _directory(self, run: RunId) -> Path:
        return self._state / "runs" / run

    def _log(self, run: RunId) -> Path:
        return self._state / "logs" / f"{run}.log"

    def _started(self, run: RunId) -> int:
        """When the run's process began, epoch ms."""
        try:
            return int((self._directory(run) / "identity").stat().st_mtime * 1000)
        except FileNotFoundError:
            return 0


def _refused(agent: str, why: str) -> ConfigError:
    return ConfigError(
        f"{agent} cannot run here: {why}",
        hint='add a test-script.sh, push to a cloud or the sandbox, or set `[local] runtime = "process"` in config.toml',
    )


def _ended(code: int | None) -> RunStatus:
    if code is None:
        return RunStatus(
            state=RunState.FAILED, cause=Cause.UNKNOWN, reason="its process ended without a report"
        )
    return status_of_exit(code)


PLUGIN = LocalRuntime
