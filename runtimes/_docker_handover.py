"""Starts a container with something on its stdin: nowhere else it can be read, and nothing of it stays (D3).

Docker closes stdin when the one who attached first goes; so a launcher that dies half-way leaves an unended line, which the
container does not take for its secret.
"""

import socket
import subprocess
from contextlib import suppress
from typing import Any

from toolkit.clouds.docker_errors import translated
from toolkit.core.errors import Unreachable
from toolkit.core.secrets import Secret

PATIENCE = 30.0  # seconds for a container to begin and take it


def start_with(client: Any, container: str, secret: Secret | None) -> None:
    """Without one, stdin is empty.  Returns when the container has all of it, or has ended without.  Raises what the daemon refuses, and Unreachable."""
    with translated(f"starting the container {container}"):
        stream = client.attach_socket(container, {"stdin": 1, "stream": 1})
    try:
        with translated(f"starting the container {container}"):
            client.start(container)
        # a container that has ended already says why by its exit code
        with suppress(BrokenPipeError, ConnectionResetError):
            _give(stream, f"{secret.reveal()}\n".encode() if secret else b"")
    finally:
        door = getattr(stream, "_sock", None)
        stream.close()
        if door is not None:
            door.close()  # the library's connection holds it, and would keep it open


def _give(stream: Any, data: bytes) -> None:
    try:
        if process := getattr(stream, "proc", None):
            _through(process, data)
        else:
            _into(getattr(stream, "_sock", stream), data)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise Unreachable(
            f"the container did not take its secret within {PATIENCE:.0f} seconds",
            hint="the daemon's machine is overloaded: look at it with `docker stats`",
        ) from error


def _into(door: socket.socket, data: bytes) -> None:
    door.settimeout(PATIENCE)
    door.sendall(data)
    with suppress(OSError):  # TLS cannot close one half; closing both does as well
        door.shutdown(socket.SHUT_WR)
        while door.recv(4096):  # the daemon closes its half when it has passed everything on
            pass


def _through(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Over ssh: its end says that the daemon has closed its half."""
    assert process.stdin is not None  # noqa: S101 - docker's library opens both
    process.stdin.write(data)
    process.stdin.close()
    process.wait(PATIENCE)
