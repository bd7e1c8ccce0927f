"""Runs a program of an agent's image once, in the network and with the limits of its runs, and reads what it prints.

For questions that are only true from there.  The container is no run, and goes at once.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from toolkit.clouds.docker_errors import translated
from toolkit.core.errors import AlError
from toolkit.core.secrets import Secret

from ._docker_handover import start_with
from ._docker_live import Daemon

SECONDS = 240.0  # for the whole of it: a server at home may have to load a model


def ask(
    daemon: Daemon, name: str, body: Mapping[str, Any], command: Sequence[str], text: Secret
) -> str:
    """What it printed on stdout.  Raises what the daemon refuses, and AlError for a program that fails."""
    daemon.create(name, {**body, "Entrypoint": list(command), "Cmd": []})
    try:
        start_with(daemon.client, name, text)
        code = _ended(daemon, name)
        with translated(f"reading the log of {name}"):
            said: bytes = daemon.client.logs(name, stdout=True, stderr=code != 0)
    finally:
        with suppress(AlError):  # it is over, or the daemon is gone; what was found out counts
            daemon.remove(name)
    if code != 0:
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise AlError(
            f"`{' '.join(command)}` in {body['Image']} ended with exit code {code}: {last[:300]}",
            hint="the image may be of an older version: run the agent once, which builds it anew",
        )
    return said.decode("utf-8", "replace")


def _ended(daemon: Daemon, name: str) -> int:
    with translated(f"waiting for the container {name}"):
        return int(daemon.client.wait(name, timeout=SECONDS)["StatusCode"])
