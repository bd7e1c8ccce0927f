"""Debian's docker-registry on this machine, and our client of it, as long as a block lasts."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes import eventually
from tests.images.served import client_of
from toolkit.core.errors import Unreachable
from toolkit.images.oci import OciRegistry

SETTINGS = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def missing() -> str:
    """Why it cannot be started here; empty when it can."""
    lacking = shutil.which("docker-registry") is None
    return "docker-registry is missing: apt-get install docker-registry" if lacking else ""


@contextmanager
def running_registry(place: Path) -> Iterator[OciRegistry]:
    """Its data is in `place`.  Raises AssertionError when it does not start."""
    port, settings = _free_port(), place / "settings.yml"
    settings.write_text(SETTINGS.format(root=place / "data", port=port))
    command = ["docker-registry", "serve", str(settings)]
    client = client_of(f"http://127.0.0.1:{port}", token=None, patience=0)
    with (
        (place / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or _answers(client), seconds=20)
            assert process.poll() is None, (place / "log").read_text()[-2000:]
            yield client
        finally:
            client.home.close()
            process.terminate()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(client: OciRegistry) -> bool:
    try:
        client.digest("any", "tag")
    except Unreachable:
        return False
    return True
