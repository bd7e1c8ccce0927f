"""What is built from Dockerfiles before al's own layer goes upon it: our base, the project's, and each agent's.

Every one is named by what goes into it, so a plan knows what is due before anything is built, and a prompt that changed builds
nothing.  All of them are in the base's repository: agents' images take their layers over and need them no more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from toolkit.core.agent import Agent, Project
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import ConfigError
from toolkit.core.names import BASE
from toolkit.core.ports import LayerFile
from toolkit.images import dockerfile
from toolkit.images.architecture import ARCHITECTURES
from toolkit.images.context import dockerfile_text, own_files
from toolkit.images.homes import home_of
from toolkit.images.order import Builder, Note, Order, order
from toolkit.images.own_base import base_order, gateway_order
from toolkit.wiring import Services

Base = tuple[str, str]  # reference, and what names its content
_CHOICE = 'set builder = "docker", "codebuild" or "cloudbuild" under [images] of the environment'


@dataclass(frozen=True)
class Builds:
    """The orders of one project in one environment.  Only `make` does anything."""

    services: Services
    project: Project

    @property
    def repository(self) -> str:
        return self.services.context.names.repository(BASE)

    @cached_property
    def name(self) -> str | None:
        """The builder's; None in the sandbox, whose images have no system to build upon."""
        environment = self.services.environment
        return None if environment.embedded else environment.images.get("builder")

    @property
    def makes_base(self) -> bool:
        """Whether the builder makes our base, because the environment names none."""
        return self.name is not None and "base" not in self.services.environment.images

    @property
    def makes_gateways(self) -> bool:
        """The same of the gateway's: a base of agents lacks a cloud's libraries, so it is none for the gateway."""
        return self.name is not None and "gateway" not in self.services.environment.images

    def base(self, architecture: str) -> Order:
        """What agents are built upon where the environment names nothing."""
        return base_order(self.repository, architecture=architecture)

    def gateway(self) -> Order:
        google = isinstance(self.services.environment.cloud, GcpCloud)
        return gateway_order(self.repository, "gcp" if google else "aws")

    def waves(self, agents: Sequence[Agent], bases: Mapping[str, Base]) -> list[list[Order]]:
        """Everything that has to be built, each wave upon the one before.  `bases` are by architecture."""
        first, shared, own = list[Order](), list[Order](), list[Order]()
        if self.makes_base:
            first += [self.base(architecture) for architecture in bases]
        if self.makes_gateways:
            first.append(self.gateway())
        for agent in agents:
            *below, last = self.of(agent, bases[ARCHITECTURES[agent.arch]]) or (None,)
            shared += below
            own += [last] if last else []
        return [first, shared, own]

    def of(self, agent: Agent, base: Base) -> tuple[Order, ...]:
        """The project's and the agent's own, each upon the one before; none for an agent without Dockerfiles.

        Raises ConfigError for what cannot be built upon, or by nobody.
        """
        made = list[Order]()
        for name, file, files in self._files(agent):
            reference = self.reference(made[-1])[0] if made else base[0]
            text = dockerfile.rebased(dockerfile_text(file), reference, where=str(file))
            made.append(
                order(name, self.repository, text, files(), upon=base[1], architecture=ARCHITECTURES[agent.arch])
            )  # fmt: skip
        return tuple(made)

    def _files(
        self, agent: Agent
    ) -> Iterator[tuple[str, Path, Callable[[], Mapping[str, LayerFile]]]]:
        """(name, place, what COPY sees) of the Dockerfiles that count.  The name is the same on every machine."""
        own = agent.directory / "Dockerfile"
        if self.name and (shared := self._shared):
            yield "the project", shared, dict
        if own.is_file():
            if self.name is None:
                raise self._nobody(str(own))
            yield str(agent.name), own, lambda: own_files(self.project, agent)

    def unbuilt(self, agent: Agent) -> ConfigError | None:
        """Why a Dockerfile of the agent's would be left out; None where each is built, or `left_out` tells of it."""
        if self.name is not None:
            return None
        if agent.dockerfile:
            return self._nobody(str(agent.directory / "Dockerfile"))
        if self.services.environment.embedded or (shared := self._shared) is None:
            return None
        return self._nobody(str(shared))

    @property
    def left_out(self) -> str | None:
        """What a rehearsal lacks: in the sandbox agents have this machine's programs, and not those of the project's
        Dockerfile.  Refused it is not, for most agents do without them."""
        if not self.services.environment.embedded or (shared := self._shared) is None:
            return None
        return f"{shared}: the sandbox builds no Dockerfile, so agents lack what it adds; `al run -E local` has it"

    @property
    def _shared(self) -> Path | None:
        """The project's own Dockerfile, where it adds something."""
        file = self.project.directory / "Dockerfile"
        if not file.is_file() or dockerfile.is_bare(dockerfile_text(file)):
            return None
        return file

    def _nobody(self, file: str) -> ConfigError:
        if self.services.environment.embedded:
            return ConfigError(
                f"{file}: the sandbox runs an agent's program on this machine, and builds no Dockerfile",
                hint="try it with `al run -E local`, which has Docker, or in an account",
            )
        return ConfigError(f"{file}: nobody is there to build it", hint=_CHOICE)

    def reference(self, one: Order) -> Base:
        """Where it is once it is made: by its tag, which never moves."""
        home = home_of(self.services.environment)
        return f"{home.host}/{home.path(one.repository)}:{one.tag}", one.tag

    def make(self, waves: Sequence[Sequence[Order]], note: Note) -> dict[str, str]:
        """Each wave upon the one before; tag -> digest of all, those included that were there already."""
        registry, found = self.services.registry, dict[str, str]()
        for wave in waves:
            unique = {one.tag: one for one in wave}.values()
            due = [one for one in unique if registry.digest(one.repository, one.tag) is None]
            if due:
                self._builder.make(due, note)
            for one in unique:
                found[one.tag] = self._digest(one)
        return found

    def _digest(self, one: Order) -> str:
        if (digest := self.services.registry.digest(one.repository, one.tag)) is None:
            raise ConfigError(
                f"{one.name} was built, and is not in {one.repository}",
                hint="somebody has deleted it meanwhile: push again",
            )
        return digest

    @property
    def _builder(self) -> Builder:
        if self.name is None:
            raise ConfigError("there is no builder", hint=_CHOICE)
        builder: Builder = self.services.builder(self.name)
        return builder
