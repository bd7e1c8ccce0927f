"""Which models an agent works with, in order: its own list, its own `[model]`, or the project's `[model]`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.agent import Model

from .agent_schema import AgentOverride, ModelSection
from .origin import Merged, dotted
from .problems import Findings, nearest

_SETTINGS = (
    "max_tokens",
    "temperature",
    "context_window",
    "compact_pct",
    "max_parallel",
    "backend_id",
    "first_output",
)
NO_KEY = "sk-no-key-required"  # a placeholder that servers of one's own accept


def as_model(name: str, section: ModelSection, origin: str = "") -> Model:
    """The core's Model: what is not common to all providers is in its options, in snake_case.  `origin` is its place."""
    settings = {key: getattr(section, key) for key in _SETTINGS}
    price = section.price
    settings |= {"price": price.model_dump(exclude_none=True)} if price else {}
    return Model(
        name=name,
        provider=section.provider,
        model=section.model,
        auth_type="none" if section.provider == "ollama" else section.auth_type,
        thinking_level=section.thinking_level,
        base_url=section.base_url,
        options={k: v for k, v in settings.items() if v is not None} | dict(section.options),
        wire=section.wire,
        key_instance=section.credential or "default",
        origin=origin,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReader:
    """`named` are the project's models; `mentioned` also those that could not be read, so that one
    mistake is not reported twice."""

    named: Mapping[str, Model]
    mentioned: frozenset[str]
    inherited: Model | None
    findings: Findings
    required: bool = True  # on this machine a run finds a model without one

    def of_agent(self, config: AgentOverride, merged: Merged, *, script: bool) -> tuple[Model, ...]:
        """The agent's models, primary first.  Without any, the agent must have a script."""
        models = self._chosen(config, merged)
        if self.required and not models and not script and not self._broken(merged):
            self.findings.error(
                merged.layers[0].name,
                "models",
                "the agent has neither a model nor a test-script.sh",
                self._remedy(),
            )
        for model in models:
            self._note_login(model, merged)
        return models

    def _chosen(self, config: AgentOverride, merged: Merged) -> tuple[Model, ...]:
        if config.model is not None:
            return (self._own(config, config.model, merged),)
        if config.base_url is not None:
            layer = merged.layer_of(("baseUrl",)) or merged.layers[0]
            key = dotted((*layer.prefix, "baseUrl"))
            self.findings.error(layer.name, key, "needs a model", "add model = '...' beside it")
        if config.models is not None:
            return tuple(
                self.named[name]
                for at, name in enumerate(config.models)
                if self._exists(name, at, merged)
            )
        return (self.inherited,) if self.inherited else ()

    def _own(self, config: AgentOverride, section: ModelSection, merged: Merged) -> Model:
        """The agent's `[model]`, with the address and limits of its `[agents.<name>]`."""
        changes: dict[str, Any] = {}
        if config.base_url:
            changes["base_url"] = config.base_url
        if config.compact_pct:
            changes["compact_pct"] = config.compact_pct
        of_own_server = config.base_url and isinstance(merged.values.get("model"), str)
        if config.api_key == NO_KEY or (config.api_key is None and of_own_server):
            changes["auth_type"] = "none"
        elif config.api_key:
            self._refuse_key(section, merged)
        layer = merged.layer_of(("model",)) or merged.layers[0]
        origin = f"{layer.name} [{dotted((*layer.prefix, 'model'))}]"
        return as_model("default", section.model_copy(update=changes), origin)

    def _refuse_key(self, section: ModelSection, merged: Merged) -> None:
        layer = merged.layer_of(("apiKey",)) or merged.layers[0]
        self.findings.error(
            layer.name,
            dotted((*layer.prefix, "apiKey")),
            "a key must not stand in a configuration file",
            _stored(section, str(layer.prefix[-1])),
        )

    def _exists(self, name: str, at: int, merged: Merged) -> bool:
        if name in self.named:
            return True
        if name not in self.mentioned:
            layer = merged.layer_of(("models",)) or merged.layers[0]
            key = dotted((*layer.prefix, "models", at))
            self.findings.error(layer.name, key, f"no model named {name!r}", self._remedy(name))
        return False

    def _remedy(self, name: str = "") -> str:
        if not self.mentioned:
            return "define one as [models.<name>] in config.toml and name it in models = [...]"
        return nearest(name, self.mentioned, otherwise="name one in models = [...]: {known}")

    def _broken(self, merged: Merged) -> bool:
        """Whether the agent asks for a model and only its reading failed, which is reported already."""
        return "models" in merged.values or "model" in merged.values

    def _note_login(self, model: Model, merged: Merged) -> None:
        if model.auth_type == "pi_auth":
            self.findings.warn(
                merged.layers[0].name,
                "models",
                f"{model.name!r} uses pi_auth, which containers and clouds refuse",
                "use authType = 'api_key' and store the key with `al creds add`",
            )


def _stored(section: ModelSection, agent: str) -> str:
    """Where the key of an agent's model goes instead: one of its own, for a server of its own."""
    if section.provider not in ("custom", "ollama"):
        return f"remove it and store it with `al creds add {section.provider}_key`"
    return (
        f"remove it, write model = {{ provider = 'custom', model = '{section.model}', baseUrl = '...', "
        f"credential = '{agent}' }}, and store the key with `al creds add custom_key:{agent}`"
    )
