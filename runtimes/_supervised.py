"""What runs that are processes of this machine have in common: their directories, logs, ends and identities.

A run has a private directory `<project>/.al/<folder>/<run>` and a log file `<project>/.al/logs/<run>.log`.  Its
process is detached: it goes on when `al` ends, and any later `al` finds it again.  It starts nothing: who runs, and as
whom, is for the runtime that stands upon this.
"""

import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from toolkit.core.errors import LaunchError
from toolkit.core.logs import LogEvent
from toolkit.core.plan import Item
from toolkit.core.ports import Context
from toolkit.core.run import (
    Cause,
    RunHandle,
    RunId,
    RunState,
    RunStatus,
    status_of_exit,
)

from . import _lines, _process

GRACE = 30.0  # seconds between asking a run to end and killing it, as on ECS
KILLED = 128  # a larger exit code is 128 + the signal's number
# what a program needs to find its tools, its language and its network; nothing that could be a credential
PASSED = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


class Supervised:
    """`name` is the runtime's, `folder` where its runs are: what one runtime finds there is no other's."""

    name: str
    folder: str

    def __init__(self, context: Context, *, grace: float = GRACE) -> None:
        self._context = context
        self._state = context.project.absolute() / ".al"
        self._grace = grace

    def define(self, item: Item) -> str:
        reference = str(item.attributes["app"])
        if self.trouble(reference):
            raise LaunchError(
                f"{self._app(reference)} holds no agent",
                hint="run the agent again with `al run`, which prepares it",
            )
        return reference

    def trouble(self, definition: str) -> str:
        app = self._app(definition)
        return "" if (app / "static").is_dir() else f"{app} is gone"

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        named = re.compile(rf"{re.escape(agent)}-[0-9a-f]{{20}}")
        apps = self._state / "apps"
        # by their names first: of a thousand agents each looks through the directories of all
        names = [path.name for path in apps.iterdir()] if apps.is_dir() else []
        found = [apps / n for n in names if n.startswith(agent) and named.fullmatch(n)]
        kept = {self._app(definition) for definition in keep}
        old = [p for p in found if p not in kept]
        for path in old:
            shutil.rmtree(path)
        return tuple(map(str, old))

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        answers = ((h.run, self._status(h)) for h in handles)
        return {run: status for run, status in answers if status}

    def stop(self, handle: RunHandle) -> str:
        identity = self._identity(handle)
        how = self._end(handle.run, identity) if identity and identity.alive else None
        self._clean(handle.run)
        return f"{handle.run} ended by {how}" if how else f"{handle.run} was already over"

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
        for path in sorted(self._state.glob(f"{self.folder}/*/identity")):
            identity, run = _process.read_identity(path.parent), RunId(path.parent.name)
            if identity and identity.alive:
                yield self._handle(run, identity)

    def forget(self, before: datetime) -> int:
        """The directories and logs of runs that are over and were last touched earlier."""
        here = [path for path in self._state.glob(f"{self.folder}/*") if path.is_dir()]
        old = [path for path in here if path.stat().st_mtime < before.timestamp()]
        gone = [path for path in old if not self._alive(RunId(path.name))]
        for path in gone:
            self._log(RunId(path.name)).unlink(missing_ok=True)
            shutil.rmtree(path)
        return len(gone)

    def _status(self, handle: RunHandle) -> RunStatus | None:
        if (identity := self._identity(handle)) is None:
            return None
        if identity.alive:
            return RunStatus(state=RunState.RUNNING)
        self._clean(handle.run)
        return self._told(handle.run, _ended(_process.read_exit(self._directory(handle.run))))

    def _clean(self, run: RunId) -> None:
        """Remove what a killed process left; only its identity and exit code stay."""
        directory = self._directory(run)
        if self._alive(run) or not directory.exists():
            return
        if (code := _process.read_exit(directory)) is None or code > KILLED:
            self._end_strays(run)
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
        return RunHandle(runtime=self.name, run=run, agent=run.agent, ids=ids)

    def _directory(self, run: RunId) -> Path:
        return self._state / self.folder / run

    def _log(self, run: RunId) -> Path:
        return self._state / "logs" / f"{run}.log"

    def _started(self, run: RunId) -> int:
        """When the run's process began, epoch ms."""
        try:
            return int((self._directory(run) / "identity").stat().st_mtime * 1000)
        except FileNotFoundError:
            return 0

    def _places(self, run: RunId) -> tuple[Path, Path]:
        """The run's directory and its log, in private directories that are there."""
        directory, log = self._directory(run), self._log(run)
        for place in (self._state, directory.parent, directory, log.parent):
            place.mkdir(mode=0o700, exist_ok=True)
        return directory, log

    # what differs

    def _app(self, definition: str) -> Path:
        """The directory whose `static/` holds the agent's files."""
        return Path(definition)

    def _end(self, run: RunId, identity: _process.Identity) -> str | None:
        """End a live one: which signal it took."""
        signal = _process.end(identity, grace=self._grace)
        return signal.name if signal else None

    def _end_strays(self, run: RunId) -> None:
        """Kill what a killed run left."""
        _process.end_strays(self._directory(run))

    def _told(self, run: RunId, status: RunStatus) -> RunStatus:
        """With what the run's log says, where it can report nowhere else."""
        return status


def _ended(code: int | None) -> RunStatus:
    if code is None:
        return RunStatus(
            state=RunState.FAILED, cause=Cause.UNKNOWN, reason="its process ended without a report"
        )
    return status_of_exit(code)
