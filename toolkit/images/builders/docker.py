"""Builds images in a Docker daemon: for a cloud's registry, or for agents on this machine.

The latter stay in the daemon: no registry is asked but for a base that is not there.
An agent without a Dockerfile is the base and one layer, as in every cloud; one with a Dockerfile is built by it first.
"""

import hashlib
import io
import tarfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from toolkit.clouds.docker import address, client_of, labels
from toolkit.clouds.docker_errors import translated
from toolkit.core.agent import Agent, Project
from toolkit.core.credential import CredentialType
from toolkit.core.errors import AlError, LaunchError, NotFound
from toolkit.core.ports import Context, LayerFile
from toolkit.images import dockerfile, local_base
from toolkit.images.architecture import ARCHITECTURES
from toolkit.images.context import (
    AGENT_CONFIG,
    agent_files,
    base_files,
    content_hash,
    dockerfile_text,
    own_files,
)
from toolkit.images.docker_push import push
from toolkit.images.layer import layer
from toolkit.images.order import Note, Order

_SPOKEN = 20  # lines of a failed build that are worth reading
_MOST = 200  # characters of one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One image as it should be.  `reference` is a tag that names its content; `context` is what COPY sees."""

    reference: str
    dockerfile: str
    files: Mapping[str, LayerFile] = field(default_factory=dict)  # of our own layer
    context: Mapping[str, LayerFile] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: str = "linux/amd64"


class Docker:
    """`image` is all that a caller needs; making one costs nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._note: Note = lambda _: None

    @cached_property
    def _client(self) -> Any:
        made = client_of(address(self._context.environment.docker_host))
        weakref.finalize(self, made.close)
        return made

    def image(
        self,
        project: Project,
        agent: Agent,
        *,
        types: Mapping[str, CredentialType],
        note: Note,
    ) -> str:
        """The agent's image, built where it is not there yet; a reference that the daemon knows.

        Raises ConfigError for the user's files, LaunchError with the build's last lines when it fails.
        """
        self._note = note
        base, identity = self._project_base(project, agent)
        build = self._planned(project, agent, base, identity, types)
        return self._made(build)

    def make(self, orders: Sequence[Order], note: Note) -> None:
        """images.order.Builder: for an environment in a cloud, whose registry they are pushed to."""
        for one in orders:
            push(self._client, self._context, one, note)

    def base(self, platform: str) -> tuple[str, str]:
        """(reference, id) of what agents are built upon: `[images] base`, else our own.  Raises LaunchError."""
        if named := self._context.environment.images.get("base"):
            return named, self._found(named) or self._pulled(named, platform)
        own = f"{local_base.REPOSITORY}:{local_base.tag()}"
        if self._found(own) is None:
            self._note("building the image that agents stand upon, once for this version")
        build = Build(reference=own, dockerfile=local_base.dockerfile(), platform=platform)
        return self._made(build), self._found(own) or own

    def _project_base(self, project: Project, agent: Agent) -> tuple[str, str]:
        """The base, with what the project's own Dockerfile adds for all of its agents."""
        platform = f"linux/{ARCHITECTURES[agent.arch]}"
        base, identity = self.base(platform)
        file = project.directory / "Dockerfile"
        text = dockerfile_text(file)
        if dockerfile.is_bare(text):
            return base, identity
        text = dockerfile.rebased(text, base, where=str(file))
        tag = hashlib.sha256(f"{identity}\0{platform}\0{text}".encode()).hexdigest()[:20]
        reference = f"{self._context.names.repository('-base')}:{tag}"
        own = labels(self._context)
        made = Build(reference=reference, dockerfile=text, labels=own, platform=platform)
        return self._made(made), self._found(reference) or reference

    def _planned(
        self,
        project: Project,
        agent: Agent,
        base: str,
        identity: str,
        types: Mapping[str, CredentialType],
    ) -> Build:
        files = {**agent_files(project, agent, types), **base_files()}
        file = agent.directory / "Dockerfile"
        own = dockerfile_text(file)
        text = dockerfile.rebased(own, base, where=str(file)) if own else f"FROM {base}\n"
        text = dockerfile.finished(text, AGENT_CONFIG)
        context = own_files(project, agent) if own else {}
        named = {f"/context/{name}": data for name, data in context.items()}
        tag = content_hash(f"{identity} {text}", {**files, **named}, AGENT_CONFIG)
        return Build(
            reference=f"{self._context.names.repository(agent.name)}:{tag}",
            dockerfile=text,
            files=files,
            context=context,
            labels=labels(self._context, agent=agent.name),
            platform=f"linux/{ARCHITECTURES[agent.arch]}",
        )

    # the daemon

    def _found(self, reference: str) -> str | None:
        """The image's id."""
        try:
            with translated(f"looking at the image {reference}"):
                return str(self._client.inspect_image(reference)["Id"])
        except NotFound:
            return None

    def _pulled(self, reference: str, platform: str) -> str:
        self._note(f"pulling {reference}")
        repository, _, tag = reference.partition("@") if "@" in reference else _split(reference)
        try:
            with translated(f"pulling {reference}"):
                self._client.pull(repository, tag=tag or None, platform=platform)
        except AlError as error:
            raise LaunchError(
                error.message,
                hint="check [images] base, and `docker login` for a registry that asks for one",
                cause="image_pull",
            ) from error
        return self._found(reference) or reference

    def _made(self, build: Build) -> str:
        if self._found(build.reference) is None:
            self._note(f"building {build.reference}")
            self._build(build)
        return build.reference

    def _build(self, build: Build) -> None:
        said: list[str] = []
        with translated(f"building {build.reference}"):
            answer = self._client.build(
                fileobj=_packed(build),
                custom_context=True,
                tag=build.reference,
                labels=dict(build.labels),
                platform=build.platform,
                rm=True,
                forcerm=True,
                decode=True,
            )
            for step in answer:
                said += (str(step.get("stream") or "")).splitlines()
                if "error" in step:
                    raise _failed(build.reference, [*said, str(step["error"])])


def _split(reference: str) -> tuple[str, str, str]:
    """A repository and its tag; a port is no tag."""
    head, colon, tag = reference.rpartition(":")
    return (head, colon, tag) if colon and "/" not in tag else (reference, ":", "latest")


def _failed(reference: str, said: list[str]) -> LaunchError:
    last = "\n".join(line[:_MOST] for line in said[-_SPOKEN:] if line.strip())
    return LaunchError(
        f"the image {reference} could not be built:\n{last}",
        hint="correct the Dockerfile; without a registry in reach, name an image that is there as [images] base",
        cause="image_pull",
    )


def _packed(build: Build) -> io.BytesIO:
    """The build's context as a tar: the Dockerfile, our layer, and the agent's files."""
    members = {"Dockerfile": LayerFile(build.dockerfile.encode()), **_layer(build.files)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, file in {**build.context, **members}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(file.data), file.mode
            archive.addfile(info, io.BytesIO(file.data))
    packed.seek(0)
    return packed


def _layer(files: Mapping[str, LayerFile]) -> dict[str, LayerFile]:
    return {dockerfile.LAYER: LayerFile(layer(files).data)} if files else {}


PLUGIN = Docker
