"""What an environment holds and nobody wants any more: things of agents that are gone, and credentials that no agent needs.

Names them and says which command removes them; removes nothing.  Log groups of agents that are gone are not among them:
their retention ends them, and until then `al logs` reads them.  Runs' secrets are ops/leftovers'.
"""

from collections.abc import Iterator, Sequence

from toolkit.core.agent import Project
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.wiring import Services

from . import definitions
from .credentials import GATEWAY_PATH, KEY, PUSHED, known
from .doctor_credentials import allowed
from .findings import Finding, Weight

ACTIONS = ("the listing of all that a push makes, and of its tags",)
_SHOWN = 4  # things of one agent that a message names before it counts


def recorded(services: Services, project: Project) -> Iterator[Finding]:
    """By what pushes have recorded: two questions to the ledger, however many agents there are."""
    where = services.environment.name
    for agent in definitions.gone(services.ledger.facts("definition/"), project):
        message = "is no longer in the project, and the environment still has its definition"
        yield _of_agent(agent, message, where)
    wanted = _paths(project)
    for path in sorted(known(services.ledger.facts(PUSHED)) - wanted):
        yield _of_credential(path, where)


def held(services: Services, project: Project) -> Iterator[Finding]:
    """By what the account holds under our tags, whoever recorded it: several questions for each agent, so it is for
    those who want to know exactly.  Raises what the account refuses."""
    names, agents = services.context.names, {str(agent.name) for agent in project.agents}
    where = services.environment.name
    items = [i for i in services.inventory.found().ours if not _others(names, i)]
    gone: dict[str, list[Item]] = {}
    for item in items:
        agent = item.tags.get("al:agent")
        if agent and agent not in agents:
            gone.setdefault(agent, []).append(item)
    for agent, its in sorted(gone.items()):
        yield _of_agent(
            agent,
            f"is no longer in the project, and the account still has its {_named(its)}",
            where,
        )
    wanted = {*_paths(project), KEY}
    for item in items:
        path = item.name.removeprefix(names.secrets)
        if item.kind == "secret" and "al:agent" not in item.tags and path not in wanted:
            yield _of_credential(path, where)


def _others(names: Names, item: Item) -> bool:
    """Whether it ends by itself, or is looked at elsewhere."""
    return item.kind == "log_group" or item.name.startswith(f"{names.secrets}runs/")


def _paths(project: Project) -> set[str]:
    """`<type>/<instance>/<field>` of every credential that the environment has a use for."""
    sound, _ = allowed(project)  # what no agent may have is told elsewhere, and hides nothing here
    refs = resolve.project_credentials(sound)
    fields = {f"{r.type}/{r.instance}/{f.name}" for r in refs for f in resolve.type_of(r).fields}
    return {*fields, GATEWAY_PATH}


def _named(items: Sequence[Item]) -> str:
    shown = ", ".join(f"{item.kind.replace('_', ' ')} {item.name}" for item in items[:_SHOWN])
    return shown + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")


def _of_agent(agent: str, message: str, where: str) -> Finding:
    remedy = f"`al push -E {where}`, or `al teardown {agent} -E {where}` for this agent alone"
    return Finding(weight=Weight.LEFTOVER, about=agent, message=message, remedy=remedy)


def _of_credential(path: str, where: str) -> Finding:
    return Finding(
        weight=Weight.LEFTOVER,
        about=path,
        message="no agent needs this credential any more, and the environment still has it",
        remedy=f"`al push -E {where}` removes it",
    )
