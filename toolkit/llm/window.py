"""How many tokens a model's server really has room for.

A server at home is asked, because what it was started with counts, not what the model could do.  Of hosted models a
table knows it.  What nobody knows is None: then only the server's own refusal tells that a prompt is too long.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret

from .keys import in_header
from .providers import provider
from .trust import trusted

if TYPE_CHECKING:
    import httpx
    from pydantic_ai.models import Model as LiveModel

OLLAMA_DEFAULT = (
    16_384  # tokens; its own default is 4096 on most machines, too few for an agent's first prompt
)
_PATIENCE = 5.0  # seconds for a question about the server itself


class Served(Protocol):
    """A model at its server: Ollama's without `/v1`, others' with it."""

    @property
    def base_url(self) -> str | None: ...

    @property
    def model_name(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`tokens` None: not known.  `note` is what the user should hear."""

    tokens: int | None
    origin: str
    note: str = ""


async def window_of(
    model: Model, live: "LiveModel", declared: int | None, key: Secret | None = None
) -> Window:
    """Never more than the server has.  Raises ConfigError when an Ollama server does not have the model."""
    if not provider(model.provider).keyless:
        return _hosted(live, declared)
    import httpx

    headers = {"Authorization": f"Bearer {in_header(key, model.provider)}"} if key else {}
    async with httpx.AsyncClient(headers=headers, timeout=_PATIENCE, verify=trusted()) as client:
        return await window_at(client, model, live, declared)


async def window_at(
    client: "httpx.AsyncClient", model: Model, at: Served, declared: int | None
) -> Window:
    """The same of a server of one's own, for whoever has a connection to it already."""
    if model.provider == "ollama":
        return await _of_ollama(client, at, declared)
    return _at_most(declared, await _of_server(client, at, model.wire), at.base_url or "")


def _hosted(live: "LiveModel", declared: int | None) -> Window:
    if declared:
        return Window(tokens=declared, origin="declared")
    known = live.context_window
    return Window(tokens=known, origin="known of the model" if known else "not known")


def _at_most(declared: int | None, real: int | None, url: str) -> Window:
    if real is None and declared:
        note = f"{url} does not say how large its window is: contextWindow is taken at its word"
        return Window(tokens=declared, origin="declared", note=note)
    if real is None:
        note = f"{url} does not say how large its window is: set contextWindow"
        return Window(tokens=None, origin="not known", note=note)
    if declared and declared <= real:
        return Window(tokens=declared, origin="declared")
    note = f"contextWindow is {declared}, and {url} has {real}: {real} counts" if declared else ""
    return Window(tokens=real, origin="the server", note=note)


async def _of_server(client: "httpx.AsyncClient", live: Served, wire: str | None) -> int | None:
    """vLLM says it of its models, llama-server of its slots, LM Studio of what it has loaded.

    https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    https://lmstudio.ai/docs/developer/rest/endpoints
    """
    url = (live.base_url or "").rstrip("/")
    root = url.removesuffix("/v1")
    models = f"{root}/v1/models" if wire == "anthropic" else f"{url}/models"
    places = (models, f"{root}/props", f"{root}/api/v0/models")
    listed, props, loaded = await asyncio.gather(*(_json(client, "GET", at) for at in places))
    found = (
        _entry(listed, live.model_name).get("max_model_len"),
        _object(props.get("default_generation_settings")).get("n_ctx"),
        _entry(loaded, live.model_name).get("loaded_context_length"),
    )
    return next((tokens for value in found if (tokens := _tokens(value))), None)


async def _of_ollama(client: "httpx.AsyncClient", live: Served, declared: int | None) -> Window:
    """What will be sent as num_ctx: declared, of its Modelfile, as it is loaded now, or our default."""
    url, name = live.base_url or "", live.model_name
    shown = await _json(client, "POST", f"{url}/api/show", {"model": name})
    if re.search(r"model .*not found", str(shown.get("error", ""))):
        raise ConfigError(
            f"the Ollama server at {url} has no model {name}",
            hint=f"run `ollama pull {name}` there, or name a model that it has: `ollama list`",
        )
    info = _object(shown.get("model_info"))
    most = next((_tokens(v) for k, v in info.items() if k.endswith(".context_length")), None)
    named = re.search(r"^num_ctx\s+(\d+)", str(shown.get("parameters") or ""), re.MULTILINE)
    found = declared or (int(named[1]) if named else await _loaded(client, url, name))
    tokens = min(found or OLLAMA_DEFAULT, most or found or OLLAMA_DEFAULT)
    if declared and tokens < declared:
        note = f"contextWindow is {declared}, and {name} has at most {tokens}: {tokens} counts"
        return Window(tokens=tokens, origin="the server", note=note)
    origin = "declared" if declared else "the server" if found else "our default"
    return Window(tokens=tokens, origin=origin)


async def _loaded(client: "httpx.AsyncClient", url: str, name: str) -> int | None:
    running = _objects((await _json(client, "GET", f"{url}/api/ps")).get("models"))
    names = (name, f"{name}:latest")
    return next((_tokens(m.get("context_length")) for m in running if m.get("name") in names), None)


async def _json(
    client: "httpx.AsyncClient", method: str, url: str, body: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """What it answers, errors included; nothing when it does not answer, which the request itself will find out."""
    import httpx

    try:
        answer = (await client.request(method, url, json=body)).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return _object(answer)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _entry(listed: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The model among those of a server."""
    entries = _objects(listed.get("data"))
    named = [entry for entry in entries if entry.get("id") == name]
    return next(iter(named or entries[:1]), {})


def _tokens(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
