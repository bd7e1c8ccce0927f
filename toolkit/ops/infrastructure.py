"""The environment's furniture and identities: when they differ from the project, and making them so (D6, D7).

The hash of the desired state is kept with the environment; as long as it has not changed, no engine starts.
"""

import base64
import json
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from infra.desired import network as desired_network
from infra.desired.digest import digest
from toolkit.core.agent import Project
from toolkit.core.plan import Action, Change, Item, Plan, diff
from toolkit.ops import desired_state, images, network
from toolkit.wiring import Services

APPLIED = "applied"
GATEWAY = "gateway"  # the fact {"url", "healthy"}


def items(
    services: Services, project: Project, facts: Mapping[str, Any], *, gateway_image: str | None
) -> tuple[Item, ...]:
    """What should exist.  `gateway_image` is None until a first push has made the gateway's repository.

    Log groups of agents that are gone stay: their retention ends them, and until then `al logs` reads them.
    """
    desired = desired_state.items(services, project, facts, gateway_image=gateway_image)
    keys = {item.key for item in desired}
    return (*desired, *(i for i in applied(facts) if i.kind == "log_group" and i.key not in keys))


def due(facts: Mapping[str, Any], wanted: Sequence[Item]) -> bool:
    """Whether the engine has something to do."""
    return (facts.get(APPLIED) or {}).get("hash") != digest(wanted)


def plan(facts: Mapping[str, Any], wanted: Sequence[Item]) -> Plan:
    """What is new, different or no longer wanted since the last push, without starting an engine."""
    if not due(facts, wanted):
        return Plan()
    found = diff(wanted, applied(facts))
    return Plan(tuple(replace(c, reason=_reason(c)) for c in found.changes))


def _reason(change: Change) -> str:
    if change.action is Action.DELETE:
        return GONE
    if change.item.kind == "network":
        return desired_network.words(change.item)
    return change.reason


GONE = "no longer in the project"


def applied(facts: Mapping[str, Any]) -> tuple[Item, ...]:
    """What the last push made; nothing before the first."""
    packed = (facts.get(APPLIED) or {}).get("items")
    if not packed:
        return ()
    rows = json.loads(zlib.decompress(base64.b64decode(packed)))
    return tuple(
        Item(kind=kind, name=name, attributes=attributes, tags=tags)
        for kind, name, attributes, tags in rows
    )


def additive(wanted: Sequence[Item], facts: Mapping[str, Any]) -> tuple[Item, ...]:
    """`wanted`, and what is there and no longer wanted: removals come last, after what replaces them works."""
    keys = {item.key for item in wanted}
    return (*wanted, *(item for item in applied(facts) if item.key not in keys))


def apply(
    services: Services,
    wanted: Sequence[Item],
    facts: dict[str, Any],
    *,
    progress: Callable[[str], None],
    check: Callable[[], None],
) -> None:
    """Make it so while `check` allows it, and record it.  What will be gone is forgotten before, what is there is recorded after, so that a
    push that dies in between checks again rather than believe."""
    _forget_contents(services, wanted, facts)
    outputs = services.applier.apply(wanted, progress=progress, check=check)
    _note(services, facts, GATEWAY, {"url": outputs.get("gateway_url"), "healthy": False})
    if services.project:
        _note(services, facts, network.FACT, network.fact(services, services.project, wanted))
    _note(services, facts, APPLIED, {"hash": digest(wanted), "items": _packed(wanted)})


def without(facts: Mapping[str, Any], gone: Collection[tuple[str, str]]) -> dict[str, Any] | None:
    """The fact of what was applied when these, by kind and name, are gone: the next push sees that they are missing.
    None where nothing was applied."""
    rest = [item for item in applied(facts) if item.key not in gone]
    return {"hash": None, "items": _packed(rest)} if facts.get(APPLIED) else None


def _packed(items: Sequence[Item]) -> str:
    """Policies of many agents are much alike: packed, a hundred agents' fit into an item of the state table."""
    rows = [[i.kind, i.name, dict(i.attributes), dict(i.tags)] for i in items]
    return base64.b64encode(zlib.compress(json.dumps(rows, sort_keys=True).encode())).decode()


def _forget_contents(services: Services, wanted: Sequence[Item], facts: dict[str, Any]) -> None:
    """Images go with their repository, and values with their secret."""
    keys = {item.key for item in wanted}
    for item in applied(facts):
        if item.key in keys:
            continue
        if item.kind == "repository":
            _note(services, facts, f"{images.FACTS}{item.name}", None)
        if item.kind == "image_repository":
            for key in [k for k in facts if k.startswith(images.FACTS) and f"/{item.name}/" in k]:
                _note(services, facts, key, None)
        if item.kind == "secret":
            _note(
                services,
                facts,
                f"credential/{item.name.removeprefix(services.context.names.secrets)}",
                None,
            )


def _note(services: Services, facts: dict[str, Any], key: str, value: Any) -> None:
    if facts.get(key) != value:
        services.ledger.set_fact(key, value)
    if value is None:
        facts.pop(key, None)
    else:
        facts[key] = value
