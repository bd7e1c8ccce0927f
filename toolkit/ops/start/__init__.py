"""`al start`: the scheduler, the gateway, and an eye on the project's files, in one process.

It launches nothing itself, and keeps nothing that matters: everything is in the ledger, so that the process may die at any
point and another one, here or elsewhere, goes on where it ended.
"""

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from toolkit.core.agent import Agent, Project
from toolkit.core.environment import Environment
from toolkit.core.errors import AlError, CredentialError, NotFound
from toolkit.core.run import Run, RunId
from toolkit.ops import output, running
from toolkit.ops.credentials import GATEWAY_PATH, first_gateway_key
from toolkit.ops.hire import grace
from toolkit.ops.remote import gateway_key
from toolkit.scheduler.bell import Bell
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.status import Seen, begun, going_on, look
from toolkit.wiring import Services

from . import bridge
from .change import become, tidied
from .crew import Crew
from .reload import Changes, Reloader, stamps
from .serving import EVERYWHERE, LOOPBACK, Serving, also, listen
from .tasks import Fail, Task, at_work

LOG = logging.getLogger("al.start")
DEFAULT_PORT = 8080
CLAIM_SECONDS = 0.5  # between two looks whether `.al` is still there
Load = Callable[[], tuple[Project, Environment]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for.  `port` is the configuration's where it is None, and any free one where it is 0; `hired`:
    only agents that were hired, and with `names` only those."""

    port: int | None = None
    expose: bool = False
    hired: bool = False
    names: tuple[str, ...] = ()

    def served(self, project: Project) -> Project:
        """What of the project is meant; the names of the others stay known, since what is theirs is not ours to remove."""
        if not self.hired:
            return project
        meant = tuple(agent for agent in project.agents if self._means(agent))
        others = tuple(agent.name for agent in project.agents if not self._means(agent))
        return replace(project, agents=meant, others=others)

    def _means(self, agent: Agent) -> bool:
        return agent.hired is not None and (not self.names or agent.name in self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """One that runs.  `url` is its gateway's on this machine, `found` what had begun before it and whose ends nobody had
    recorded."""

    desk: Desk
    crew: Crew
    reloader: Reloader
    url: str
    exposed: bool
    found: Sequence[Run] = ()

    def look(self) -> Seen | None:
        """What goes on; None where the ledger does not answer, which is logged."""
        try:
            return look(self.desk.services.ledger, self.crew.roster(), self.desk.clock())
        except AlError as error:
            LOG.warning("what goes on cannot be told: %s", error.message)
            return None

    def going(self) -> Sequence[RunId]:
        """The runs that have begun and are not over.  Raises what the ledger refuses."""
        return [run.id for run in begun(going_on(self.desk.services.ledger))]

    @property
    def about(self) -> str:
        scope = self.desk.services.environment.scope
        return f"{scope.project}  {scope.environment}  {self.url}"


@contextmanager
def serving(
    services: Services, load: Load, wish: Wish, *, end: Callable[[], None], fail: Fail
) -> Iterator[Scheduler]:
    """A scheduler, until the end of this block.  `end` is called when the gateway is asked to stop it, `fail` with what
    keeps a part of it from going on; both from other threads.

    Addresses are taken and webhooks accepted before agents are prepared.  Raises Conflict when one runs already or the
    port is in use, ConfigError and CredentialError for what is wrong with the project, NotFound before the first push.
    """
    changes = Changes(partial(stamps, services.context.project, services.context.home))
    project, environment = load()
    crew = Crew(services, project)
    with ExitStack() as stack:
        crew.check()
        claim = stack.enter_context(running.only_one(services))
        _prepare_ledger(services, crew)
        _ensure_key(services)
        listening = _listening(services, wish, project, stack)
        url = f"http://{LOOPBACK}:{listening[0].getsockname()[1]}"
        bell = Bell()
        desk = _desk(_addressed(services, url), crew, bell)
        for note in crew.notes(desk.services):
            LOG.warning("%s", note)
        reloader = Reloader(load, partial(become, desk, crew), changes, environment)
        scheduler = Scheduler(
            desk=desk,
            crew=crew,
            reloader=reloader,
            url=url,
            exposed=wish.expose,
            found=begun(going_on(services.ledger)),
        )
        gateway = _gateway(desk, listening, end)
        stack.callback(gateway.close)
        gateway.start()
        claim.tell(url)
        tasks: Mapping[str, Task] = {
            "al-scheduler": Loop(desk, bell=bell).run,
            "al-project": partial(_prepare, desk, crew, reloader),
            "al-claim": partial(_keep, claim),
            "al-graces": partial(grace.watch, services),
            "al-output": partial(output.watch, services),
        }
        stack.enter_context(at_work(tasks, fail, wake=bell.ring))
        yield scheduler


def _keep(claim: running.Claim, stop: threading.Event) -> None:
    """Nothing may be accepted that nobody would find again."""
    while not stop.wait(CLAIM_SECONDS):
        claim.check()


def _desk(services: Services, crew: Crew, bell: Bell) -> Desk:
    return Desk(
        services=services,
        roster=crew.roster,
        wake=bell.ring,
        ready=crew.ready,
        planned=crew.planned,
        models=crew.models,
    )


def _gateway(desk: Desk, listening: Sequence[socket.socket], end: Callable[[], None]) -> Serving:
    from gateway.app import create_app

    return Serving(create_app(desk.services, desk=desk, stop=end), listening)


def _addressed(services: Services, url: str) -> Services:
    """Runs on this machine speak to the gateway of this process; those in a cloud to the deployed one."""
    environment = services.environment
    if environment.cloud is not None or environment.gateway_url:
        return services
    return services.with_environment(replace(environment, gateway_url=url))


def _prepare_ledger(services: Services, crew: Crew) -> None:
    if crew.here:
        services.ledger.prepare()
    env = services.environment.name
    try:
        unpushed = crew.unpushed()
    except NotFound as error:
        hint = f"`al push -E {env}` first"
        raise NotFound(f"nothing has been pushed to {env} yet", hint=hint) from error
    for name, where in unpushed:
        LOG.warning("%s has not been pushed to %s, and does not run", name, where)


def _ensure_key(services: Services) -> None:
    """The gateway is never open: on this machine its key is made when there is none.  Raises CredentialError."""
    if gateway_key(services) is not None:
        return
    if services.environment.cloud is not None:
        env = services.environment.name
        raise CredentialError(
            f"the gateway of {env} has no API key", hint=f"`al push -E {env}` makes one"
        )
    made = first_gateway_key(services.local_store, services.context.names)
    services.local_store.put(GATEWAY_PATH, made, tags={})
    LOG.info("an API key for the gateway was made: the credential gateway_api_key of this machine")


def _listening(
    services: Services, wish: Wish, project: Project, stack: ExitStack
) -> list[socket.socket]:
    """Where the gateway listens, until `stack` is left; containers of this machine come in at the bridge."""
    host = EVERYWHERE if wish.expose else LOOPBACK
    first = stack.enter_context(listen(host, _port(wish, project)))
    if wish.expose:
        return [first]
    second = also(bridge.of(services.environment), first.getsockname()[1])
    return [first, stack.enter_context(second)] if second else [first]


def _port(wish: Wish, project: Project) -> int:
    if wish.port is not None:
        return wish.port
    return int((project.settings.get("gateway") or {}).get("port", DEFAULT_PORT))


def _readiness(ready: int, unready: int) -> str:
    words = f"{ready} {'agent is' if ready == 1 else 'agents are'} ready"
    return words + (f", {unready} {'is' if unready == 1 else 'are'} not" if unready else "")


def _prepare(desk: Desk, crew: Crew, reloader: Reloader, stop: threading.Event) -> None:
    for warning in crew.project.warnings:
        LOG.warning("%s", warning)
    every = frozenset(str(agent.name) for agent in crew.project.agents)
    failed = crew.prepare(every, LOG.info)
    desk.wake()
    LOG.info("%s", _readiness(len(every) - len(failed), len(failed)))
    if crew.here:
        tidied(desk, crew)
    reloader.run(stop)
