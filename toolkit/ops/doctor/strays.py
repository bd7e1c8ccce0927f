"""What an environment holds and nobody wants any more: things of agents that are gone, and credentials that no agent needs.

Names them and says which command removes them; removes nothing.  Log groups of agents that are gone are not among them:
their retention ends them, and until then `al logs` reads them.  Runs' secrets are ops/leftovers'.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit.core.agent import Project
from toolkit.core.errors import AlError, NotFound
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.ops import definitions, infrastructure
from toolkit.ops.credentials import GATEWAY_PATH, KEY, PUSHED, known
from toolkit.ops.doctor.credential_checks import allowed
from toolkit.ops.doctor.findings import Finding, Weight, warning
from toolkit.ops.owners import by_name, owner
from toolkit.ops.pushed_facts import pushed_facts
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services

ACTIONS = ("the listing of all that a push makes, and of its tags",)
_IDENTITIES = ("role", "service_account")  # `al doctor -c` compares these, tags and all
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


def undeployed(services: Services, project: Project) -> Iterator[Finding]:
    """Agents of the project that an environment with others, or with what pushes make, has not (any more)."""
    facts, where = pushed_facts(services.ledger), services.environment.name
    if infrastructure.APPLIED not in facts:
        return
    for agent in project.agents:
        if fact_key(agent.name) not in facts:
            message = f"is not deployed in {where}: its runs cannot start there"
            yield warning(str(agent.name), message, f"`al push -E {where}` deploys it")


def is_stray(finding: Finding) -> bool:
    return finding.weight is Weight.LEFTOVER and finding.leftover is None


def again(services: Services, project: Project, findings: Sequence[Finding]) -> list[Finding]:
    """The findings after a repair: of what was left over, only what a second look still finds.  Where the account
    cannot be looked at again, everything stays as it was said."""
    if not any(map(is_stray, findings)):
        return [*findings]
    try:
        there = [*held(services, project), *recorded(services, project)]
    except AlError:
        return [*findings]
    now = {f.about: f for f in reversed(there) if is_stray(f)}
    still = (now.get(f.about) if is_stray(f) else f for f in findings)
    return [f for f in still if f is not None]


def held(services: Services, project: Project) -> Iterator[Finding]:
    """By what the account holds under our tags, whoever recorded it: several questions for each agent, so it is for
    those who want to know exactly.  Raises what the account refuses."""
    names, agents = services.context.names, {str(agent.name) for agent in project.agents}
    where, facts = services.environment.name, _facts(services)
    owners = by_name(services, facts)
    items = [i for i in services.inventory.found().ours if not _others(names, i)]
    gone: dict[str, list[Item]] = {}
    for item in items:
        agent = owner(owners, item)
        if agent and agent not in agents:
            gone.setdefault(agent, []).append(item)
        elif agent and item.tags.get("al:agent", agent) != agent and item.kind not in _IDENTITIES:
            yield _retagged(item, agent)
    made = {item.key for item in infrastructure.applied(facts)}
    for agent, its in sorted(gone.items()):
        message = f"is no longer in the project, and the account still has its {_named(its)}"
        pushed = fact_key(agent) in facts or all(item.key in made for item in its)
        yield _of_agent(agent, message, where) if pushed else _of_nobody(agent, message, where, its)
    wanted = {*_paths(project), KEY}
    for item in items:
        path = item.name.removeprefix(names.secrets)
        if item.kind == "secret" and "al:agent" not in item.tags and path not in wanted:
            recorded = path in known(facts)
            yield _of_credential(path, where) if recorded else _unrecorded(path, item)


def _facts(services: Services) -> Mapping[str, Any]:
    """What pushes recorded; nothing before the first."""
    try:
        return pushed_facts(services.ledger)
    except NotFound:
        return {}


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


def _of_nobody(agent: str, message: str, where: str, its: Sequence[Item]) -> Finding:
    """No push recorded it, so none removes it."""
    identities = all(item.kind in _IDENTITIES for item in its)
    verb = f"doctor -c -y -E {where}" if identities else f"teardown {agent} -E {where}"
    return Finding(
        weight=Weight.LEFTOVER, about=agent, message=message, remedy=f"`al {verb}` removes it"
    )


def _retagged(item: Item, agent: str) -> Finding:
    """It is in use: nothing that advises its removal may be said of it."""
    tag = item.tags["al:agent"]
    message = (
        f"the {item.kind.replace('_', ' ')} is agent {agent}'s, and its tag al:agent says {tag!r}"
    )
    return warning(item.name, message, f"set its tag al:agent to {agent} again")


def _unrecorded(path: str, item: Item) -> Finding:
    return Finding(
        weight=Weight.LEFTOVER,
        about=path,
        message="no agent needs this credential, and no push recorded it",
        remedy=f"delete the secret {item.name} by hand if nobody else reads it",
    )


def _of_credential(path: str, where: str) -> Finding:
    return Finding(
        weight=Weight.LEFTOVER,
        about=path,
        message="no agent needs this credential any more, and the environment still has it",
        remedy=f"`al push -E {where}` removes it",
    )
