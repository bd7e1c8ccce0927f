"""What this process is to do: the agent as baked into the image, and the run as its environment names it.

Reads files and variables, nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.agent import AgentName, CredentialRef
from toolkit.core.errors import ConfigError
from toolkit.core.run import RunId

_REBUILD = "push the agent again with `al push`"


@dataclass(frozen=True, slots=True)
class App:
    """The files that `al push` baked, below `/app` or wherever the image was extracted."""

    root: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "App":
        """AL_APP, else where this file is: `<root>/lib/toolkit/inside/job.py`."""
        return cls(Path(environ.get("AL_APP") or Path(__file__).parents[3]))

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def script(self) -> Path | None:
        """The script that runs instead of a model, if the agent has one."""
        file = self.static / "test-script.sh"
        return file if file.is_file() else None

    @property
    def timeout(self) -> int:
        """The agent's own, in seconds."""
        text = self.text("timeout").strip()
        if not text.isdigit() or int(text) < 1:
            raise ConfigError(f"the image's timeout is {text!r}", hint=_REBUILD)
        return int(text)

    def text(self, name: str) -> str:
        """A baked file.  Raises ConfigError when it is missing or no text."""
        try:
            return (self.static / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.static / name} cannot be read", hint=_REBUILD) from error

    def json(self, name: str) -> Mapping[str, Any]:
        """The same, as a JSON object."""
        try:
            data = json.loads(self.text(name))
        except ValueError as error:
            raise ConfigError(f"{self.static / name} is no JSON", hint=_REBUILD) from error
        if not isinstance(data, dict):
            raise ConfigError(f"{self.static / name} is no JSON object", hint=_REBUILD)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFile:
    """`agent-config.json` and `credentials.json`, as far as a run needs them.

    `types` is the latter: a credential type's name -> its variables, required and secret fields.
    """

    models: tuple[Mapping[str, Any], ...]
    credentials: tuple[CredentialRef, ...]
    hooks_pre: tuple[str, ...]
    hooks_post: tuple[str, ...]
    preflight: tuple[Mapping[str, Any], ...]
    types: Mapping[str, Mapping[str, Any]]
    budget: Mapping[str, Any]
    roles: tuple[str, ...] = ()  # of an agent that was hired

    @classmethod
    def of(cls, app: App) -> "AgentFile":
        data = app.json("agent-config.json")
        hooks = data.get("hooks") or {}
        return cls(
            models=tuple(data.get("models") or ()),
            credentials=tuple(CredentialRef.parse(text) for text in data.get("credentials") or ()),
            hooks_pre=tuple(hooks.get("pre") or ()),
            hooks_post=tuple(hooks.get("post") or ()),
            preflight=tuple(data.get("preflight") or ()),
            types=app.json("credentials.json"),
            budget=data.get("budget") or {},
            roles=tuple(data.get("roles") or ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of one agent."""

    run: RunId
    agent: AgentName
    environ: Mapping[str, str]  # with AL_RUN_ID and AL_SECRET, however they arrived
    app: App

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Job":
        """Raises ConfigError when the environment does not name a run of this agent."""
        missing = [
            n for n in ("AL_RUN_ID", "AL_SECRET", "AL_AGENT", "AL_PLATFORM") if n not in environ
        ]
        if missing:
            raise ConfigError(
                f"the environment lacks {', '.join(missing)}", hint="start runs with `al run`"
            )
        run, agent = RunId.parse(environ["AL_RUN_ID"]), AgentName.parse(environ["AL_AGENT"])
        if run.agent != agent:
            raise ConfigError(f"{run} is not a run of {agent}", hint="start runs with `al run`")
        return cls(run=run, agent=agent, environ=environ, app=App.of(environ))

    @property
    def credentials(self) -> Path:
        """Where the agent finds its credential files."""
        return Path(self.environ.get("AL_CREDENTIALS_PATH") or "/credentials")
