"""A whole scheduler in a process of its own, gateway included: what `serve` starts lives until it is killed."""

import logging
import multiprocessing
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvicorn

from gateway.app import create_app
from tests.gateway.place import KEY
from tests.gateway.signing import secret_of
from tests.scheduler.world import WorldRuntime
from toolkit.core.agent import AgentName, CredentialRef, WebhookTrigger
from toolkit.core.clock import now
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret
from toolkit.scheduler.bell import Bell
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.loop import Loop, Pace
from toolkit.scheduler.roster import Post, Roster, Source
from toolkit.wiring import Services

SCOPE = Scope(project="shop", environment="local")
HUB = CredentialRef(type="github_webhook_secret", instance="hub")
ON_ISSUES = (WebhookTrigger(source="hub", filters={"events": ["issues"]}),)
ROSTER = Roster(
    project="shop",
    posts={
        "dev": Post(agent=AgentName("dev"), scale=6, max_queue=10_000, webhooks=ON_ISSUES),
        "ops": Post(agent=AgentName("ops"), scale=4, max_queue=10_000, webhooks=ON_ISSUES),
        "clock": Post(agent=AgentName("clock"), scale=1, schedule="* * * * * *"),
    },
    sources={"hub": Source(name="hub", type="github", credentials=(HUB,))},
    total=8,
    max_reruns=2,
)
TOLD = "scheduler.log"
HOLD = 0.7  # seconds
PACE = Pace(queue=0.05, reports=0.03, platforms=0.15, ending=1.0)


@dataclass(frozen=True, kw_only=True)
class Life:
    """One life of the process.  `ahead` is by how many seconds its clock is wrong."""

    place: Path
    listening: socket.socket
    seed: str
    trouble: float = 0.2
    ahead: float = 0.0

    def clock(self) -> datetime:
        return now() + timedelta(seconds=self.ahead)


def services(place: Path, *, gateway: str = "", seed: str = "", trouble: float = 0.0) -> Services:
    environment = Environment(name="local", scope=SCOPE, gateway_url=gateway or None)
    made = Services(Context(environment=environment, home=place / "home", project=place / "shop"))
    made.__dict__["_runtimes"] = {"world": WorldRuntime(place, seed=seed, trouble=trouble)}
    return made


def push(place: Path) -> None:
    """What `al push` and `al creds add` leave behind."""
    made = services(place)
    made.ledger.prepare()
    for name in ROSTER.posts:
        known = Definition(agent=name, runtime="world", ref=name, image="", hash="", timeout=900)
        made.ledger.set_fact(fact_key(name), known.to_fact())
    made.store.put("gateway_api_key/default/key", Secret(KEY), tags={})
    made.store.put("github_webhook_secret/hub/secret", secret_of("github"), tags={})


def serve(life: Life) -> None:
    """As `al start` does: the scheduler in a thread, the gateway in this one."""
    host, port = life.listening.getsockname()
    made = services(
        life.place, gateway=f"http://{host}:{port}", seed=life.seed, trouble=life.trouble
    )
    told = logging.FileHandler(life.place / TOLD)  # a line is there before anything else is done
    logging.getLogger("al.scheduler").addHandler(told)
    logging.getLogger("al.scheduler").setLevel(logging.INFO)
    bell, stop = Bell(), threading.Event()
    desk = Desk(services=made, roster=lambda: ROSTER, clock=life.clock, wake=bell.ring)
    loop = Loop(desk, bell=bell, pace=PACE, hold=HOLD)
    threading.Thread(target=loop.run, args=(stop,), daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(create_app(made, desk=desk), log_level="critical"))
    server.run(sockets=[life.listening])


def begin(life: Life) -> BaseProcess:
    """In a process that has imported everything already and has no thread but its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=serve, args=(life,), daemon=True)
    process.start()
    return process
