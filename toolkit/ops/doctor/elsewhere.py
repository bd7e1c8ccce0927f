"""Agents that name another environment than the one that is looked at: whether `al start` and `al run` could run them there."""

from collections.abc import Iterator
from dataclasses import replace

from toolkit.core.agent import Agent, Project
from toolkit.core.errors import AlError, NotFound
from toolkit.core.placement import runtime_name
from toolkit.ops.doctor.findings import Finding, failing, note, refused
from toolkit.ops.start import places
from toolkit.scheduler.dispatch import definition_of
from toolkit.wiring import Services


def found(services: Services, project: Project) -> Iterator[Finding]:
    """Where each runs, and what keeps it from running there."""
    for agents in places.elsewhere(services, project).values():
        for agent in agents:
            yield from _found(services, agent)


def asked_here(services: Services, project: Project) -> Project:
    """The project, but for the credentials of agents that a push has given theirs elsewhere."""
    away = {a.name for all_of in places.elsewhere(services, project).values() for a in all_of}
    left = (_bare(services, a) if a.name in away else a for a in project.agents)
    return replace(project, agents=tuple(left))


def _bare(services: Services, agent: Agent) -> Agent:
    try:
        deployed = services.for_agent(agent).environment.cloud is not None
    except AlError:  # which is a finding already
        return agent
    return replace(agent, models=(), credentials=()) if deployed else agent


def _found(services: Services, agent: Agent) -> Iterator[Finding]:
    name, where = str(agent.name), agent.environment
    try:
        there = places.place(services, agent)
        runtime = runtime_name(agent, there.environment)
        words = f"its runs are in {where}, on {runtime}, also those that {services.environment.name} starts"
        yield note(name, words, "`environment` in its configuration says so")
        if there.environment.cloud is not None:
            definition_of(there, agent.name)
    except NotFound as error:
        yield failing(name, error.message, error.hint)
    except AlError as error:
        yield refused(name, error)
