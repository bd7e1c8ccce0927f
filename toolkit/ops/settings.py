"""Which model a run works with: every place that has a say is read, and resolved into one bundle.

For a run on this machine that is flags, variables, files and stored keys.  A run in a cloud works with what was pushed,
unless flags say otherwise; the variables and keys of this machine are not for it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from toolkit.config.user import UserSettings, read_user
from toolkit.core.agent import Agent, CredentialRef, Model
from toolkit.core.environment import AwsCloud, Environment
from toolkit.core.errors import ConfigError, UsageError
from toolkit.core.ports import Store
from toolkit.core.run import RunModels
from toolkit.core.secrets import Secret
from toolkit.credentials.resolve import local_name
from toolkit.llm.addresses import Reach, reach_of
from toolkit.llm.bundle import Bundle, KeyMissing, Resolution
from toolkit.llm.candidates import (
    Candidate,
    Flags,
    Rank,
    from_flags,
    from_model,
    from_stored,
    from_user,
    from_variables,
)
from toolkit.llm.names import Table
from toolkit.llm.resolve import resolve
from toolkit.wiring import Services, home

HERE = "stored on this machine"
FIELD = "token"  # of the credentials that hold models' keys
SHARED = "default"  # the instance of a key that agents share


def for_run(
    services: Services, agent: Agent, flags: Flags, *, note: Callable[[str], None]
) -> RunModels | None:
    """The models of a run with their keys; None where those in its image are what it works with.

    Says which model it is and where that comes from.  Raises UsageError, ConfigError, CredentialError.
    """
    if agent.script:
        if flags.given:
            raise UsageError(
                f"{agent.name} runs its test-script.sh, and no model",
                hint="leave the --llm-* options and the key out, or remove the script",
            )
        return None
    local = services.environment.cloud is None
    if not local and not flags.given:
        return None
    places = _Places.read(variables=os.environ if local else {})
    primary = agent.models[0] if agent.models else None
    if local:
        stored = list(places.stored(services.local_store, agent))
    else:
        stored = _of_environment(services, places, agent, flags)
    resolution = places.resolution(primary, flags, stored)
    for text in (resolution.line(), *resolution.notes):
        note(text)
    refs = places.key_refs(agent)
    chosen = _whole(resolution, services.environment, refs[resolution.provider.name])
    _reachable(chosen, services.environment)
    others = _fallbacks(agent, resolution, places, (flags, stored), note)
    more = [_whole(o, services.environment, refs[o.provider.name]) for o in others]
    return RunModels(
        models=tuple((bundle.as_model(), bundle.key) for bundle in (chosen, *more)),
        instead_of=_model_keys(agent, places),
    )


def explained(services: Services | None, agent: Agent | None, flags: Flags) -> Resolution:
    """What a run of `agent` on this machine would come to, or any run where no agent is named.

    Raises ConfigError for values that cannot be read; contradictions are in the answer.
    """
    from toolkit.wiring import local_credentials

    store = services.local_store if services else local_credentials()
    places = _Places.read(variables=os.environ)
    primary = agent.models[0] if agent and agent.models else None
    return places.resolution(primary, flags, list(places.stored(store, agent)))


@dataclass(frozen=True, slots=True)
class _Places:
    """What does not depend on the agent: the user's file, and the variables."""

    user: UserSettings
    variables: Mapping[str, str]

    @classmethod
    def read(cls, *, variables: Mapping[str, str]) -> "_Places":
        return cls(read_user(home()), variables)

    @property
    def table(self) -> Table:
        return self.user.table

    def resolution(self, model: Model | None, flags: Flags, stored: list[Candidate]) -> Resolution:
        found = [*from_flags(flags, self.table), *from_variables(self.variables, self.table)]
        found += from_model(model) if model else ()
        found += from_user(self.user.values, self.user.origin, self.table)
        return resolve([*found, *stored], self.table)

    def of_fallback(self, model: Model, flags: Flags, stored: list[Candidate]) -> Resolution:
        """A further model as it is configured; only its key may come from elsewhere."""
        nearer = [*from_flags(flags, self.table), *from_variables(self.variables, self.table)]
        keys = [c for c in nearer if c.setting == "key" and c.provider == model.provider]
        return resolve([*from_model(model), *keys, *stored], self.table)

    def key_refs(self, agent: Agent | None) -> dict[str, CredentialRef]:
        """Where each provider's key is kept: the agent's own one, where its model names it, else the one of all."""
        refs = {p.name: p.stored_key for p in self.table.providers.values()}
        for model in reversed(agent.models if agent else ()):
            if model.key_instance != SHARED and model.provider in refs:
                refs[model.provider] = replace(refs[model.provider], instance=model.key_instance)
        return refs

    def stored(self, store: Store, agent: Agent | None) -> Iterator[Candidate]:
        """The keys that this machine keeps."""
        refs = self.key_refs(agent)
        found = ((name, store.get(local_name(ref, FIELD))) for name, ref in refs.items())
        return from_stored({name: value for name, value in found if value}, refs, HERE)


