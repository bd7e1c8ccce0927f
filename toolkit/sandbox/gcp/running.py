"""The embedded Google cloud with its servers: in the sandbox's daemon, or alone in a test's process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.sandbox.image_store import Storage
from toolkit.sandbox.images import Images
from toolkit.sandbox.registry import Registry
from toolkit.sandbox.serving import Served

from .cloud import Google
from .machine import Machine
from .server import Server
from .settings import GcpSettings
from .web import application

_REGISTRY = "google.devtools.artifactregistry.v1.ArtifactRegistry"


@dataclass(frozen=True, slots=True)
class Running:
    """Served from its making until `close()`."""

    google: Google
    servers: tuple[Server | Served, ...]

    @classmethod
    def on(cls, machine: Machine, settings: GcpSettings | None = None) -> "Running":
        """A cloud on this machine, on free ports of loopback."""
        google = Google(machine, settings)
        http = Served(application(google))
        google.http = http.address
        return cls(google, (Server(google), http))

    @classmethod
    def alone(cls, place: Path) -> "Running":
        """With a registry of its own; everything is below `place`."""
        storage = Storage(place / "registry")
        made: list[
            Google
        ] = []  # the cloud is told the registry's address, and the registry asks the cloud
        registry = Served(_registry(storage, lambda: made[0].service(_REGISTRY)))
        machine = Machine(
            storage=storage,
            images=Images(storage, place / "images"),
            work=place / "work",
            registry=registry.address,
        )
        running = cls.on(machine)
        made.append(running.google)
        return cls(running.google, (*running.servers, registry))

    def close(self) -> None:
        """Everything that runs in it ends first."""
        self.google.close()
        for server in self.servers:
            server.close()


def _registry(storage: Storage, repositories: Callable[[], Any]) -> Registry:
    return Registry(
        storage=storage,
        repository_exists=lambda name: bool(repositories().exists(name)),
        immutable=lambda name: bool(repositories().immutable(name)),
        on_manifest=lambda *manifest: repositories().pushed(*manifest),
        on_delete=lambda *image: repositories().gone(*image),
    )
