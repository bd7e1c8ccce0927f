"""One container from its start until nothing of it is left, the same for every cloud that the sandbox embeds.

Knows images, processes and a private directory; what a task or an execution is called, and what is told of its states,
is each cloud's own.
"""

import shutil
import threading
from pathlib import Path

from .container import Container, Wish, prepare
from .images import Image
from .output import OnLines


class Executor:
    """`stopping` is set as soon as somebody wants the end, which may be before the start."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._container: Container | None = None
        self._patience = 0.0
        self.stopping = threading.Event()

    @property
    def started(self) -> bool:
        return self._container is not None

    def start(
        self, image: Image, wish: Wish, on_lines: OnLines, on_errors: OnLines | None = None
    ) -> Container:
        """The running container.  Raises LaunchError or OSError when its command cannot be started."""
        command = prepare(image, wish, self._directory)
        self._container = Container(command, on_lines, on_errors)
        if self.stopping.is_set():  # while it was being started
            self.terminate(self._patience)
        return self._container

    def stop(self, patience: float) -> None:
        """SIGTERM now and SIGKILL after `patience` seconds; waits for neither."""
        self._patience = patience
        self.stopping.set()
        self.terminate(patience)

    def terminate(self, patience: float) -> None:
        """As `stop`, but nobody asked for it: the container's time is over."""
        if self._container is None:
            return
        self._container.terminate()
        timer = threading.Timer(patience, self._container.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End it at once, or before it begins."""
        self.stopping.set()
        if self._container:
            self._container.kill()

    def remove(self) -> None:
        """Its directory, volumes included."""
        shutil.rmtree(self._directory, ignore_errors=True)
