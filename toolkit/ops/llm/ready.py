"""Before a run on this machine: Ollama answers and has the model, or the user hears what to do, before anything is made."""

from dataclasses import replace

from toolkit.core.agent import Model
from toolkit.core.errors import AlError, Unreachable
from toolkit.core.run import RunModels
from toolkit.core.secrets import Secret
from toolkit.llm.names import TABLE
from toolkit.llm.providers import PROVIDERS

from .presence import present
from .serving import Means, running

OLLAMA = "ollama"


def made_ready(
    models: RunModels | None, means: Means, *, compatible: bool = False
) -> RunModels | None:
    """The models that the run really gets: with `compatible`, of a model that is not there another size of its family.

    The first one must be there; a fall-back that is not is said.  Raises ModelMissing, and what `running` raises."""
    if models is None:
        return None
    found = []
    for place, (model, key) in enumerate(models.models):
        try:
            found.append((_ready(model, key, means, compatible=compatible), key))
        except AlError as error:
            if place == 0:
                raise
            means.note(f"• the fall-back {model.name} cannot be used: {error.message}")
            found.append((model, key))
    return replace(models, models=tuple(found))


def look_once(models: RunModels | None, means: Means, seen: set[tuple[str, str]]) -> None:
    """For a scheduler, which goes on whatever there is: starts Ollama where it can be started, and says what runs would lack.
    What was `seen` is not looked at again."""
    for model, key in models.models if models else ():
        which = address_of(model), model.model
        if model.provider != OLLAMA or which in seen:
            continue
        seen.add(which)
        try:
            _ready(model, key, means, compatible=False)
        except AlError as error:
            means.note(f"{error.message} ({error.hint})")


def _ready(model: Model, key: Secret | None, means: Means, *, compatible: bool) -> Model:
    if model.provider != OLLAMA:
        return model
    server = running(address_of(model), means, key)
    name = TABLE.id_of(OLLAMA, model.model)
    try:
        there = present(server, name, compatible=compatible)
    except Unreachable:
        return model  # it answers, and lists no models: the session will hear what it has to say
    if there != name:
        means.note(f"• {name} is not installed at {server.url}: {there} is used instead")
        return replace(model, model=there)
    return model


def address_of(model: Model) -> str:
    return model.base_url or PROVIDERS[OLLAMA].base_url or ""
