"""The project as it is served now: its roster, which agents are ready, and what is wrong with the others.

One object that the gateway, the scheduler and the terminal ask, so that all see the same.  Agents that run on this machine
are made ready here; for a cloud a push has done it.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.errors import AlError
from toolkit.core.parallel import at_once
from toolkit.core.run import RunModels, Trigger
from toolkit.credentials import resolve
from toolkit.llm.candidates import Flags, Rank
from toolkit.ops import local
from toolkit.ops.launch import NO_FLAGS
from toolkit.ops.llm.ready import look_once
from toolkit.ops.llm.serving import Means
from toolkit.ops.settings import for_run
from toolkit.scheduler.roster import Roster, of_project
from toolkit.wiring import Services

from . import places
from .places import active, made_here

LOG = logging.getLogger("al.start")
AT_ONCE = 16  # agents that are prepared side by side: what they record becomes durable together


class Crew:
    """What is served of a project; `here` says whether its ledger is on this machine.  Raises ConfigError for an agent
    whose environment there is not."""

    def __init__(self, services: Services, project: Project) -> None:
        self.here = services.environment.cloud is None
        self._guard = threading.Lock()
        self._services = services.with_project(project)
        self.wanted = project  # as the files said last, also of the agents that cannot be served so
        self._roster = of_project(project)
        self._unready = frozenset(made_here(self._services, project))
        self._troubles: Mapping[str, str] = {}

    @property
    def project(self) -> Project:
        project = self._services.project
        assert project is not None  # noqa: S101 - made with one
        return project

    @property
    def waiting(self) -> frozenset[str]:
        """Agents that are not ready yet, and in no trouble."""
        return self._unready - self._troubles.keys()

    @property
    def troubles(self) -> Mapping[str, str]:
        """Why agents are not as their files are, by name."""
        return self._troubles

    def roster(self) -> Roster:
        """Every agent; the same object until something changes."""
        return self._roster

    def ready(self, agent: AgentName) -> bool:
        """Whether it may start; until then its work waits."""
        return agent not in self._unready

    def planned(self, agent: AgentName) -> str | None:
        """Where its runs will be once it is ready; None where only a push can say it."""
        found = active(self.project).get(agent)
        if found is None or not (self.here or found.environment):
            return None
        return places.planned(self._services, found)

    def models(self, trigger: Trigger) -> RunModels | None:
        """As `al run` chooses them: what the run itself asks for wins.  Raises UsageError, ConfigError, CredentialError."""
        asked = Flags(provider=trigger.llm_provider, model=trigger.llm_model, rank=Rank.RUN)
        found = active(self.project).get(trigger.agent)
        return _models(self._services, found, asked) if found else None

    def check(self) -> None:
        """Raises CredentialError naming everything that is missing on this machine, and what is wrong with models.

        Not of hired agents: `al up` has looked, and one that is not up may lack what it needs."""
        there = tuple(agent for agent in self.project.agents if not agent.hired)
        project = replace(self.project, agents=there)
        wanted = resolve.project_credentials(places.asked_here(self._services, project))
        resolve.resolve_all(wanted, self._services.local_store)
        for agent in made_here(self._services, project).values():
            _models(self._services, agent)

    def unpushed(self) -> tuple[tuple[str, str], ...]:
        """Agents that no push has put where they are to run, each with that environment."""
        return tuple(places.unpushed(self._services, self.project))

    def notes(self, services: Services) -> tuple[str, ...]:
        """What is to be known of agents elsewhere.  `services` know the gateway's address."""
        return tuple(places.notes(services, self.project))

    def prepare(self, names: Collection[str], note: Callable[[str], None]) -> Mapping[str, AlError]:
        """Make these agents ready, several at a time; what is wrong with those that could not be."""
        if self.here:
            local.record_roster(self._services)
        return self._made(self._services, names, note, self._settled, {})

    def become(
        self, project: Project, names: Collection[str], note: Callable[[str], None]
    ) -> Mapping[str, AlError]:
        """Serve this project from now on.  The agents in `names`, which were changed, and those in trouble are made ready
        before; one that cannot be stays as it was, and a new one has to wait until it can."""
        services, before = self._services.with_project(project), active(self.project)
        told = {name: why for name, why in self._troubles.items() if name not in names}
        names = {*names, *told}
        failed = self._made(services, names, note, lambda *_: None, told)
        unready = (self._unready - (set(names) - failed.keys())) | (failed.keys() - before.keys())
        served = _served(project, {n: a for n, a in before.items() if n in failed.keys() - unready})
        known = active(served).keys()
        troubles = {name: error.message for name, error in failed.items()}
        with self._guard:
            self.wanted = project
            self._services, self._roster = services.with_project(served), of_project(served)
            self._unready = unready & known
            self._troubles = {name: why for name, why in troubles.items() if name in known}
        if self.here:
            local.record_roster(self._services)
        return failed

    def _made(
        self,
        services: Services,
        names: Collection[str],
        note: Callable[[str], None],
        tell: Callable[[str, AlError | None], None],
        told: Mapping[str, str],
    ) -> dict[str, AlError]:
        """What is wrong with those that could not be made; what is in `told` already is not said again."""

        def settled(name: str, error: AlError | None) -> None:
            if error is not None and told.get(name) != error.message:
                LOG.error("%s cannot run: %s (%s)", name, error.message, error.hint)
            tell(name, error)

        here = made_here(services, _project(services))
        agents = [agent for name, agent in here.items() if name in names]
        facts = {name: _definitions(services.at(name)) for name in {a.environment for a in agents}}
        look = partial(_look_at_models, services, set())
        make = partial(_made, services, facts, note=note, tell=settled, look=look)
        made = zip(agents, at_once(make, agents, most=AT_ONCE), strict=True)
        return {str(agent.name): error for agent, error in made if error}

    def _settled(self, name: str, error: AlError | None) -> None:
        with self._guard:
            if error is None:
                self._unready -= {name}
            else:
                self._troubles = {**self._troubles, name: error.message}


