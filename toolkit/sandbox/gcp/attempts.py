"""One attempt of a task: a container from its image to its end, and what is told of it.

https://cloud.google.com/run/docs/container-contract: SIGTERM, and SIGKILL ten seconds later, when it is cancelled or its
time is over; killed when it needs more memory than it has, to which the files that it writes count.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from google.cloud import run_v2

from toolkit.core.errors import AlError, NotFound
from toolkit.sandbox.container import Container
from toolkit.sandbox.executor import Executor
from toolkit.sandbox.images import Image

from .log_lines import STDERR, STDOUT, Source
from .logs import Logging
from .refusals import Refused, precondition
from .run_access import fitting, missing
from .run_conditions import EXITED, OUT_OF_MEMORY, TIMED_OUT
from .run_containers import wish
from .run_quantities import mebibytes

if TYPE_CHECKING:
    from .cloud import Google


BETWEEN_MEASURES = timedelta(seconds=1)  # of a container's files, which may be many


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an attempt ended: by an exit code, by a signal, or by neither when it never began.  No message is success."""

    exit_code: int = 0
    term_signal: int = 0
    message: str = ""
    missing_image: bool = False


class Attempt:
    """Made when its turn has come; `run` returns with its end.  `variables` are Cloud Run's own."""

    def __init__(
        self, google: "Google", task: run_v2.Task, source: Source, variables: Mapping[str, str]
    ) -> None:
        self._google, self._task, self._source = google, task, source
        self._variables = variables
        self._directory = google.machine.work / f"{task.name.rpartition('/')[2]}-{task.retried}"
        self._executor = Executor(self._directory)
        self._container: Container | None = None
        self._deadline = google.now() + task.timeout
        self._written, self._measure_at = 0, google.now()
        self._why = ""  # the platform's own reason to end it, when it has one

    def run(self) -> Result:
        """Waits for the end."""
        if self._executor.stopping.is_set():
            return Result(message="The execution was cancelled before the container started.")
        ticket = self._google.tickets.issue(self._task.service_account)
        try:
            self._container = self._started(ticket)
            return self._result(self._container)
        except NotFound:
            return Result(message=missing(self._image).message, missing_image=True)
        except (OSError, AlError, Refused) as error:
            return Result(message=f"The container failed to start: {error}")
        finally:
            self._google.tickets.end(ticket)
            self._executor.remove()

    def stop(self) -> None:
        """Somebody cancels it.  Returns at once."""
        self._executor.stop(self._google.settings.stop_seconds)

    def kill(self) -> None:
        """The sandbox is closing."""
        self._executor.kill()

    def look(self) -> None:
        """End it when its time is over, or it has more in memory than it may."""
        container = self._container
        if container is None or self._why or not container.running:
            return
        if self._google.now() >= self._deadline:
            self._why = TIMED_OUT
            self._executor.terminate(self._google.settings.stop_seconds)
        elif (used := self._memory(container)) > self._limit:
            self._why = OUT_OF_MEMORY
            self._say(
                f"Memory limit of {self._limit} MiB exceeded with {used} MiB used. Consider increasing the memory limit, "
                "see https://cloud.google.com/run/docs/configuring/memory-limits",
                "ERROR",
            )
            container.kill()

    # inside

    @property
    def _image(self) -> str:
        return str(self._task.containers[0].image)

    @property
    def _limit(self) -> int:
        return mebibytes(self._task.containers[0].resources.limits["memory"]) or 0

    def _started(self, ticket: str) -> Container:
        image = self._pulled()
        logs = self._google.served(Logging)
        container = self._executor.start(
            image,
            wish(
                self._google, self._task, {**self._google.surroundings(ticket), **self._variables}
            ),
            lambda lines: logs.ingest(self._source, STDOUT, lines),
            lambda lines: logs.ingest(self._source, STDERR, lines),
        )
        self._deadline = self._google.now() + self._task.timeout
        return container

    def _pulled(self) -> Image:
        failure = self._google.settings.start_failure
        if failure == "image":
            raise NotFound(f"{self._image} is not there", hint="push it again")
        if failure == "internal":
            raise precondition("Internal error occurred while performing container health check.")
        image = self._google.machine.images.extracted(self._image)
        if not fitting(self._google, self._image):
            raise precondition("failed to load the container's command: exec format error")
        return image

    def _result(self, container: Container) -> Result:
        code = container.wait() or 0
        number = container.signal or 0
        told = f"terminated on signal {number}" if number else f"called exit({code})"
        self._say(f"Container {told}.", "ERROR" if code else "INFO")
        failed = self._why or (EXITED if code else "")
        if number:
            return Result(term_signal=number, message=failed)
        return Result(exit_code=code, message=failed)

    def _memory(self, container: Container) -> int:
        """MiB of all processes, and of what they have written: there is no disk."""
        if self._google.now() >= self._measure_at:
            self._written = _size(self._directory)
            self._measure_at = self._google.now() + BETWEEN_MEASURES
        return (container.resident_memory() + self._written) // 1024**2

    def _say(self, text: str, severity: str) -> None:
        entry = self._source.system(text, severity, self._google.now())
        self._google.served(Logging).keep([entry])


def _size(directory: Path) -> int:
    """Bytes of all files; what vanishes meanwhile has none."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_size
    return total
