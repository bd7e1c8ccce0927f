"""The embedded Google cloud in the sandbox's daemon: started with it, kept and ended with it.

Where the google libraries are not installed there is none, and the rest of the sandbox works as ever.
"""

import os
import pickle
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from toolkit.sandbox.repositories import Repositories
from toolkit.sandbox.settings import loaded
from toolkit.sandbox.state import Google as Address
from toolkit.sandbox.state import Place

if TYPE_CHECKING:
    from .machine import Machine
    from .running import Running

HEAD = "al-sandbox/"  # how the registry's names of this cloud's images begin
_REGISTRY = "google.devtools.artifactregistry.v1.ArtifactRegistry"
_NEEDED = ("grpc", "grpc_status", "google.rpc", "google.cloud.secretmanager_v1")


class Embedded:
    """`running` is None where the libraries are missing."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.running: Running | None = None

    def start(self, machine: "Machine") -> None:
        """With what was kept of the last one, if anything was.  Raises ConfigError when its settings are wrong."""
        if not all(_installed(name) for name in _NEEDED):
            return
        from .running import Running
        from .settings import GcpSettings

        file = self._place.google_settings
        settings = loaded(GcpSettings(), file, os.environ, "AL_SANDBOX_GCP_")
        self.running = Running.on(machine, settings)
        if self._place.google_kept.exists():
            kept = pickle.loads(self._place.google_kept.read_bytes())  # noqa: S301 - the user's own
            self.running.google.put_back(kept)

    def address(self) -> Address | None:
        """Where it is."""
        if self.running is None:
            return None
        google = self.running.google
        return Address(
            grpc=google.grpc,
            http=google.http,
            project=google.project,
            number=google.number,
            region=google.region,
        )

    def repositories(self) -> Repositories | None:
        """Artifact Registry's, for the OCI registry."""
        found: Any = self.running.google.service(_REGISTRY) if self.running else None
        return found  # type: ignore[no-any-return]

    @property
    def busy(self) -> bool:
        return self.running is not None and self.running.google.busy

    def close(self, *, keep: bool) -> None:
        """End it with everything that runs in it; what it holds is written down when it is to be kept."""
        if self.running is None:
            return
        self.running.close()
        if keep:
            _write(self._place, self.running.google.kept())


def _write(place: Place, kept: Mapping[type, Any]) -> None:
    """Whole or not at all, readable for the user alone: it holds secrets' values, as the sandbox did."""
    part = place.google_kept.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        pickle.dump(kept, file, protocol=pickle.HIGHEST_PROTOCOL)
    part.replace(place.google_kept)


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False
