"""One Google project, embedded: its state, its clock, its manners, and the parts that every service shares.

Must stay light: it is made with the daemon, whether or not anybody asks for it, so no google library is imported here.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, TypeVar

from toolkit.sandbox.recording import Recording

from .access import Access
from .faults import Faults
from .machine import Machine
from .operations import Operations
from .quotas import Quotas
from .resources import ProjectNames
from .rpc import Service
from .services import TABLE
from .settings import GcpSettings
from .tickets import Tickets

T = TypeVar("T")
S = TypeVar("S", bound=Service)

PROJECT, NUMBER, REGION = "al-sandbox", "123456789012", "europe-west1"


class Google:
    """`settings` may be replaced at any time.  `grpc` and `http` are host:port, once there are servers."""

    def __init__(self, machine: Machine, settings: GcpSettings | None = None) -> None:
        self.project, self.number, self.region = PROJECT, NUMBER, REGION
        self.machine = machine
        self.settings = settings or GcpSettings()
        self.grpc = self.http = ""
        self.lock = threading.RLock()
        self.names = ProjectNames(project=PROJECT, number=NUMBER)
        self.tickets = Tickets(self.now)
        self.faults = Faults()
        self.recording = Recording()
        self.counts: Counter[str] = Counter()
        self.access = Access(self)
        self.operations = Operations(self)
        self._state: dict[type, Any] = {}
        self._services: dict[str, Service] = {}
        self._by_itself = 0

    def touch(self) -> None:
        """Somebody asked for something; unless it may have been a timer's doing, which keeps no sandbox alive that nobody
        uses."""
        if not self._by_itself:
            self.machine.touch()

    def began_by_itself(self) -> None:
        """A timer calls."""
        with self.lock:
            self._by_itself += 1

    def ended_by_itself(self) -> None:
        """It has its answer."""
        with self.lock:
            self._by_itself -= 1

    def of(self, kind: type[T]) -> T:
        """The one object of that class: what a service keeps."""
        with self.lock:
            if kind not in self._state:
                self._state[kind] = kind()
            found: T = self._state[kind]
            return found

    def service(self, name: str) -> Service | None:
        """The service of that gRPC name, imported and made when first asked for; None when there is none."""
        with self.lock:
            if name not in self._services and name in TABLE:
                module, _, attribute = TABLE[name].partition(":")
                made = getattr(import_module(f".{module}", __package__), attribute)
                self._services[name] = made(self)
            return self._services.get(name)

    def served(self, kind: type[S]) -> S:
        """The service of that class, for another service, or for REST."""
        for name, place in TABLE.items():
            if place.endswith(f":{kind.__name__}") and isinstance(
                found := self.service(name), kind
            ):
                return found
        raise LookupError(f"{kind.__name__} is not in services.TABLE")

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.settings.clock_ahead)

    def canonical(self, name: str) -> str:
        """The name with the project's number.  Raises Refused for what is not in this project."""
        return self.names.canonical(name)

    def by_id(self, name: str) -> str:
        """The name with the project's id.  Raises Refused for what is not in this project."""
        return self.names.by_id(name)

    def spend(self, metric: str, service: str, limit: int) -> None:
        """One call of a quota per minute.  Raises Refused when it is used up."""
        with self.lock:
            self.of(Quotas).take(metric, service, limit, self.now())

    def surroundings(self, ticket: str) -> Mapping[str, str]:
        """The environment by which a container finds this cloud, and is known by its ticket."""
        return {
            "AL_GCP_ENDPOINT": self.grpc,
            "AL_GCP_HTTP": f"http://{self.http}",
            "AL_GCP_PROJECT": self.project,
            "GOOGLE_CLOUD_PROJECT": self.project,
            "GCE_METADATA_HOST": f"{self.http}/al/{ticket}",
            "GCE_METADATA_IP": f"{self.http}/al/{ticket}",
        }

    @property
    def busy(self) -> bool:
        """Whether something runs that keeps the sandbox alive."""
        with self.lock:
            return any(service.busy for service in self._services.values())

    def reset(self) -> None:
        """As new: what runs is ended, and everything is forgotten but the settings."""
        self.close()
        with self.lock:
            self._state.clear()
            self.counts.clear()
            self.recording.clear()
            self.faults.clear()

    def close(self) -> None:
        """End what runs."""
        with self.lock:
            services, self._services = tuple(self._services.values()), {}
        self.operations.close()
        for service in services:
            service.close()

    def kept(self) -> Mapping[type, Any]:
        """Everything that is to be there again, for pickle; under the lock."""
        return self._state

    def put_back(self, kept: Mapping[type, Any]) -> None:
        with self.lock:
            self._state.update(kept)
