"""Which credentials an agent, or a project, needs, and their values from a store.

Everything that is missing is named at once, before anything is launched.  Injects nothing and keeps nothing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from toolkit.core import registry
from toolkit.core.agent import Agent, CredentialRef, Model, Project
from toolkit.core.credential import CredentialType
from toolkit.core.errors import CredentialError
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret

GATEWAY_KEY = CredentialRef(type="gateway_api_key")
_KEYLESS = ("pi_auth", "none")  # a login on this machine; a server that wants no key

NameOf = Callable[[CredentialRef, str], str]


def local_name(ref: CredentialRef, field: str) -> str:
    """`<type>/<instance>/<field>`: the name on this machine, and in a run's credential files."""
    return f"{ref.type}/{ref.instance}/{field}"


def type_of(ref: CredentialRef) -> CredentialType:
    """The type's definition.  Raises UnknownPlugin with the nearest known type."""
    found: CredentialType = registry.find("credential", ref.type)
    return found


def required(agent: Agent) -> tuple[CredentialRef, ...]:
    """What a run of `agent` gets: what it declares, and the keys of its models unless a script runs instead.

    Raises CredentialError when it declares a type that no agent may have.
    """
    for ref in agent.credentials:
        if not type_of(ref).inject:
            raise CredentialError(
                f"{ref} must not reach an agent: it is for the gateway or for provisioning",
                hint=f"remove it from the credentials of {agent.name}",
            )
    keys = () if agent.script else tuple(filter(None, map(_key_of, agent.models)))
    return tuple(dict.fromkeys((*agent.credentials, *keys)))


def _key_of(model: Model) -> CredentialRef | None:
    if model.auth_type in _KEYLESS or model.provider == "ollama":
        return None
    return CredentialRef(type=f"{model.provider}_key", instance=model.key_instance)


def required_fields(refs: Iterable[CredentialRef]) -> tuple[str, ...]:
    """`<type>/<instance>/<field>` of every field without which these credentials are of no use."""
    return tuple(local_name(ref, field) for ref in refs for field in type_of(ref).required)


def project_credentials(project: Project) -> tuple[CredentialRef, ...]:
    """What an environment of `project` needs: its active agents', the secrets of the webhook sources that they
    refer to (unless unsigned events are allowed).  The gateway's key is the push's own.  Raises as `required`."""
    active = [agent for agent in project.agents if agent.scale > 0]
    used = {trigger.source for agent in active for trigger in agent.webhooks}
    sources = [entry for name, entry in project.webhook_sources.items() if name in used]
    secrets = [
        CredentialRef.parse(text)
        for source in sources
        if not source["allowUnsigned"]
        for text in source["credentials"]
    ]
    agents = [ref for agent in active for ref in required(agent)]
    return tuple(dict.fromkeys((*agents, *secrets)))


def resolve(agent: Agent, store: Store, name_of: NameOf = local_name) -> Mapping[str, Secret]:
    """The values of what `agent` needs, by `<type>/<instance>/<field>`.

    `name_of` gives the store's name of a field.  Raises CredentialError naming every missing required field.
    """
    return resolve_all(required(agent), store, name_of)


def resolve_all(
    refs: Iterable[CredentialRef],
    store: Store,
    name_of: NameOf = local_name,
    *,
    elsewhere: Collection[str] = (),
) -> Mapping[str, Secret]:
    """The same for several references at once.  Fields named in `elsewhere` (`<type>/<instance>/<field>`) may be
    missing here: the environment has them."""
    found: dict[str, Secret] = {}
    missing: list[tuple[CredentialRef, str]] = []
    for ref in refs:
        values, lacking = _read(ref, store, name_of)
        found |= {local_name(ref, field): value for field, value in values.items()}
        missing += [(ref, field) for field in lacking if local_name(ref, field) not in elsewhere]
    _raise_missing(missing)
    return found


def fields(ref: CredentialRef, store: Store, name_of: NameOf = local_name) -> Mapping[str, Secret]:
    """The values of one credential, by field.  Raises CredentialError naming every missing required field."""
    values, lacking = _read(ref, store, name_of)
    _raise_missing([(ref, field) for field in lacking])
    return values


def _read(
    ref: CredentialRef, store: Store, name_of: NameOf
) -> tuple[dict[str, Secret], tuple[str, ...]]:
    """The fields that are there, and the required ones that are not."""
    kind = type_of(ref)
    found = {field.name: store.get(name_of(ref, field.name)) for field in kind.fields}
    values = {name: value for name, value in found.items() if value}
    return values, tuple(name for name in kind.required if name not in values)


def _raise_missing(missing: list[tuple[CredentialRef, str]]) -> None:
    if not missing:
        return
    names = ", ".join(f"{ref.type}:{ref.instance}.{field}" for ref, field in missing)
    commands = dict.fromkeys(f"`al creds add {ref}`" for ref, _ in missing)
    raise CredentialError(f"missing credentials: {names}", hint=f"run {', '.join(commands)}")
