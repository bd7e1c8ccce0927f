"""`al llm check`, and what the doctor says of models: each model of each agent, asked from where the agent runs.

A server that is somebody's turn is not asked for a reply: it would lose what it has in its memory.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from toolkit.core.agent import Agent, CredentialRef, Model
from toolkit.core.errors import AlError, CredentialError, NotFound
from toolkit.core.ports import AsksFromInside
from toolkit.core.run import RunModels
from toolkit.core.secrets import Secret
from toolkit.llm.addresses import Reach, reach_of
from toolkit.llm.backend import backends_of, is_hosted
from toolkit.llm.probe import Probe, probe
from toolkit.llm.providers import provider
from toolkit.llm.reach import Failure, Layer, listens_on_loopback_only
from toolkit.ops.launch import NO_FLAGS
from toolkit.ops.settings import FIELD, for_run
from toolkit.scheduler import turns
from toolkit.scheduler.dispatch import definition_of
from toolkit.scheduler.line import holders
from toolkit.wiring import Services

HERE = "this machine"
PROGRAM = ("python3", "-P", "-m", "toolkit.llm.probe")
_UNREACHED = frozenset({Layer.NAME, Layer.ROUTE, Layer.REFUSED, Layer.TIMEOUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One model of one agent.  `place` is from where it was asked; `busy` is the run that has its server now."""

    agent: str
    place: str
    probe: Probe
    busy: str | None = None

    @property
    def sound(self) -> bool:
        return self.probe.failure is None

    def to_dict(self) -> dict[str, Any]:
        return {"agent": self.agent, "from": self.place, "busy": self.busy, **self.probe.to_dict()}


def lines(check: Check) -> Iterator[str]:
    """For a person: what was found, and what to do."""
    found = check.probe
    head = f"{check.agent}: {found.model} at {found.url}"
    if found.failure:
        yield f"{head}: {found.failure.layer.value}"
        yield f"  {found.failure.message}"
        yield f"  → {found.failure.remedy}"
    else:
        window = f", a window of {found.window} tokens" if found.window else ""
        took = f", a token in {found.seconds:.1f} s" if found.seconds is not None else ""
        yield f"{head}: it answers{window}{took}"
    if check.busy:
        yield f"  {check.busy} has its turn there, so it was not asked for a reply"
    if found.note:
        yield f"  {found.note}"
    yield f"  (asked from {check.place})"


def unsound(found: Sequence[Check]) -> str:
    """What follows from those that did not answer, and how it is tried again; empty where all did."""
    names = list(dict.fromkeys(check.agent for check in found if not check.sound))
    if not names:
        return ""
    again = f" {names[0]}" if len(names) == 1 else ""
    return f"runs of {', '.join(names)} would fail now: do what is said above, then `al llm check{again}`"


def checked(
    services: Services,
    agents: Sequence[Agent],
    *,
    note: Callable[[str], None],
) -> Iterator[Check]:
    """As they are done: each is asked for a token, which of a hosted model costs a little, and which at home may load it.

    An agent without its key is told of, and keeps nobody else from being asked.  Raises what is wrong with settings."""
    for agent in agents:
        try:
            models = _models(services, agent, note)
        except CredentialError as error:
            yield _keyless(agent, error)
            continue
        for model, key in models:
            yield _checked(services, agent, model, key, reply=True)


def at_home(services: Services, agent: Agent, seen: set[tuple[str, str]]) -> Iterator[Check]:
    """Those of its models that are on servers of one's own and not `seen` yet; none is asked for a reply.

    Raises what is wrong with settings and keys."""
    for model, key in _models(services, agent, lambda _: None):
        which = model.base_url or model.provider, model.model
        if which not in seen and not is_hosted(model):
            yield _checked(services, agent, model, key, reply=False)
        seen.add(which)


def _keyless(agent: Agent, error: CredentialError) -> Check:
    """Nothing is asked without the key: the first model stands for all."""
    model = agent.models[0] if agent.models else None
    name, where = (
        (model.model, model.base_url or model.provider) if model else ("its model", "its provider")
    )
    failure = Failure(layer=Layer.KEY, message=error.message, remedy=error.hint)
    return Check(
        agent=str(agent.name), place=HERE, probe=Probe(url=where, model=name, failure=failure)
    )


def _models(
    services: Services, agent: Agent, note: Callable[[str], None]
) -> Sequence[tuple[Model, Secret | None]]:
    """As a run of the agent gets them."""
    found: RunModels | None = for_run(services, agent, NO_FLAGS, note=note)
    if found is not None:
        return found.models
    return () if agent.script else [(model, _stored(services, model)) for model in agent.models]


def _stored(services: Services, model: Model) -> Secret | None:
    """The key that the environment keeps for it."""
    ref = CredentialRef(type=provider(model.provider).credential, instance=model.key_instance)
    return services.store.get(services.context.names.credential(ref, FIELD))


def _checked(
    services: Services, agent: Agent, model: Model, key: Secret | None, *, reply: bool
) -> Check:
    busy = _busy(services, model) if reply else None
    place, found = _asked(services, agent, model, key, reply=reply and busy is None)
    return Check(agent=str(agent.name), place=place, probe=found, busy=busy)


def _busy(services: Services, model: Model) -> str | None:
    """Who has its server now."""
    wanted = {backend.id for backend in backends_of([model])}
    lines = {name: line for name, line in turns.read(services.ledger).items() if name in wanted}
    return next((str(run) for run in holders(lines)), None)


def _asked(
    services: Services, agent: Agent, model: Model, key: Secret | None, *, reply: bool
) -> tuple[str, Probe]:
    """From inside of a container where the agent runs in one; else from here."""
    inside = _from_inside(services, agent, model, key, reply=reply)
    if inside is None:
        return HERE, probe(model, key, reply=reply)
    if inside.failure and inside.failure.layer in _UNREACHED and _loopback(model):
        outside = probe(model, key, reply=False)
        if outside.failure is None:
            inside = _on_loopback_only(inside)
    return f"a container of {agent.name}", inside


def _from_inside(
    services: Services, agent: Agent, model: Model, key: Secret | None, *, reply: bool
) -> Probe | None:
    """None where its runs are in no container here, or no image of it was made yet."""
    runtime = services.runtime_for(agent)
    if not isinstance(runtime, AsksFromInside):
        return None
    try:
        definition = definition_of(services, agent.name).ref
    except NotFound:
        return None
    asked = {**model.to_dict(), "key": key.reveal() if key else None}
    question = Secret(json.dumps({"models": [asked], "reply": reply}))
    try:
        said = runtime.ask_from_inside(agent.name, definition, PROGRAM, question)
        return Probe.from_dict(json.loads(said.strip().rpartition("\n")[2]))
    except AlError as error:
        failure = Failure(layer=Layer.ROUTE, message=error.message, remedy=error.hint)
        return Probe(url=model.base_url or "", model=model.model, failure=failure)


def _loopback(model: Model) -> bool:
    return model.base_url is None or reach_of(model.base_url) is Reach.LOOPBACK


def _on_loopback_only(found: Probe) -> Probe:
    return replace(found, failure=listens_on_loopback_only(urlsplit(found.url).port or 80))
