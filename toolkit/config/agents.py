"""The agents of a project: found by their directories, read in either format, and made whole from the project's settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.agent import Agent, AgentName, CredentialRef, PreflightStep, WebhookTrigger
from toolkit.core.errors import ConfigError

from .agent_schema import AgentConfig, AgentOverride
from .files import read_text, read_toml
from .frontmatter import Skill, parse_skill
from .hired import hired
from .models import ModelReader
from .origin import Layer, Merged, dotted
from .problems import Findings
from .schema import Config
from .section import Tidier
from .triggers import TriggerReader
from .validate import validated

SKILL, CONFIG, OLD_CONFIG, ACTIONS = "SKILL.md", "config.toml", "agent-config.toml", "ACTIONS.md"
_NOT_AGENTS = {"agents", "node_modules", "shared", "environments"}


def find_agents(directory: Path) -> list[Path]:
    """The agents' directories by name: `agents/*`, and for the oldest projects `*/agent-config.toml`."""
    places = [*_folders(directory / "agents"), *_folders(directory)]
    new = [place for place in places if place.parent != directory and _is_agent(place)]
    old = [p for p in places if p.parent == directory and (p / OLD_CONFIG).exists()]
    return sorted(new + old, key=lambda place: place.name)


def _folders(directory: Path) -> Iterator[Path]:
    for place in directory.iterdir() if directory.is_dir() else ():
        if place.is_dir() and not place.name.startswith(".") and place.name not in _NOT_AGENTS:
            yield place


def _is_agent(place: Path) -> bool:
    return any((place / name).exists() for name in (SKILL, OLD_CONFIG, ACTIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReader:
    """Reads one agent after the other; `layers` may override them under `[agents.<name>]`."""

    directory: Path
    config: Config
    layers: tuple[Layer, ...]
    models: ModelReader
    triggers: TriggerReader
    findings: Findings

    def read(self, place: Path) -> Agent | None:
        """The agent, or None when its name cannot be used."""
        try:
            name = AgentName.parse(place.name)
        except ConfigError as error:
            self.findings.error(self._shown(place), "", error.message, f"rename it: {error.hint}")
            return None
        skill, file = self._instructions(place)
        own = read_toml(place / file, name=self._shown(place / file), findings=self.findings)
        merged = Merged((self._own_layer(place / file, own), *self._overrides(name)))
        return self._agent(name, place, skill, merged)

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.directory))

    def _instructions(self, place: Path) -> tuple[Skill, str]:
        """What the agent is told, and the name of the file that configures it."""
        if (place / SKILL).exists():
            shown = self._shown(place / SKILL)
            text = read_text(place / SKILL, name=shown, findings=self.findings)
            skill = parse_skill(text, file=shown, findings=self.findings)
            if skill.name not in ("", place.name):
                words = f"{skill.name!r} is not the directory's name, which counts"
                self.findings.warn(shown, "name", words, f"write {place.name!r}")
            return skill, CONFIG
        if not (place / ACTIONS).exists():
            self.findings.error(
                self._shown(place), "", f"has no {ACTIONS}", f"write the instructions to {SKILL}"
            )
            return Skill(), OLD_CONFIG
        text = read_text(place / ACTIONS, name=self._shown(place / ACTIONS), findings=self.findings)
        return Skill(body=text.strip()), OLD_CONFIG

    def _own_layer(self, path: Path, values: Mapping[str, Any]) -> Layer:
        tidier = Tidier(self._shown(path), self.findings)
        return Layer(name=tidier.file, values=tidier.table(values, AgentConfig))

    def _overrides(self, name: str) -> Iterator[Layer]:
        for layer in self.layers:
            entry = layer.values.get("agents", {})
            if isinstance(entry, Mapping) and isinstance(entry.get(name), Mapping):
                yield Layer(name=layer.name, values=entry[name], prefix=("agents", name))

    def _agent(self, name: AgentName, place: Path, skill: Skill, merged: Merged) -> Agent:
        found, config = validated(AgentOverride, merged, self.findings), self.config
        script = (place / "test-script.sh").is_file()
        return Agent(
            name=name,
            directory=place,
            instructions=skill.body,
            description=found.description or skill.description,
            models=self.models.of_agent(found, merged, script=script),
            credentials=tuple(dict.fromkeys(map(CredentialRef.parse, found.credentials))),
            schedule=found.schedule,
            timezone=found.timezone or config.timezone,
            missed=found.missed,
            jitter=found.jitter,
            webhooks=tuple(self._webhooks(found, merged)),
            hooks_pre=found.hooks.pre,
            hooks_post=found.hooks.post,
            preflight=tuple(
                PreflightStep(provider=p.provider, required=p.required, params=p.params)
                for p in found.preflight
            ),
            params=found.params,
            budget=found.budget.model_dump(exclude_none=True),
            scale=config.default_agent_scale if found.scale is None else found.scale,
            timeout=found.timeout or config.local.timeout,
            max_queue=found.max_work_queue_size or config.work_queue_size,
            memory=found.memory or config.local.memory,
            cpus=found.cpus or config.local.cpus,
            arch=found.arch,
            spot=found.spot,
            isolation=found.runtime.type,
            run_as=found.runtime.run_as,
            groups=found.runtime.groups,
            environment=found.environment,
            script=script,
            dockerfile=(place / "Dockerfile").is_file(),
            hired=hired(name, found),
        )

    def _webhooks(self, found: AgentOverride, merged: Merged) -> Iterator[WebhookTrigger]:
        layer = merged.layer_of(("webhooks",)) or merged.layers[0]
        for at, entry in enumerate(found.webhooks):
            key = dotted((*layer.prefix, "webhooks", at))
            if trigger := self.triggers.read(entry, layer.name, key):
                yield trigger
