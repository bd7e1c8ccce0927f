"""What the doctor says of models: whether their servers answer, have them, and have room.

Of all agents only servers of one's own are asked, and for no reply; of one agent that is named, everything.
"""

from collections.abc import Callable, Iterator

from toolkit.core.agent import Agent, Project
from toolkit.ops.doctor.findings import Finding, failing, note, section, warning
from toolkit.ops.llm.check import Check, at_home, checked, lines
from toolkit.wiring import Services

HEALTHY = "nothing to do"


def found(services: Services, project: Project) -> Iterator[Finding]:
    """Servers of one's own that runs on this machine would not reach.  A warning: some are started when they are needed."""
    if services.environment.cloud is not None:
        return
    seen: set[tuple[str, str]] = set()
    for agent in project.agents:
        yield from section(str(agent.name), _troubles(services, agent, seen))


def of_agent(services: Services, agent: Agent, say: Callable[[str], None]) -> Iterator[Finding]:
    """Everything of one agent's models, with a reply; what is well is told as a note."""
    say(f"asking the models of {agent.name}")
    yield from section(str(agent.name), map(_told, checked(services, [agent], note=lambda _: None)))


def _troubles(services: Services, agent: Agent, seen: set[tuple[str, str]]) -> Iterator[Finding]:
    for check in at_home(services, agent, seen):
        if failure := check.probe.failure:
            yield warning(check.agent, f"{failure.layer.value}: {failure.message}", failure.remedy)


def _told(check: Check) -> Finding:
    if failure := check.probe.failure:
        return failing(check.agent, f"{failure.layer.value}: {failure.message}", failure.remedy)
    first, *more = lines(check)
    words = "; ".join([first.partition(": ")[2], *(line.strip() for line in more)])
    return note(check.agent, words, HEALTHY)
