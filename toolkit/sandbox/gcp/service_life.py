"""What serves: an instance of a revision, which is a process that listens on the port it is told, and what changes it.

https://cloud.google.com/run/docs/container-contract#port: one that does not listen in time never serves.
"""

import socket
import threading
import time
from typing import TYPE_CHECKING

from google.cloud import run_v2

from toolkit.core.errors import AlError, NotFound
from toolkit.sandbox.container import Container
from toolkit.sandbox.executor import Executor

from .log_lines import STDERR, STDOUT, Source
from .logs import Logging
from .refusals import Refused
from .run_access import missing
from .run_containers import wish

if TYPE_CHECKING:
    from .cloud import Google

LONGEST_START = 240.0  # seconds (https://cloud.google.com/run/quotas)


class CannotServe(Exception):
    """The revision is not ready; the text is what Cloud Run says of it."""


class Instance:
    """One process of a revision."""

    def __init__(
        self, google: "Google", service: str, revision: str, template: run_v2.RevisionTemplate
    ) -> None:
        self._google, self._service, self._revision = google, service, revision
        self._template = template
        self._executor = Executor(google.machine.work / revision)
        self._ticket = google.tickets.issue(template.service_account)
        self._container: Container | None = None
        self.port = _free_port()

    @property
    def alive(self) -> bool:
        return self._container is not None and self._container.running

    def start(self) -> None:
        """Returns when it listens.  Raises CannotServe."""
        try:
            self._container = self._started()
        except NotFound as error:
            raise CannotServe(missing(self._template.containers[0].image).message) from error
        except (OSError, AlError, Refused) as error:
            raise CannotServe(f"The container failed to start: {error}") from error
        threading.Thread(target=self._wait, args=(self._container,), daemon=True).start()
        deadline = time.monotonic() + LONGEST_START
        while not _listens(self.port):
            if not self.alive or time.monotonic() > deadline:
                raise CannotServe(
                    "The user-provided container failed to start and listen on the port defined by the "
                    f"PORT={self.port} environment variable within the allocated timeout."
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL later; returns at once."""
        self._google.tickets.end(self._ticket)
        self._executor.stop(self._google.settings.stop_seconds)

    def end(self) -> None:
        """The sandbox is closing: nothing of it is left when this returns."""
        self._google.tickets.end(self._ticket)
        self._executor.kill()
        if self._container:
            self._container.wait(10)
        self._executor.remove()

    def _started(self) -> Container:
        template, logs = self._template, self._google.served(Logging)
        image = self._google.machine.images.extracted(template.containers[0].image)
        source = self._source()
        return self._executor.start(
            image,
            wish(
                self._google, template, {**self._google.surroundings(self._ticket), **self._own()}
            ),
            lambda lines: logs.ingest(source, STDOUT, lines),
            lambda lines: logs.ingest(source, STDERR, lines),
        )

    def _wait(self, container: Container) -> None:
        container.wait()
        self._executor.remove()

    def _own(self) -> dict[str, str]:
        """https://cloud.google.com/run/docs/container-contract#services-env-vars."""
        return {
            "PORT": str(self.port),
            "K_SERVICE": self._service.rpartition("/")[2],
            "K_CONFIGURATION": self._service.rpartition("/")[2],
            "K_REVISION": self._revision,
        }

    def _source(self) -> Source:
        parts = self._service.split("/")
        return Source(
            project=parts[1],
            kind="cloud_run_revision",
            resource={
                "project_id": parts[1],
                "location": parts[3],
                "service_name": parts[5],
                "configuration_name": parts[5],
                "revision_name": self._revision,
            },
            labels=dict(self._template.labels),
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
