"""Which model servers a session occupies, and how many sessions each of them bears at once.

A server of one's own has one memory and one cache: two sessions would push each other out of it.  A login that is renewed
while it is used bears one session as well.  Pure: whose turn it is is the scheduler's (scheduler/turns.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.core.agent import CredentialRef, Model

from .addresses import host_of, normalised
from .providers import provider

_CAMEL = {"max_parallel": "maxParallel", "backend_id": "backendId"}
AT_HOME = 1  # sessions at once on a server of one's own, and of one login


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """`id` is the same for everybody who means the same server; `limit` is how many sessions at once."""

    id: str
    limit: int = AT_HOME


def backends_of(models: Iterable[Model]) -> tuple[Backend, ...]:
    """All that a session with these models may use, by id; those without a limit are left out.

    Fall-backs count: a session may change to one at any request.  Where models say different limits for one server, the
    smallest counts.
    """
    found: dict[str, int] = {}
    for model in models:
        for backend in _of(model):
            found[backend.id] = min(backend.limit, found.get(backend.id, backend.limit))
    return tuple(Backend(id=name, limit=limit) for name, limit in sorted(found.items()))


def _of(model: Model) -> Iterator[Backend]:
    limit, named = _said(model, "max_parallel"), _said(model, "backend_id")
    url = model.base_url or provider(model.provider).base_url
    if limit or named or not is_hosted(model):
        yield Backend(id=_id(named or url or model.provider), limit=limit or AT_HOME)
    if model.auth_type == "oauth_token":
        login = CredentialRef(type=provider(model.provider).credential, instance=model.key_instance)
        yield Backend(id=f"login:{login}")


def is_hosted(model: Model) -> bool:
    """Whether somebody else's data centre answers: at the address that the provider itself has."""
    kind = provider(model.provider)
    if kind.keyless or kind.base_url is None:
        return False
    return model.base_url is None or host_of(model.base_url) == host_of(kind.base_url)


def _said(model: Model, name: str) -> Any:
    """As the files have it, or a table of free options."""
    return model.options.get(name, model.options.get(_CAMEL[name]))


def _id(text: str) -> str:
    """An address in its one form; a name of the user's as it is."""
    return normalised(text) if "://" in text else text.strip()
