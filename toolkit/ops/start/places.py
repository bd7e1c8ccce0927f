"""Where the agents of a project run, while one scheduler serves them all: here, or each in the environment that it names."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from toolkit.core.agent import Agent, Project
from toolkit.core.errors import ConfigError, NotFound
from toolkit.core.placement import runtime_name
from toolkit.scheduler import switches
from toolkit.scheduler.dispatch import answers_in, fact_key
from toolkit.wiring import Services


def active(project: Project) -> dict[str, Agent]:
    """Those that may run, by name: what one of scale 0 needs is not asked for."""
    return {str(agent.name): agent for agent in project.agents if agent.scale > 0}


def place(services: Services, agent: Agent) -> Services:
    """Where its runs are.  Raises ConfigError, naming the agent."""
    try:
        return services.for_agent(agent)
    except ConfigError as error:
        words = f"{agent.name} is to run in {agent.environment}: {error.message}"
        raise ConfigError(words, hint=error.hint) from error


def made_here(services: Services, project: Project) -> dict[str, Agent]:
    """The active ones that are made ready on this machine; a push has done it for the others.  Raises ConfigError."""
    found = active(project)
    return {n: a for n, a in found.items() if place(services, a).environment.cloud is None}


def asked_here(services: Services, project: Project) -> Project:
    """The project as far as this machine must have its credentials: of the agents that it makes ready, without their
    models' keys, which the runs' own settings find; and of all webhooks, where this machine verifies them."""
    here = made_here(services, project)
    bare = (replace(agent, models=()) for agent in here.values())
    if services.environment.cloud is not None:
        return replace(project, agents=tuple(replace(agent, webhooks=()) for agent in bare))
    others = (a for name, a in active(project).items() if name not in here)
    return replace(project, agents=(*bare, *(_listening(agent) for agent in others)))


def _listening(agent: Agent) -> Agent:
    """Of an agent that is made ready elsewhere only what starts it here."""
    return replace(agent, models=(), credentials=())


def planned(services: Services, agent: Agent) -> str:
    """The runtime of its runs, as their records will name it.  Raises ConfigError."""
    there = place(services, agent)
    return services.named(runtime_name(agent, there.environment), agent.environment)


def elsewhere(services: Services, project: Project) -> Mapping[str, list[Agent]]:
    """The active agents that name another environment, by its name."""
    found: dict[str, list[Agent]] = {}
    for agent in active(project).values():
        if agent.environment not in (None, services.environment.name):
            found.setdefault(str(agent.environment), []).append(agent)
    return found


def unpushed(services: Services, project: Project) -> Iterator[tuple[str, str]]:
    """Agents that no push has put where they are to run, each with that environment.  Raises ConfigError, and NotFound
    where nothing was ever pushed to the environment itself."""
    clouds: dict[str, list[str]] = {}
    for name, agent in sorted(active(project).items()):
        there = place(services, agent)
        if there.environment.cloud is not None:
            clouds.setdefault(there.environment.name, []).append(name)
    for environment, names in clouds.items():
        facts = _definitions(services.at(environment), own=environment == services.environment.name)
        yield from ((name, environment) for name in names if fact_key(name) not in facts)


def notes(services: Services, project: Project) -> Iterator[str]:
    """What somebody should know who has agents elsewhere: what they cannot do there, and who starts them as well."""
    gateway = services.environment.gateway_url or ""
    for name, agents in elsewhere(services, project).items():
        there, names = services.at(name), ", ".join(str(agent.name) for agent in agents)
        if gateway and not answers_in(there.environment, gateway):
            yield (
                f"{names}: what runs in {name} cannot reach {gateway}, so it has no locks and calls, and its lines come "
                "from the cloud; [gateway] url says where it is reached from outside"
            )
        if twice := _started_there(there, agents):
            yield (
                f"{', '.join(twice)}: {name} has a gateway of its own, which starts them, too; "
                f"`al pause AGENT -E {name}` leaves them to this scheduler"
            )


def _started_there(there: Services, agents: list[Agent]) -> list[str]:
    if there.environment.cloud is None:
        return []
    try:
        if not (there.ledger.fact("gateway") or {}).get("url"):
            return []
        off = switches.read(there.ledger).disabled
    except NotFound:  # nothing was pushed there yet
        return []
    by_itself = (agent for agent in agents if agent.schedule or agent.webhooks)
    return [str(agent.name) for agent in by_itself if agent.name not in off]


def _definitions(there: Services, *, own: bool) -> Mapping[str, object]:
    try:
        return there.ledger.facts("definition/")
    except NotFound:
        if own:
            raise
        return {}
