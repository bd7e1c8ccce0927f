"""Many runs at once on ECS: how many calls their scheduler makes, to launch them and for each minute that they work.

The APIs are moto's, whose tasks do nothing: what is counted is the scheduler, in a minute of a clock that does not wait.
The records are in the table first, then in memory, so that only the platform is counted.
"""

import logging
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moto_tests.conftest import make_group, moto_server, tasks_go_on
from moto_tests.given import ACCOUNT, CLUSTER, IMAGE, REGION, agent
from runtimes.ecs_fargate import EcsFargate
from tests.fakes import FakeClock, MemoryLedger
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso, now
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import RunId, Trigger, TriggerKind
from toolkit.inside.platforms.aws import Aws
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.roster import Post, Roster
from toolkit.scheduler.submit import submit
from toolkit.wiring import Services

RUNS = 500
WITH_TABLE = (
    100  # moto's table answers slowly; 20 runs and 100 asked it the same number of times a minute
)
MINUTE = 60.0


def _services(root: Path, url: str) -> Services:
    """An environment with the agent `dev`, pushed."""
    cloud = AwsCloud(region=REGION, account=ACCOUNT, endpoint=url)
    scope = Scope(project="shop", environment="staging")
    environment = Environment(name="staging", scope=scope, cloud=cloud)
    services = Services(Context(environment=environment, home=root / "home", project=root))
    runtime = services.runtime("ecs_fargate")
    assert isinstance(runtime, EcsFargate)
    runtime.clients.client("ecs").create_cluster(clusterName=CLUSTER)
    make_group(runtime)
    services.ledger.prepare()
    known = Definition(
        agent="dev",
        runtime="ecs_fargate",
        ref=runtime.define(runtime.definition(agent(), IMAGE)),
        image=IMAGE,
        hash="h",
        timeout=3600,
    )
    services.ledger.set_fact(fact_key("dev"), known.to_fact())
    return services


def _claim(services: Services, run: RunId) -> None:
    """What each container does first."""
    if isinstance(services.ledger, MemoryLedger):
        services.ledger.note(run, claimed=iso(now()))
        return
    context = services.context
    scope = context.environment.scope
    hand = Aws(
        {
            **os.environ,
            "AL_REGION": REGION,
            "AL_TABLE": context.names.base,
            "AL_SECRET": "unused",
            "AL_PROJECT": scope.project,
            "AL_ENVIRONMENT": scope.environment,
            "AL_RUN_ID": run,
        }
    )
    hand.claim({})


def _counted(services: Services) -> Counter[str]:
    """Every call from now on, by operation, as botocore sends it."""
    counts: Counter[str] = Counter()
    clients = clients_for(cloud_of(services.environment))
    for events in (clients.session.events, *(c.meta.events for c in clients._made.values())):
        events.register("before-call", lambda model, **_: counts.update([model.name]))
    return counts


def _say(what: str, counts: Counter[str], seconds: float) -> None:
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    print(f"{what:<58} {counts.total():9}      {shown}; {seconds:.1f} s of work", flush=True)


def _minute(loop: Loop, clock: FakeClock) -> None:
    """As `al start` lets it pass, without the waiting."""
    stop, end = threading.Event(), clock.monotonic() + MINUTE

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.monotonic() >= end:
            stop.set()

    loop.run(stop, sleep=sleep)


def _measured(services: Services, runs: int) -> Mapping[str, int]:
    roster = Roster(
        project="shop", posts={"dev": Post(agent=AgentName("dev"), scale=runs, max_queue=runs)}
    )
    clock = FakeClock(now())
    desk = Desk(services=services, roster=lambda: roster, clock=clock)
    trigger = Trigger(agent=AgentName("dev"), kind=TriggerKind.WEBHOOK)
    queued = [submit(desk, trigger).run for _ in range(runs)]
    counts, started = _counted(services), time.perf_counter()
    loop = Loop(desk)
    loop.step(clock())
    _say(f"calls to launch {runs} runs on ECS", counts, time.perf_counter() - started)
    launching = counts.total()
    for run in queued:
        _claim(services, run)
    loop.step(clock())  # sees that they have begun
    counts.clear()
    started = time.perf_counter()
    _minute(loop, clock)
    _say(f"calls in a minute of {runs} runs on ECS", counts, time.perf_counter() - started)
    return {"launching": launching, "minute": counts.total()}


def main(runs: int = RUNS) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="al-bench-") as root, moto_server() as url:
        os.environ.update(AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="a")
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each call
        tasks_go_on(url)
        services, ledger = _services(Path(root), url), MemoryLedger()
        ledger.set_fact(fact_key("dev"), services.ledger.fact(fact_key("dev")))
        found = {"with table": _measured(services, WITH_TABLE)}
        return found | {"alone": _measured(services.with_ledger(ledger), runs)}


if __name__ == "__main__":
    main()