def _of_environment(
    services: Services, places: _Places, agent: Agent, flags: Flags
) -> list[Candidate]:
    """The keys that the environment keeps for the provider that was asked for, and for the agent's own."""
    primary = agent.models[0] if agent.models else None
    asked = places.resolution(primary, flags, []).provider.name
    refs, keys = places.key_refs(agent), dict[str, Secret]()
    for name in dict.fromkeys((asked, *(model.provider for model in agent.models))):
        if key := services.store.get(services.context.names.credential(refs[name], FIELD)):
            keys[name] = key
    return list(from_stored(keys, refs, f"kept in {services.environment.name}"))


def _fallbacks(
    agent: Agent,
    resolution: Resolution,
    places: _Places,
    keys: tuple[Flags, list[Candidate]],
    note: Callable[[str], None],
) -> list[Resolution]:
    """The agent's other models, unless another one was asked for in their place."""
    others = agent.models[1:]
    if resolution.choices["model"].rank is Rank.CONFIG:
        return [places.of_fallback(model, *keys) for model in others]
    if others:
        names = ", ".join(model.name for model in others)
        note(f"the agent's fall-backs are not used in this run: {names}")
    return []


def _model_keys(agent: Agent, places: _Places) -> frozenset[str]:
    """Where keys of models are kept, but for what the agent itself declares."""
    refs = {p.stored_key for p in places.table.providers.values()}
    refs |= set(places.key_refs(agent).values())
    return frozenset(local_name(ref, FIELD) for ref in refs - set(agent.credentials))


def _whole(
    resolution: Resolution, environment: Environment, own: CredentialRef | None = None
) -> Bundle:
    """Raises as `Resolution.bundle`; what a cloud lacks, a variable of this machine does not give.  `own` is where the
    agent's key is kept, where that is a place of its own."""
    ref = own or resolution.provider.stored_key
    missing = _lacks_key(resolution, ref) and not resolution.problems
    if not missing or (environment.cloud is None and ref == resolution.provider.stored_key):
        return resolution.bundle()
    typed = ", or `al run --anthropic-key -`" if resolution.provider.name == "anthropic" else ""
    raise KeyMissing(
        resolution.provider.name,
        f"{resolution.provider.name} needs a key, and {environment.name} keeps no {ref}",
        hint=f"`al creds add {ref}`{_push(resolution) if environment.cloud else ''}{typed}",
    )


def _lacks_key(resolution: Resolution, ref: CredentialRef) -> bool:
    """Whether a key is needed and missing; also one that the model itself names, of its server that could do without."""
    own = ref != resolution.provider.stored_key
    named = own and resolution.choices["auth_type"].value != "none"
    at_home = resolution.choices["base_url"].rank is Rank.CONFIG
    lacking = named and at_home and resolution.choices["key"].value is None
    return lacking or resolution.key_state == "missing"


def _push(resolution: Resolution) -> str:
    return f", then push an agent with a model of {resolution.provider.name}"


def _reachable(bundle: Bundle, environment: Environment) -> None:
    """Raises ConfigError for a server that a run in a cloud cannot reach: the same that a push refuses of files."""
    if environment.cloud is None or environment.embedded:
        return
    kind = reach_of(bundle.base_url)
    if kind is Reach.LOOPBACK or (kind is Reach.PRIVATE and not _own_network(environment)):
        where = "on this machine" if kind is Reach.LOOPBACK else "in a private network"
        raise ConfigError(
            f"{bundle.provider.name} at {bundle.base_url} is {where}, where a run in "
            f"{environment.name} cannot reach it",
            hint="name a provider that it can reach, or run it here with -E local",
        )


def _own_network(environment: Environment) -> bool:
    """Whether its runs may be in a network of the user's own, which may lead anywhere."""
    cloud = environment.cloud
    return isinstance(cloud, AwsCloud) and bool(cloud.subnets or cloud.lambda_subnets)
