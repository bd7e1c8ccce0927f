"""Which agent a thing belongs to by its name.  A tag can be changed by hand, and then it says something else; what the
next run of an agent uses is what carries the agent's name.  Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.core.environment import AwsCloud
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services

from . import infrastructure

Key = tuple[str, str]
PURPOSES = ("task", "execution", "lambda")  # of an agent's roles, as in Names.role


def by_name(services: Services, facts: Mapping[str, Any]) -> dict[Key, str]:
    """Kind and name -> the agent: of what pushes recorded, and of every agent of the project or of the facts."""
    recorded = {
        i.key: i.tags["al:agent"] for i in infrastructure.applied(facts) if "al:agent" in i.tags
    }
    if not isinstance(services.environment.cloud, AwsCloud):
        return recorded
    names = services.context.names
    return recorded | {key: agent for agent in _known(services, facts) for key in _of(names, agent)}


def owner(owners: Mapping[Key, str], item: Item) -> str | None:
    """By its name, else by its tag; None for what is the whole environment's."""
    return owners.get(key_of(item)) or item.tags.get("al:agent")


def key_of(item: Item) -> Key:
    """As pushes record it: a revision of a task definition is its family's."""
    name = item.name.partition(":")[0] if item.kind == "task_definition" else item.name
    return item.kind, name


def _known(services: Services, facts: Mapping[str, Any]) -> list[str]:
    project = [str(agent.name) for agent in services.project.agents] if services.project else []
    prefix = fact_key("")
    defined = [key.removeprefix(prefix) for key in facts if key.startswith(prefix)]
    return sorted({*project, *defined})


def _of(names: Names, agent: str) -> Iterator[Key]:
    """Everything that one agent may have on AWS, on whichever runtime."""
    yield "function", names.function(agent)
    yield "task_definition", names.family(agent)
    yield "repository", names.repository(agent)
    yield "log_group", names.lambda_log_group(agent)
    for purpose in PURPOSES:
        yield "role", names.role(agent, purpose)
