"""Configured models -> pydantic-ai models.  The one place that knows pydantic-ai's classes of providers.

pydantic-ai is imported when a model is made: only a session that really starts pays for it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError, CredentialError
from toolkit.core.secrets import Secret

from .keys import in_header
from .names import TABLE
from .parameters import Parameters, parameters, thinking_of_ollama
from .providers import CUSTOM, Provider, provider

if TYPE_CHECKING:
    from pydantic_ai.models import Model as LiveModel
    from pydantic_ai.settings import ModelSettings, ThinkingEffort

NO_KEY = "sk-no-key-required"  # a client wants one, also where the server does not


def parse_model(data: Mapping[str, Any]) -> Model:
    """A model as the image's agent-config.json has it.  Raises ConfigError."""
    try:
        return Model(
            name=data["name"],
            provider=data["provider"],
            model=data["model"],
            auth_type=data.get("authType") or "api_key",
            thinking_level=data.get("thinkingLevel"),
            base_url=data.get("baseUrl"),
            options=data.get("options") or {},
            wire=data.get("wire"),
            key_instance=data.get("keyInstance") or "default",
        )
    except KeyError as error:
        raise ConfigError(
            f"a model of the agent lacks {error}", hint="see [models] in config.toml"
        ) from error


def load(models: Sequence[Mapping[str, Any]]) -> None:
    """Do what a process pays for once, before there is a key: libraries, certificates, tables.

    A rehearsal: what is wrong with a model is said when it is made for work.
    """
    for data in models:
        with suppress(Exception):
            live_model(parse_model(data), Secret(NO_KEY))


def live_models(models: Sequence[Model], keys: Mapping[str, Secret]) -> list["LiveModel"]:
    """In the given order.  `keys` are by credential type.  Raises ConfigError or CredentialError."""
    return [live_model(model, keys.get(provider(model.provider).credential)) for model in models]


def live_model(model: Model, key: Secret | None) -> "LiveModel":
    """One model, ready to be asked; nothing is sent yet."""
    kind, found = provider(model.provider), parameters(model)
    if not key and not kind.keyless:
        raise CredentialError(
            f"the model {model.name!r} has no key",
            hint=f"add it with `al creds add {kind.credential}`, and push",
        )
    if model.auth_type == "pi_auth":
        raise ConfigError(
            f"the model {model.name!r} uses authType pi_auth, which works on its owner's machine only",
            hint=f"set authType to api_key and add {kind.credential}",
        )
    if model.wire and kind.name != CUSTOM:
        raise ConfigError(
            f"the model {model.name!r} has a wire, and its provider is {kind.name}",
            hint="remove wire, or set provider = 'custom' with the server's baseUrl",
        )
    url = address(model, kind)
    model = replace(model, model=TABLE.id_of(kind.name, model.model))
    if kind.name == "ollama":
        return _ollama(model, key, url, found)
    if _wire(model, kind) == "anthropic":
        return _anthropic(model, kind, key, url, _settings(model, found))
    return _openai(model, kind, key, url, _settings(model, found))


def _wire(model: Model, kind: Provider) -> str:
    return model.wire or kind.wire


def address(model: Model, kind: Provider) -> str:
    """Where a client sends to: Anthropic's appends the version itself, the others want it in the address."""
    url = (model.base_url or kind.base_url or "").rstrip("/")
    if not url:
        raise ConfigError(
            f"the model {model.name!r} has the provider 'custom' and no baseUrl",
            hint="set baseUrl beside its provider in config.toml, and push",
        )
    if _wire(model, kind) == "anthropic":
        return url.removesuffix("/v1")
    if kind.keyless and not urlsplit(url).path:
        return f"{url}/v1"
    return url


def _anthropic(
    model: Model, kind: Provider, key: Secret | None, url: str, settings: "ModelSettings"
) -> "LiveModel":
    from anthropic import AsyncAnthropic, Omit
    from pydantic_ai.models import create_async_httpx2_client
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    token = in_header(key, kind.name) if key else NO_KEY
    prefix = kind.oauth_prefix
    if model.auth_type == "oauth_token" or (prefix and token.startswith(prefix)):
        http = create_async_httpx2_client()  # the SDK's own follows redirects, with the prompt
        client = AsyncAnthropic(auth_token=token, base_url=url, http_client=http)
        source = AnthropicProvider(anthropic_client=client)
    else:
        source = AnthropicProvider(api_key=token, base_url=url)
    if key is None:
        _without_key(settings, Omit())
    settings["cache"] = True
    return AnthropicModel(model.model, provider=source, settings=settings)


def _ollama(model: Model, key: Secret | None, url: str, found: Parameters) -> "LiveModel":
    """In its own API: OpenAI's, which it has too, ignores num_ctx (https://docs.ollama.com/openai)."""
    from .ollama import Ollama

    think = thinking_of_ollama(model)
    root = url.removesuffix("/v1")
    return Ollama(model.model, url=root, key=key, options=found.request, think=think)


def _openai(
    model: Model, kind: Provider, key: Secret | None, url: str, settings: "ModelSettings"
) -> "LiveModel":
    from openai import Omit
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    token = in_header(key, kind.name) if key else None
    if kind.api == "openai":
        own = OpenAIProvider(api_key=token or "", base_url=url)
        return OpenAIChatModel(model.model, provider=own, settings=settings)
    other = OpenAICompatibleProvider(kind.name, base_url=url, api_key=token)
    # the older name is the one that all of them know: Mistral refuses the newer one
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    if key is None:
        _without_key(settings, Omit())
    if kind.name == "openrouter":
        return _openrouter(model, other, settings, profile)
    return OpenAIChatModel(model.model, provider=other, settings=settings, profile=profile)


def _openrouter(model: Model, source: Any, settings: "ModelSettings", profile: Any) -> "LiveModel":
    """With what it says of its own cost: https://openrouter.ai/docs/use-cases/usage-accounting"""
    from pydantic_ai.models.openrouter import OpenRouterModel, OpenRouterModelSettings

    asked = OpenRouterModelSettings(openrouter_usage={"include": True})
    asked.update(cast("OpenRouterModelSettings", settings))
    return OpenRouterModel(model.model, provider=source, settings=asked, profile=profile)


def _without_key(settings: "ModelSettings", omit: Any) -> None:
    """No header for a key goes out, `omit` being the client's word for it: some servers look at any that is there."""
    given = settings.get("extra_headers") or {}
    settings["extra_headers"] = {"Authorization": omit, **given}


def _settings(model: Model, found: Parameters) -> "ModelSettings":
    """What is sent with each request; retrying is ours (patience.py), so the SDK's is off."""
    from pydantic_ai.settings import ModelSettings

    settings = ModelSettings(max_retries=0)
    settings.update(cast("ModelSettings", dict(found.request)))
    if level := model.thinking_level:
        settings["thinking"] = False if level == "off" else cast("ThinkingEffort", level)
    return settings
