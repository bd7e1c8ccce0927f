"""The environment's furniture and identities: when they differ from the project, and making them so (D6, D7).

The hash of the desired state is kept with the environment; as long as it has not changed, no engine starts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.desired import aws as desired
from toolkit.core.agent import CredentialRef, Project
from toolkit.core.placement import runtime_name
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.credentials import resolve
from toolkit.wiring import Services

APPLIED = "applied"


def items(services: Services, project: Project, *, gateway_image: str | None) -> tuple[Item, ...]:
    """What should exist.  `gateway_image` is None until a first push has made the gateway's repository."""
    deployed = [
        (
            agent,
            runtime_name(agent, services.environment),
            services.runtime_for(agent).grants(agent),
        )
        for agent in project.agents
    ]
    return desired.desired(
        services.environment,
        deployed,
        [_needed(ref) for ref in resolve.project_credentials(project)],
        gateway_image=gateway_image,
    )


def _needed(ref: CredentialRef) -> tuple[CredentialRef, tuple[str, ...]]:
    return ref, tuple(field.name for field in resolve.type_of(ref).fields)


def due(facts: Mapping[str, Any], wanted: Sequence[Item]) -> bool:
    """Whether the engine has something to do."""
    return (facts.get(APPLIED) or {}).get("hash") != desired.digest(wanted)


def plan(facts: Mapping[str, Any], wanted: Sequence[Item]) -> Plan:
    """What is new, different or no longer wanted since the last push, without starting an engine."""
    if not due(facts, wanted):
        return Plan()
    known = (facts.get(APPLIED) or {}).get("items", {})
    hashes = {_label(item): desired.digest([item]) for item in wanted}
    make = [Change(action=Action.UPDATE if _label(i) in known else Action.CREATE, item=i)
            for i in wanted if known.get(_label(i)) != hashes[_label(i)]]  # fmt: skip
    gone = [Change(action=Action.DELETE, item=Item(kind=kind, name=name), reason="no longer in the project")
            for label in known if label not in hashes for kind, _, name in [label.partition(" ")]]  # fmt: skip
    return Plan((*make, *gone))


def _label(item: Item) -> str:
    return f"{item.kind} {item.name}"


def apply(
    services: Services, wanted: Sequence[Item], *, progress: Callable[[str], None]
) -> Mapping[str, Any]:
    """Make it so and record that it is; the record, with the stack's `outputs`."""
    outputs = services.applier.apply(wanted, progress=progress)
    record = {
        "hash": desired.digest(wanted),
        "outputs": dict(outputs),
        "items": {_label(item): desired.digest([item]) for item in wanted},
    }
    services.ledger.set_fact(APPLIED, record)
    return record
