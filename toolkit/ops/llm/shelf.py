"""What the server of the chosen model has: installed, loaded, current.  Looks, and changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.core.errors import AlError, UsageError
from toolkit.llm.bundle import Bundle
from toolkit.llm.ollama_server import Installed, OllamaServer
from toolkit.llm.probe import probe
from toolkit.llm.providers import Provider

from .presence import LATEST
from .serving import Means, running

HEADERS = ("", "MODEL", "SIZE", "PARAMETERS")
OLLAMA = "ollama"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """`current` is what runs use, under the name that it has there; empty where it is not there.  `pulls`: whether the
    server can get more."""

    url: str
    model: str
    installed: tuple[Installed, ...]
    pulls: bool = False

    @property
    def current(self) -> str:
        wanted = (self.model, f"{self.model}{LATEST}")
        return next((one.name for one in self.installed if one.name in wanted), "")

    @property
    def absence(self) -> str:
        """That what runs use is not there, and what helps."""
        way = f"`al llm pull {self.model}`" if self.pulls else "name another one with --llm-model"
        return f"{self.model} is not there: {way}"


def of(bundle: Bundle) -> Shelf:
    """Raises UsageError for a hosted provider, Unreachable, and what another server refuses."""
    if bundle.provider.name == OLLAMA:
        server = OllamaServer(bundle.base_url, bundle.key)
        return Shelf(url=server.url, model=bundle.model, installed=server.models(), pulls=True)
    refuse_hosted(bundle.provider)
    found = probe(bundle.as_model(), bundle.key, reply=False)
    if found.failure:
        raise AlError(found.failure.message, hint=found.failure.remedy)
    named = tuple(Installed(name=name) for name in found.models)
    return Shelf(url=found.url, model=bundle.model, installed=named)


def server(bundle: Bundle, means: Means) -> OllamaServer:
    """The Ollama server, which runs.  Raises UsageError for any other provider, and what `running` raises."""
    refuse_hosted(bundle.provider)
    if bundle.provider.name != OLLAMA:
        raise UsageError(
            f"the provider is {bundle.provider.name}, whose server has the models that it was started with",
            hint="models are pulled to Ollama only: --llm-provider ollama",
        )
    return running(bundle.base_url, means, bundle.key)


def wanted(bundle: Bundle, name: str | None) -> str:
    """What is to be pulled: what is named, as Ollama calls it, else what runs use.  Raises UsageError for no name at all."""
    if name is None:
        return bundle.model
    if not (asked := name.strip().removeprefix(f"{OLLAMA}:")):
        raise UsageError("MODEL: is empty", hint="name a model, or leave it out")
    return asked


def refuse_hosted(provider: Provider) -> None:
    """Raises UsageError: there is nothing of the user's to look after, whether the key is there or not."""
    if not provider.keyless:
        raise UsageError(
            f"the provider is {provider.name}, which hosts its models: there is nothing to install",
            hint="for models on a server of your own: --llm-provider ollama",
        )


def answer(found: Shelf) -> dict[str, Any]:
    """For `--json`."""
    rows = [
        {"name": one.name, "size": one.size, "current": one.name == found.current}
        for one in found.installed
    ]
    return {"url": found.url, "model": found.model, "models": rows}


def cells(found: Shelf) -> Sequence[Sequence[object]]:
    return [
        ("*" if one.name == found.current else "", one.name, in_words(one.size), one.parameters)
        for one in found.installed
    ]


def status(bundle: Bundle) -> dict[str, Any]:
    """How the server is.  One that does not answer is an answer, too.  Raises UsageError for a hosted provider."""
    refuse_hosted(bundle.provider)
    told: dict[str, Any] = {
        "url": bundle.base_url,
        "provider": bundle.provider.name,
        "model": bundle.model,
    }
    if bundle.provider.name == OLLAMA:
        server = OllamaServer(bundle.base_url, bundle.key)
        told |= {"url": server.url, "version": server.version()}
    found = probe(bundle.as_model(), bundle.key, reply=False)
    told |= {"running": not found.failure, "window": found.window}
    if found.failure:
        told |= {"trouble": found.failure.message, "remedy": found.failure.remedy}
    elif bundle.provider.name == OLLAMA:
        told["loaded"] = [
            {
                "name": one.name,
                "window": one.window,
                "size": one.size,
                "onGpu": one.on_gpu,
                "until": one.until,
            }
            for one in server.loaded()
        ]
    return told


def lines(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """For a person."""
    yield "Server", f"{told['url']} ({told['provider']})"
    if told.get("version"):
        yield "Version", told["version"]
    if "trouble" in told:
        yield "Trouble", told["trouble"]
        yield "", told["remedy"]
        return
    yield "Model", told["model"]
    yield "Window", f"{told['window']} tokens" if told["window"] else "it does not say"
    for one in told.get("loaded", ()):
        window = f", {one['window']} tokens" if one["window"] else ""
        where = f", {round(100 * one['onGpu'] / one['size'])} % on the GPU" if one["size"] else ""
        yield "Loaded", f"{one['name']}: {in_words(one['size'])}{window}{where}"


def in_words(count: int) -> str:
    """Bytes in powers of ten, as model libraries say them; nothing where nobody said how many."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if count >= 10**power:
            return f"{count / 10**power:.1f} {unit}"
    return f"{count} B" if count else ""
