"""Builds an image as one layer upon a base, through the registry's HTTP API: no Docker, no build service (D9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.agent import Agent, Project
from toolkit.core.credential import CredentialType
from toolkit.core.errors import ConfigError
from toolkit.core.names import GATEWAY
from toolkit.core.ports import Context, LayerFile, Registry
from toolkit.images.context import (
    AGENT_CONFIG,
    GATEWAY_CONFIG,
    agent_files,
    content_hash,
    gateway_files,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """One image as it should be, and its digest when the registry has it already."""

    name: str
    repository: str
    tag: str
    base: str
    files: Mapping[str, LayerFile]
    config: Mapping[str, Any]
    digest: str | None = None

    @property
    def needed(self) -> bool:
        return self.digest is None


class Append:
    """`plan` looks and changes nothing; `build` pushes.  `base` is what `base_reference` gave: (reference, digest)."""

    def __init__(self, context: Context) -> None:
        self._names = context.names

    def plan(
        self,
        project: Project,
        agent: Agent,
        *,
        types: Mapping[str, CredentialType],
        registry: Registry,
        base: tuple[str, str],
    ) -> ImagePlan:
        """Raises ConfigError when the agent brings a Dockerfile."""
        if agent.dockerfile or (agent.directory / "Dockerfile").exists():
            raise ConfigError(
                f"{agent.directory / 'Dockerfile'}: building an agent's own Dockerfile is not yet supported",
                hint="remove it; put what every agent needs into the base image ([images] base of the environment)",
            )
        files = agent_files(project, agent, types)
        name = str(agent.name)
        return self._planned(name, name, registry, base, files=files, config=AGENT_CONFIG)

    def plan_gateway(
        self, deployment: Mapping[str, Any], *, registry: Registry, base: tuple[str, str]
    ) -> ImagePlan:
        files = gateway_files(deployment)
        return self._planned("gateway", GATEWAY, registry, base, files=files, config=GATEWAY_CONFIG)

    def build(self, plan: ImagePlan, registry: Registry) -> str:
        """The image's digest; an image that is there already is not pushed again."""
        if plan.digest is not None:
            return plan.digest
        return registry.append(plan.base, plan.repository, plan.tag, plan.files, plan.config)

    def _planned(
        self,
        name: str,
        part: str,
        registry: Registry,
        base: tuple[str, str],
        *,
        files: Mapping[str, LayerFile],
        config: Mapping[str, Any],
    ) -> ImagePlan:
        reference, base_digest = base
        repository, tag = self._names.repository(part), content_hash(base_digest, files, config)
        digest = registry.digest(repository, tag)
        return ImagePlan(
            name=name,
            repository=repository,
            tag=tag,
            base=reference,
            files=files,
            config=config,
            digest=digest,
        )


PLUGIN = Append
