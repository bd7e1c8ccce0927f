"""What a push is going to change, as data: from files, settings and the facts of earlier pushes.

No registry and no engine is asked, so a plan costs no more than reading the project.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.core.agent import AgentName
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Action, Change, Item, Plan, diff
from toolkit.images import base as bases
from toolkit.ops import credentials, definitions, infrastructure, state
from toolkit.ops.images import gateway_image
from toolkit.ops.push import credentials as push_credentials
from toolkit.ops.push import one_agent
from toolkit.ops.push import roster as push_roster
from toolkit.scheduler import roster
from toolkit.scheduler.dispatch import fact_key

if TYPE_CHECKING:
    from toolkit.ops.push import Push

UNKNOWN = "sha256:" + "0" * 64  # stands for the digest of an image that is still to be pushed
AGAIN = "unchanged; again because of --all"
FURNITURE = "infrastructure"  # the kind of the one line that stands for all of it, done again


def plan(push: "Push") -> Plan:
    """Table, furniture, images, definitions, credential values, gateway: in the order in which they are made."""
    values = Plan(tuple(_values(push))) if push.extent.values else Plan()
    if not push.extent.files:
        return values
    images, references = push.images.decided(dict(push.facts))
    made = _table(push) + _infrastructure(push, images) + _images(push, images)
    definitions = Plan(tuple(_definitions(push, references)))
    return made + definitions + _roster(push) + values + _health(push)


def to_dict(plan: Plan) -> dict[str, Any]:
    """The plan for `--dry-run --json`."""
    return {"changes": [change_to_dict(change) for change in plan.changes]}


def change_to_dict(change: Change) -> dict[str, str]:
    return {
        "action": change.action.value,
        "kind": change.item.kind,
        "name": change.item.name,
        "reason": change.reason,
    }


def wanted_items(push: "Push", facts: Mapping[str, Any], image: str | None) -> tuple[Item, ...]:
    """The infrastructure that this push is to bring about, with `image` for the gateway."""
    wanted = infrastructure.items(push.services, push.project, facts, gateway_image=image)
    if push.extent.agent is None:
        return wanted
    names, applied = push.services.context.names, infrastructure.applied(facts)
    return one_agent.only(push.subject, names, wanted, applied)


def foreseeable_items(push: "Push") -> tuple[Item, ...]:
    """The same, before the images are pushed: a gateway whose image is still to come has one that stands for it."""
    images, _ = push.images.decided(dict(push.facts))
    return _items(push, images)


def _items(push: "Push", images: Plan) -> tuple[Item, ...]:
    names, facts = push.services.context.names, push.facts
    due = any(c.item.name == names.repository(GATEWAY) for c in images.changes)
    unknown = bases.image(push.services.context, names.repository(GATEWAY), UNKNOWN)
    return wanted_items(push, facts, unknown if due else gateway_image(push.services, facts))


def _change(kind: str, name: str, action: Action = Action.CREATE, reason: str = "") -> Change:
    return Change(action=action, item=Item(kind=kind, name=name), reason=reason)


def _table(push: "Push") -> Plan:
    item = state.place(push.services.context)
    return Plan() if push.facts else Plan((_change(item.kind, item.name),))


def _infrastructure(push: "Push", images: Plan) -> Plan:
    found = infrastructure.plan(push.facts, _items(push, images))
    if found or not push.extent.again:
        return found
    name = push.services.context.names.base
    return Plan((_change(FURNITURE, name, Action.UPDATE, AGAIN),))


def _images(push: "Push", images: Plan) -> Plan:
    if not push.extent.again:
        return images
    due = {change.item.name for change in images.changes}
    names = push.services.context.names
    parts = (GATEWAY, *(str(agent.name) for agent in push.agents))
    again = [
        _change("image", names.repository(part), Action.UPDATE, AGAIN)
        for part in parts
        if names.repository(part) not in due
    ]
    return images + Plan(tuple(again))


def _definitions(push: "Push", references: Mapping[str, str | None]) -> Iterator[Change]:
    """Those of new images, changed ones of old images, and those of agents that are gone."""
    facts, services = push.facts, push.services
    names, paths = services.context.names, push_credentials.paths(push, facts)
    for agent in push.agents:
        unknown = bases.image(services.context, names.repository(agent.name), UNKNOWN)
        new = definitions.wanted(services, agent, references[agent.name] or unknown, paths=paths)
        action = Action.UPDATE if fact_key(agent.name) in facts else Action.CREATE
        if new.due(facts):
            yield _change("definition", str(agent.name), action, new.reason(facts))
        elif push.extent.again:
            yield _change("definition", str(agent.name), action, AGAIN)
    for name in gone(push, facts):
        yield _change("definition", name, Action.DELETE, infrastructure.GONE)


def _roster(push: "Push") -> Plan:
    """When agents start, and how many at once, as the scheduler and the gateway know it."""
    if not push_roster.due(push):
        return Plan()
    action = Action.UPDATE if roster.FACT in push.facts else Action.CREATE
    return Plan((_change(push_roster.KIND, push.services.context.names.base, action),))


def gone(push: "Push", facts: Mapping[str, Any]) -> list[AgentName]:
    """Agents whose definitions are to be removed; a push of one agent leaves the others as they are."""
    if push.extent.agent is not None:
        return []
    return [AgentName(name) for name in definitions.gone(facts, push.project)]


def _values(push: "Push") -> Iterator[Change]:
    for change in diff(credentials.items(push_credentials.due(push)), []).changes:
        known = change.item.name in credentials.known(push.facts)
        unchanged = (
            known
            and push.facts[f"{credentials.PUSHED}{change.item.name}"]
            == (change.item.attributes["fingerprint"])
        )
        action = Action.UPDATE if known else Action.CREATE
        yield replace(change, action=action, reason=AGAIN if unchanged else "")


def _health(push: "Push") -> Plan:
    """A gateway that an earlier push made and did not see well is looked at again."""
    gateway = push.facts.get(infrastructure.GATEWAY) or {}
    if not gateway.get("url") or (gateway["healthy"] and not push.extent.again):
        return Plan()
    reason = AGAIN if gateway["healthy"] else "it has not been seen healthy"
    return Plan((_change("gateway", gateway["url"], Action.UPDATE, reason),))
