"""A desk with pushed agents, in memory: what the scheduler is tried on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.run import Run, RunId, Trigger, TriggerKind
from toolkit.scheduler.bell import Bell
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.roster import Post, Roster
from toolkit.scheduler.submit import submit

FOREVER = Play(exit_code=None)


def post(name: str, **more: Any) -> Post:
    return Post(agent=AgentName(name), **more)


def define(ledger: Any, name: str) -> None:
    """What a push records of an agent."""
    made = Definition(
        agent=name, runtime="memory", ref=f"{name}:1", image="i", hash="h", timeout=600
    )
    ledger.set_fact(fact_key(name), made.to_fact())


@dataclass
class Stage:
    """`posts` may be changed while it runs."""

    desk: Desk
    runtime: MemoryRuntime
    clock: FakeClock
    roster: dict[str, Roster]

    @property
    def ledger(self) -> Any:
        return self.desk.services.ledger

    def loop(self, **more: Any) -> Loop:
        return Loop(self.desk, **more)

    def step(self, loop: Loop | None = None, *, times: int = 1) -> None:
        """Passes of a scheduler of its own, as after a restart, or of this one."""
        made = loop or self.loop()
        for _ in range(times):
            made.step(self.clock())
        if loop is None:
            made.close()

    def submit(self, agent: str, kind: TriggerKind = TriggerKind.MANUAL, **more: Any) -> RunId:
        return submit(self.desk, Trigger(agent=AgentName(agent), kind=kind, **more)).run

    def get(self, run: RunId) -> Run:
        found: Run = self.ledger.get(run)
        return found

    def set(self, **changes: Any) -> None:
        self.roster["now"] = replace(self.roster["now"], **changes)

    def set_post(self, name: str, **changes: Any) -> None:
        posts = self.roster["now"].posts
        self.set(posts={**posts, name: replace(posts[name], **changes)})

    @property
    def launched(self) -> list[RunId]:
        return [spec.run for spec in self.runtime.launched]


def stage(
    directory: Path,
    *posts: Post,
    plays: Mapping[str, Play] | None = None,
    ledger: Any = None,
    runtime: type[MemoryRuntime] = MemoryRuntime,
    start: datetime | None = None,
    **roster: Any,
) -> Stage:
    """A desk with these agents, all pushed; what their runs do is in `plays`."""
    clock = FakeClock(start or datetime.now(UTC))
    kept, store = ledger or MemoryLedger(), MemoryStore(clock)
    kept.prepare()
    made = runtime(plays or {}, ledger=kept, store=store, clock=clock)
    services = FakeServices(directory, ledger=kept, store=store, runtime=made)
    for one in posts:
        define(kept, one.agent)
    rosters = {
        "now": Roster(project="shop", posts={str(one.agent): one for one in posts}, **roster)
    }
    desk = Desk(services=services, roster=lambda: rosters["now"], clock=clock, wake=Bell().ring)
    return Stage(desk=desk, runtime=made, clock=clock, roster=rosters)
