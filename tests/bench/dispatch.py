"""What the scheduler adds to a run: from the queue to its end, with a runtime that does nothing.

The queue, the records and the secrets are the real ones of this machine; each step is durable before the next begins.
"""

import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.agent import Agent, AgentName
from toolkit.core.environment import Environment, Scope
from toolkit.core.logs import LogEvent
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context, Limits
from toolkit.core.run import RunHandle, RunId, RunSpec, RunState, RunStatus, Trigger, TriggerKind
from toolkit.scheduler.bell import Bell
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.loop import Loop, Pace
from toolkit.scheduler.roster import Post, Roster
from toolkit.scheduler.submit import submit
from toolkit.wiring import Services

RUNS = 10_000
AGENTS = 10
ENDED = RunStatus(state=RunState.SUCCEEDED, exit_code=0)


@dataclass
class NullRuntime:
    """Every run is over when it has been launched."""

    launched: int = 0
    limits = Limits(timeout=None, credentials_path="/credentials", writable=())

    def launch(self, spec: RunSpec) -> RunHandle:
        self.launched += 1
        return RunHandle(runtime="null", run=spec.run, agent=spec.agent)

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        return {handle.run: ENDED for handle in handles}

    def check(self, agent: Agent) -> Sequence[str]:
        return ()

    def definition(self, agent: Agent, image: str) -> Item:
        return Item(kind="null", name=agent.name)

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return ()

    def define(self, item: Item) -> str:
        return item.name

    def trouble(self, definition: str) -> str:
        return ""

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        return ()

    def stop(self, handle: RunHandle) -> str:
        return f"{handle.run} was already over"

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        return iter(())

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        return iter(())

    def running(self) -> Iterable[RunHandle]:
        return ()


def _desk(root: Path, bell: Bell) -> Desk:
    environment = Environment(name="local", scope=Scope(project="bench", environment="local"))
    services = Services(Context(environment=environment, home=root / "home", project=root))
    services.__dict__["_runtimes"] = {"null": NullRuntime()}
    names = [AgentName(f"agent-{number}") for number in range(AGENTS)]
    services.ledger.prepare()
    for name in names:
        made = Definition(agent=name, runtime="null", ref="r", image="i", hash="h", timeout=60)
        services.ledger.set_fact(fact_key(name), made.to_fact())
    posts = {str(name): Post(agent=name, scale=50, max_queue=RUNS) for name in names}
    roster = Roster(project="bench", posts=posts)
    return Desk(services=services, roster=lambda: roster, wake=bell.ring)


def _queue(desk: Desk, runs: int) -> float:
    started = time.perf_counter()
    for number in range(runs):
        agent = AgentName(f"agent-{number % AGENTS}")
        submit(desk, Trigger(agent=agent, kind=TriggerKind.WEBHOOK, source="hub"))
    return time.perf_counter() - started


def _drain(desk: Desk, bell: Bell) -> float:
    """Until nothing waits and nothing is at work."""
    loop, stop = (
        Loop(desk, bell=bell, pace=Pace(queue=0.05, reports=5, platforms=0.1)),
        threading.Event(),
    )
    started = time.perf_counter()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    queue = desk.services.ledger.queue
    while queue.lengths() or queue.at_work():
        time.sleep(0.2)
    spent = time.perf_counter() - started
    stop.set()
    bell.ring()
    thread.join()
    return spent


def main(runs: int = RUNS) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
        bell = Bell()
        desk = _desk(Path(root), bell)
        queued = _queue(desk, runs)
        drained = _drain(desk, bell)
    each = (
        f"{queued / runs * 1000:.2f} ms to queue, {drained / runs * 1000:.2f} ms to run and settle"
    )
    print(f"{f'scheduler, {runs:,} runs of nothing':<58} {drained * 1000:9.0f} ms   {each}")
    return {"queued": queued, "drained": drained}


if __name__ == "__main__":
    main()
