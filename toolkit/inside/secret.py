"""The one secret of a run: exactly what the agent declares, and what is particular to this run (D2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.core.errors import CredentialError
from toolkit.core.run_token import for_agent
from toolkit.core.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSecret:
    """`credentials` is `<type>/<instance>/<field>` -> value; `token` opens the gateway for this run only.

    `sharing` is what it is told of locks and of agents that it may call: see prompt.py.

    `models`, when there are any, take the place of the image's: each as in agent-config.json, and its key.
    """

    credentials: Mapping[str, Secret]
    prompt: str | None = None
    trigger: Mapping[str, Any]
    token: Secret
    gateway: str | None = None
    sharing: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[tuple[Mapping[str, Any], Secret | None], ...] = ()

    def hidden(self) -> list[str]:
        """What must not be printed beside the credentials: the run's tokens, and its models' keys."""
        keys = [key.reveal() for _, key in self.models if key]
        return [self.token.reveal(), self.agents_token.reveal(), *keys]

    @property
    def agents_token(self) -> Secret:
        """What the agent is given to speak to the gateway with; empty where there is no gateway."""
        token = self.token.reveal()
        return Secret(for_agent(token) if token else "")

    @classmethod
    def parse(cls, secret: Secret) -> "RunSecret":
        """Raises CredentialError, whose cause is dropped: a parser's error quotes what it parsed."""
        try:
            data = json.loads(secret.reveal())
            return cls(
                credentials={path: Secret(str(v)) for path, v in data["credentials"].items()},
                prompt=data.get("prompt"),
                trigger=data.get("trigger") or {},
                token=Secret(data.get("token") or ""),
                gateway=data.get("gateway"),
                sharing=dict(data.get("sharing") or {}),
                models=tuple(_model(entry) for entry in data.get("models") or ()),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CredentialError(
                "the run's secret is not what a launcher writes",
                hint="start the run again; the image may be older than `al`",
            ) from None


def _model(entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], Secret | None]:
    plain = {name: value for name, value in entry.items() if name != "key"}
    return plain, Secret(entry["key"]) if entry.get("key") else None
