"""The credentials of a push: which values go, which stay at home, and what a user has to know about those.

Decides only.  Values stand in `Push.values`; plans, facts and warnings have names and fingerprints.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.core.agent import Agent, CredentialRef, Project
from toolkit.core.errors import NotFound
from toolkit.core.secrets import Secret
from toolkit.credentials import resolve
from toolkit.ops import credentials, infrastructure
from toolkit.ops.credentials import GATEWAY_PATH, PUSHED
from toolkit.wiring import Services

if TYPE_CHECKING:
    from toolkit.ops.push import Extent, Push


def values(
    services: Services, subject: Project, facts: Mapping[str, Any], extent: "Extent"
) -> Mapping[str, Secret]:
    """This machine's values of what `subject` needs; none where the push is not about values.

    Raises CredentialError naming every required field that is in neither place.
    """
    if not extent.values:
        return {}
    elsewhere = credentials.known(facts)
    if extent.again:  # the facts are not believed, so somebody may have deleted one
        elsewhere = {path for path in elsewhere if _stored(services, path) is not None}
    return credentials.local_values(subject, services.local_store, elsewhere)


def _stored(services: Services, path: str) -> Secret | None:
    return services.store.get(credentials.cloud_name(services.context.names, path))


def due(push: "Push") -> dict[str, str]:
    """path -> fingerprint of the values that the environment does not have, or of all that are known here."""
    services, facts = push.services, push.facts
    key = credentials.fingerprint_key(services.store, services.context.names) if facts else None
    prints = credentials.fingerprints(push.values, key)
    if not push.extent.again:
        prints = {p: f for p, f in prints.items() if not f or facts.get(f"{PUSHED}{p}") != f}
    return {**prints, GATEWAY_PATH: ""} if lacks_gateway_key(push, facts) else prints


def lacks_gateway_key(push: "Push", facts: Mapping[str, Any]) -> bool:
    if GATEWAY_PATH not in credentials.known(facts):
        return True
    return push.extent.again and _stored(push.services, GATEWAY_PATH) is None


def paths(push: "Push", facts: Mapping[str, Any]) -> list[str]:
    """Every credential field that the environment has, or gets from this push."""
    return sorted({*push.values, *credentials.known(facts)})


def check_places(push: "Push") -> None:
    """Where only values are pushed there must be secrets to put them into, which Pulumi makes.  Raises NotFound."""
    if push.extent.files:
        return
    where, names = push.services.environment.name, push.services.context.names
    hint = "push without --creds-only first: it makes the secrets that values are put into"
    if not push.facts:
        raise NotFound(f"nothing has been pushed to {where} yet", hint=hint)
    places = {i.name for i in infrastructure.applied(push.facts) if i.kind == "secret"}
    if missing := [p for p in push.values if credentials.cloud_name(names, p) not in places]:
        raise NotFound(f"{where} has no secret yet for {', '.join(missing)}", hint=hint)


def warnings(
    services: Services, agents: Sequence[Agent], facts: Mapping[str, Any], extent: "Extent"
) -> tuple[str, ...]:
    """Where values stay at home: every agent whose runs will be refused for want of one."""
    if extent.values:
        return ()
    there = credentials.known(facts)
    active = [agent for agent in agents if agent.scale > 0]
    return tuple(line for agent in active for line in _refused(services, agent, there))


def _refused(services: Services, agent: Agent, there: Collection[str]) -> Iterator[str]:
    where = services.environment.name
    for ref in resolve.required(agent):
        missing = [p for p in resolve.required_fields([ref]) if p not in there]
        if missing:
            yield (
                f"runs of {agent.name} will be refused: {where} lacks {', '.join(missing)} → {_remedy(services, ref, missing)}"
            )


def _remedy(services: Services, ref: CredentialRef, missing: Sequence[str]) -> str:
    push = f"`al push --creds-only -E {services.environment.name}`"
    here = all(services.local_store.exists(path) for path in missing)
    return push if here else f"`al creds add {ref}`, then {push}"


def notes(push: "Push") -> tuple[str, ...]:
    """Of a push of values alone: a field that is new reaches runs with the next definition."""
    if new := sorted(push.values.keys() - credentials.known(push.facts)):
        return (f"new in the environment: {', '.join(new)}; `al push` gives optional ones to runs",)
    return ()
