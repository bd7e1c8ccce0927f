"""Builds an image as one layer upon a base, through the registry's HTTP API: no Docker, no build service (D9)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolkit.core.agent import Agent, Project
from toolkit.core.credential import CredentialType
from toolkit.core.names import GATEWAY
from toolkit.core.ports import Context, LayerFile, Registry
from toolkit.images.architecture import AMD64, ARCHITECTURES
from toolkit.images.context import (
    AGENT_CONFIG,
    agent_files,
    content_hash,
    gateway_config,
    gateway_files,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """One image as it should be; `digest` is filled in by who knows that it is there already."""

    name: str
    repository: str
    tag: str
    base: str
    files: Mapping[str, LayerFile]
    config: Mapping[str, Any]
    architecture: str = AMD64
    digest: str | None = None

    @property
    def needed(self) -> bool:
        return self.digest is None


class Append:
    """`plan` is pure; `build` pushes.  `base` is what `base_reference` gave: (reference, digest)."""

    def __init__(self, context: Context) -> None:
        self._names = context.names
        self._gateway_config = gateway_config(context.environment.cloud)

    def plan(
        self,
        project: Project,
        agent: Agent,
        *,
        types: Mapping[str, CredentialType],
        base: tuple[str, str],
    ) -> ImagePlan:
        """`base` has what the agent's own Dockerfile adds, where it has one (ops/builds.py)."""
        name = str(agent.name)
        files, architecture = agent_files(project, agent, types), ARCHITECTURES[agent.arch]
        planned = self._planned(name, name, files, AGENT_CONFIG, base)
        return replace(planned, architecture=architecture)

    def plan_gateway(self, deployment: Mapping[str, Any], *, base: tuple[str, str]) -> ImagePlan:
        files = gateway_files(deployment)
        return self._planned("gateway", GATEWAY, files, self._gateway_config, base)

    def build(self, plan: ImagePlan, registry: Registry) -> str:
        """The image's digest; an image that is there already is not pushed again."""
        if plan.digest is not None:
            return plan.digest
        return registry.append(
            plan.base,
            plan.repository,
            plan.tag,
            plan.files,
            plan.config,
            architecture=plan.architecture,
        )

    def _planned(
        self,
        name: str,
        part: str,
        files: Mapping[str, LayerFile],
        config: Mapping[str, Any],
        base: tuple[str, str],
    ) -> ImagePlan:
        reference, base_digest = base
        return ImagePlan(
            name=name,
            repository=self._names.repository(part),
            tag=content_hash(base_digest, files, config),
            base=reference,
            files=files,
            config=config,
        )


PLUGIN = Append