def _definitions(there: Services) -> Mapping[str, Any]:
    """Those of all agents, read once; by `fact_key`."""
    there.ledger.prepare()
    return there.ledger.facts("definition/")


def _made(
    services: Services,
    facts: Mapping[str | None, Mapping[str, Any]],
    agent: Agent,
    *,
    note: Callable[[str], None],
    tell: Callable[[str, AlError | None], None],
    look: Callable[[RunModels | None], None],
) -> AlError | None:
    try:
        look(_models(services, agent))
        there = places.place(services, agent)
        local.make(there, agent, note=note, facts=facts[agent.environment])
    except OSError as error:
        found: AlError | None = _unreadable(error)
    except AlError as error:
        found = error
    else:
        found = None
    tell(agent.name, found)
    return found


def _unreadable(error: OSError) -> AlError:
    return AlError(
        f"{error.filename or 'a file'}: {error.strerror}", hint="check that it is yours to read"
    )


def _models(services: Services, agent: Agent, asked: Flags = NO_FLAGS) -> RunModels | None:
    there = places.place(services, agent)
    if there.environment.cloud is None:
        local.permitted(there, agent)
    return for_run(there, agent, asked, note=LOG.debug)


def _look_at_models(
    services: Services, seen: set[tuple[str, str]], models: RunModels | None
) -> None:
    """A model that is missing keeps no agent from being served: its server may come back."""
    means = Means(home=services.context.home, note=lambda text: LOG.warning("%s", text))
    look_once(models, means, seen)


def _served(project: Project, stay: Mapping[str, Agent]) -> Project:
    """The project, but for the agents that stay as they were."""
    return replace(
        project, agents=tuple(stay.get(str(agent.name), agent) for agent in project.agents)
    )


def _project(services: Services) -> Project:
    assert services.project is not None  # noqa: S101 - only called with one
    return services.project
