"""A model's options -> what its provider's API calls them, and what of them steers the session instead.

Decides only, and loads no SDK.  What is not for a provider is an error or a note, never dropped in silence.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError

from .names import TABLE
from .providers import THINKING, Provider, provider

_REQUEST = ("max_tokens", "temperature", "top_p", "seed", "timeout", "extra_body", "extra_headers")
# what steers a session rather than a request: it is known here, and not sent
_SESSION = (
    *("context_window", "compact_pct", "max_parallel", "backend_id"),
    *("first_output", "price"),
)
# of Ollama's own API: https://docs.ollama.com/modelfile#valid-parameters-and-values
_OLLAMA = (
    *("num_predict", "num_ctx", "num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread"),
    *("repeat_last_n", "repeat_penalty", "presence_penalty", "frequency_penalty"),
    *("temperature", "seed", "stop", "top_k", "top_p", "min_p", "typical_p", "draft_num_predict"),
)
# that reason before they answer, and refuse a temperature:
# https://platform.openai.com/docs/guides/reasoning and https://docs.claude.com/en/docs/build-with-claude/extended-thinking
_REASONING = re.compile(r"(o\d|gpt-5)(?!.*chat)")
_SAMPLING = ("temperature", "top_p")
_OLLAMA_EFFORT = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """`request` is for the provider, in its own words; `session` is for us; `notes` say what was not sent and why."""

    request: Mapping[str, Any]
    session: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def window(self) -> int | None:
        """Tokens, as they are declared."""
        return self.session.get("context_window")


def parameters(model: Model) -> Parameters:
    """Raises ConfigError for what nobody knows."""
    kind = provider(model.provider)
    options = {_snake(name): value for name, value in model.options.items()}
    known = ("max_tokens", *_OLLAMA) if kind.name == "ollama" else _REQUEST
    if unknown := sorted(options.keys() - {*known, *_SESSION}):
        raise ConfigError(
            f"the model {model.name!r} has unknown options: {', '.join(unknown)}",
            hint=f"use {', '.join(known)}",
        )
    if model.thinking_level and model.thinking_level not in THINKING:
        raise ConfigError(
            f"the model {model.name!r} has the thinkingLevel {model.thinking_level!r}",
            hint=f"use one of: {', '.join(THINKING)}",
        )
    sent = {name: value for name, value in options.items() if name in known}
    session = {name: value for name, value in options.items() if name in _SESSION}
    refused = dict(_refused(model, kind, sent))
    notes = tuple(f"{name} is not sent: {why}" for name, why in refused.items())
    sent = {name: value for name, value in sent.items() if name not in refused}
    return Parameters(request=_renamed(sent, kind), session=session, notes=notes)


def thinking_of_ollama(model: Model) -> bool | str | None:
    """Its `think`: https://docs.ollama.com/capabilities/thinking.  None leaves it to the model."""
    level = model.thinking_level
    if level is None:
        return None
    if TABLE.id_of("ollama", model.model).startswith("gpt-oss"):  # which takes no yes or no
        return _OLLAMA_EFFORT.get(level, "high") if level != "off" else "low"
    return level != "off"


def _refused(model: Model, kind: Provider, sent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the provider would answer with an error, and why."""
    name = TABLE.id_of(kind.name, model.model)
    reasons = (
        kind.name == "openai" and bool(_REASONING.match(name)) and model.thinking_level != "off"
    )
    thinks = kind.wire == "anthropic" and (model.thinking_level or "off") != "off"
    if reasons or thinks:
        why = f"{name} refuses it while it reasons"
        yield from ((option, why) for option in _SAMPLING if option in sent)


def _renamed(sent: Mapping[str, Any], kind: Provider) -> dict[str, Any]:
    """Under the provider's names.  What is given under its own name wins over ours for the same thing."""
    ours = {kind.parameters[name]: value for name, value in sent.items() if name in kind.parameters}
    theirs = {name: value for name, value in sent.items() if name not in kind.parameters}
    return {**ours, **theirs}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: f"_{match[0].lower()}", name)
