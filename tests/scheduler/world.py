"""A cloud that outlives its schedulers: tasks in a file, containers in the process that watches.

`World.containers` plays every container: it claims, reads and burns its secret, locks, calls, and reports or dies.  It is
never killed itself, so what it saw of a task is what happened.
"""

import json
import random
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from toolkit.core.agent import Agent
from toolkit.core.clock import iso, now
from toolkit.core.errors import CredentialError, LaunchError, Unreachable
from toolkit.core.logs import LogEvent
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Limits
from toolkit.core.run import (
    UNCLAIMED,
    Cause,
    RunHandle,
    RunId,
    RunSpec,
    RunState,
    RunStatus,
    status_of_exit,
)
from toolkit.inside.platforms.local import Local

TASKS = """CREATE TABLE IF NOT EXISTS tasks (number INTEGER PRIMARY KEY, token TEXT UNIQUE, run TEXT, secret TEXT,
           began REAL, taken INTEGER DEFAULT 0, stop INTEGER DEFAULT 0, claimed INTEGER DEFAULT 0,
           worked REAL, ended REAL, code INTEGER, cause TEXT)"""
KEYS = ("git://a", "git://b", "git://c")
HANDS = 12


@contextmanager
def opened(place: Path) -> Iterator[sqlite3.Connection]:
    """The cloud's own file; each statement is its own transaction."""
    with closing(sqlite3.connect(place / "cloud.db", timeout=30, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")  # the machine does not die, only processes do
        yield db


@dataclass(frozen=True)
class Task:
    """What happened: times are of one clock, `ended` is when its work was over, None while it works."""

    number: int
    run: RunId
    began: float
    ended: float | None
    claimed: bool


class WorldRuntime:
    """core.ports.Runtime over that cloud.  A launch is refused, or its answer lost, as often as `trouble` says."""

    name = "world"
    limits = Limits(timeout=None, credentials_path="/credentials", writable=())

    def __init__(self, place: Path, *, seed: str, trouble: float) -> None:
        self._place, self._dice, self._trouble = place, random.Random(seed), trouble

    def launch(self, spec: RunSpec) -> RunHandle:
        fate = self._dice.random()
        if fate < self._trouble / 3:
            raise LaunchError("no capacity", hint="try again", cause=Cause.CAPACITY)
        if fate < self._trouble * 2 / 3:
            raise Unreachable("the launch was lost", hint="try again")
        number = self._task(spec)
        if fate < self._trouble:
            raise Unreachable("the answer was lost", hint="try again")
        return self._handle(number, spec.run)

    def _task(self, spec: RunSpec) -> int:
        """A token that is known is answered with its task, as ECS does."""
        token = f"{spec.run}/{spec.lease.ref.name}" if spec.again else spec.run
        query = "INSERT INTO tasks (token, run, secret, began) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        with opened(self._place) as db:
            db.execute(query, (token, spec.run, spec.lease.ref.name, time.monotonic()))
            row = db.execute("SELECT number FROM tasks WHERE token = ?", (token,)).fetchone()
        return int(row[0])

    def _handle(self, number: int, run: RunId) -> RunHandle:
        return RunHandle(runtime=self.name, run=run, agent=run.agent, ids={"task": str(number)})

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        query = "SELECT claimed, ended, code, cause FROM tasks WHERE number = ?"
        with opened(self._place) as db:
            rows = {h.run: db.execute(query, (h.ids["task"],)).fetchone() for h in handles}
        return {run: _status(*row) for run, row in rows.items() if row}

    def stop(self, handle: RunHandle) -> str:
        with opened(self._place) as db:
            db.execute("UPDATE tasks SET stop = 1 WHERE number = ?", (handle.ids["task"],))
        return f"{handle.run} is told to end"

    def running(self) -> Iterable[RunHandle]:
        with opened(self._place) as db:
            rows = db.execute("SELECT number, run FROM tasks WHERE ended IS NULL").fetchall()
        return [self._handle(number, RunId(run)) for number, run in rows]

    def check(self, agent: Agent) -> Sequence[str]:
        return ()

    def definition(self, agent: Agent, image: str) -> Item:
        return Item(kind="world", name=agent.name)

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return ()

    def define(self, item: Item) -> str:
        return item.name

    def trouble(self, definition: str) -> str:
        return ""

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        return ()

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        return iter(())

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        return iter(())


def _status(claimed: int, ended: float | None, code: int | None, cause: str | None) -> RunStatus:
    if ended is None:
        return RunStatus(state=RunState.RUNNING if claimed else RunState.STARTING)
    if cause:
        return RunStatus(state=RunState.FAILED, cause=Cause(cause), reason="it could not start")
    return status_of_exit(code or 0)


class World:
    """The platform's side: containers for what was launched, and what became of them."""

    def __init__(self, place: Path, *, seed: str) -> None:
        self._place, self._dice = place, random.Random(seed)
        self._stop = threading.Event()
        self.calm = False  # from then on every container does what it should
        self.held: list[tuple[str, RunId, float, float]] = []  # key, holder, from, until
        self.calls: list[str] = []
        self.troubles: list[str] = []
        with opened(place) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(TASKS)

    @contextmanager
    def containers(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._live) for _ in range(HANDS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def tasks(self) -> list[Task]:
        query = "SELECT number, run, began, coalesce(worked, ended), claimed FROM tasks"
        with opened(self._place) as db:
            rows = db.execute(query).fetchall()
        return [Task(n, RunId(run), began, ended, bool(c)) for n, run, began, ended, c in rows]

    def _live(self) -> None:
        query = "UPDATE tasks SET taken = 1 WHERE number = (SELECT number FROM tasks WHERE taken = 0 LIMIT 1) RETURNING number, run, secret"
        while not self._stop.wait(0.004):
            with opened(self._place) as db:
                rows = db.execute(query).fetchall()
            for number, run, secret in rows:
                try:
                    Container(self, number, RunId(run), secret, self._dice.random()).work()
                except Exception as error:  # told at the end, in the thread of the test
                    self.troubles.append(f"{run}: {error!r}")

    def note(self, number: int, **values: Any) -> None:
        sets = ", ".join(f"{name} = ?" for name in values)
        with opened(self._place) as db:
            db.execute(f"UPDATE tasks SET {sets} WHERE number = ?", (*values.values(), number))  # noqa: S608

    def told_to_stop(self, number: int) -> bool:
        with opened(self._place) as db:
            row = db.execute("SELECT stop FROM tasks WHERE number = ?", (number,)).fetchone()
        return bool(row[0])

    def hand(self, run: RunId, secret: str) -> Local:
        state = self._place / "shop" / ".al"
        paths = {
            "AL_LEDGER": str(state / "action-llama.db"),
            "AL_SECRETS": str(state / "secrets"),
        }
        return Local({**paths, "AL_RUN_ID": run, "AL_SECRET": secret})


class Container:
    """One life of a task.  Its fate is random; in a calm world it ends well."""

    def __init__(self, world: World, number: int, run: RunId, secret: str, seed: float) -> None:
        self._world, self._number, self._run = world, number, run
        self._hand, self._dice = world.hand(run, secret), random.Random(seed)
        self._gateway, self._token = "", ""

    def work(self) -> None:
        time.sleep(self._dice.uniform(0, 0.02))
        if self._happens(0.1):
            return self._over(None, cause=Cause.IMAGE_PULL)
        if not self._hand.claim({"task": str(self._number)}):
            return self._over(UNCLAIMED)
        self._world.note(self._number, claimed=1)
        try:
            payload = json.loads(self._hand.read_secret().reveal())
        except CredentialError:
            return self._reported(14, RunState.FAILED)
        self._hand.note(read=iso(now()))
        self._hand.burn_secret()
        self._hand.note(burned=iso(now()))
        self._gateway, self._token = payload["gateway"] or "", payload["token"] or ""
        if self._happens(0.1):
            return self._over(137)  # killed without a word
        return self._reported(*self._done())

    def _done(self) -> tuple[int, RunState]:
        """What it does, and how that ends."""
        if self._dice.random() < 0.3:
            self._call()
        if self._dice.random() < 0.5:
            self._lock(self._dice.choice(KEYS))
        else:
            self._pass(self._dice.uniform(0, 0.05))
        if self._world.told_to_stop(self._number) or self._hand.stop_requested():
            return 143, RunState.STOPPED
        code = self._dice.choice([0, 0, 0, 1, 42])
        return code, RunState.FAILED if code == 1 else RunState.SUCCEEDED

    def _pass(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._world.told_to_stop(self._number):
            time.sleep(0.005)

    def _lock(self, key: str) -> None:
        """Some give it back, and some leave that to their end."""
        if not self._asked("/locks/acquire", resourceKey=key):
            return
        since = time.monotonic()
        self._pass(self._dice.uniform(0, 0.03))
        self._world.held.append((key, self._run, since, time.monotonic()))
        if self._dice.random() < 0.5:
            self._asked("/locks/release", resourceKey=key)

    def _call(self) -> None:
        if answer := self._asked("/calls", targetAgent="ops", context="look"):
            self._world.calls.append(answer["callId"])

    def _asked(self, path: str, **body: Any) -> dict[str, Any]:
        """The gateway's answer; empty when it refuses, or is dead."""
        bearer = {"Authorization": f"Bearer {self._token}"}
        try:
            answer = httpx.post(f"{self._gateway}{path}", json=body, headers=bearer, timeout=2)
        except httpx.HTTPError:
            return {}
        if answer.status_code >= 500:
            self._world.troubles.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        return answer.json() if answer.status_code == 200 else {}

    def _happens(self, chance: float) -> bool:
        return not self._world.calm and self._dice.random() < chance

    def _reported(self, code: int, state: RunState) -> None:
        """Its work is over when it says so; its task a little later."""
        self._world.note(self._number, worked=time.monotonic())
        report = {"exit_code": code, "state": state.value, "reason": "", "finished": iso(now())}
        self._hand.note(report=report)
        self._over(code)

    def _over(self, code: int | None, cause: Cause | None = None) -> None:
        self._world.note(self._number, code=code, cause=cause, ended=time.monotonic())
