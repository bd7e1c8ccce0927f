"""From layers of settings and the agents' directories to the core's Project."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.core.agent import Agent, Model, Project
from toolkit.core.clock import now

from .agent_checks import check_agents, check_strays
from .agents import AgentReader, find_agents
from .models import ModelReader, as_model
from .origin import DEFAULT, Layer, Merged, dotted
from .problems import Findings
from .project_name import project_name
from .schema import Config, defaults
from .triggers import TriggerReader, described
from .validate import validated


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRead:
    """A project, the settings that it was made of, and where they are from."""

    project: Project
    config: Config
    merged: Merged


def with_defaults(layers: Sequence[Layer]) -> Merged:
    """The layers above the schema's defaults."""
    return Merged((Layer(name=DEFAULT, values=defaults()), *layers))


def read_project(
    directory: Path, layers: Sequence[Layer], findings: Findings, *, models_required: bool = True
) -> ProjectRead:
    """The project, as far as it can be made; what is wrong is in `findings`.  `models_required`: of every agent that has
    no script."""
    merged = with_defaults(layers)
    config = validated(Config, merged, findings)
    agents = tuple(_agents(directory, config, merged, findings, models_required))
    check_agents(agents, config, directory=directory, merged=merged, now=now(), findings=findings)
    check_strays(directory, findings)
    _check_gateway(config, merged, findings)
    _check_later(config, merged, findings)
    project = Project(
        name=project_name(merged, directory, findings),
        directory=directory,
        agents=agents,
        models=_named(config, merged),
        scale=config.scale,
        webhook_sources={
            name: described(name, source, merged.origin_of(f"webhooks.{name}.type"), findings)
            for name, source in config.webhooks.items()
        },
        settings=config.model_dump(mode="json", by_alias=True, exclude_none=True),
    )
    return ProjectRead(project=project, config=config, merged=merged)


def _named(config: Config, merged: Merged) -> dict[str, Model]:
    return {
        name: as_model(name, section, _origin(merged, "models", name))
        for name, section in config.models.items()
    }


def _origin(merged: Merged, *path: str) -> str:
    return f"{merged.origin_of(dotted((*path, 'model')))} [{dotted(path)}]"


def _agents(
    directory: Path, config: Config, merged: Merged, findings: Findings, models_required: bool
) -> Iterator[Agent]:
    mentioned, sources = (_names_in(merged, table) for table in ("models", "webhooks"))
    kinds = {name: entry.type for name, entry in config.webhooks.items()}
    reader = AgentReader(
        directory=directory,
        config=config,
        layers=tuple(merged.layers),
        models=ModelReader(
            named=_named(config, merged),
            mentioned=mentioned,
            inherited=as_model("default", config.model, _origin(merged, "model"))
            if config.model
            else None,
            findings=findings,
            required=models_required,
        ),
        triggers=TriggerReader(sources=dict.fromkeys(sources, "") | kinds, findings=findings),
        findings=findings,
    )
    for place in find_agents(directory):
        if agent := reader.read(place):
            yield agent


def _names_in(merged: Merged, table: str) -> frozenset[str]:
    """The names that a table of tables has, whether or not what they stand for could be read."""
    found = merged.values.get(table)
    return frozenset(found) if isinstance(found, Mapping) else frozenset()


def _check_gateway(config: Config, merged: Merged, findings: Findings) -> None:
    if "0.0.0.0" in (config.gateway.url or ""):  # noqa: S104 - looked for, not bound
        words = "0.0.0.0 is no address that others can call"
        remedy = "write the name or address under which the gateway is reached"
        findings.warn(merged.origin_of("gateway.url"), "gateway.url", words, remedy)


def _check_later(config: Config, merged: Merged, findings: Findings) -> None:
    """What somebody counts on who writes it."""
    later = {
        "telemetry.enabled": config.telemetry.enabled,
        "local.enabled": not config.local.enabled,
    }
    for key in (key for key, asked in later.items() if asked):
        words = "is not there yet: nothing acts on it"
        findings.warn(merged.origin_of(key), key, words, "leave it out until then")
