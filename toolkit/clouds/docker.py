"""A Docker daemon: where it is, whether one answers, and a client of it.

The library is imported when a client is made, and by nothing else here.
"""

import hashlib
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from toolkit.core.errors import ConfigError, Unreachable
from toolkit.core.ports import Context

from .docker_errors import DOWN, translated

PATIENCE = 60  # seconds for one answer
_GLANCE = 0.5  # seconds for a socket of this machine to take a connection
_ELSEWHERE = ("ssh://", "tcp://", "http://", "https://")


def address(given: str | None, environ: Mapping[str, str] | None = None) -> str | None:
    """The daemon that is meant: the one that is `given`, DOCKER_HOST's, or the first of this machine's usual sockets.

    None when there is none.  Whether it answers is another question.
    """
    environ = os.environ if environ is None else environ
    if named := given or environ.get("DOCKER_HOST"):
        return named
    found = (path for path in _sockets(environ) if path.is_socket())
    return next((f"unix://{path}" for path in found), None)


def labels(context: Context, **more: str) -> dict[str, str]:
    """Of everything that is ours, with the project's directory: another checkout on this machine has runs of its own."""
    place = hashlib.sha256(str(context.project.absolute()).encode()).hexdigest()[:16]
    return {**context.names.tags(**more), "al:directory": place}


def reachable(where: str | None) -> bool:
    """Whether to count on it.  What is on another machine was named by the user, and is taken at their word."""
    if where is None or where.startswith(_ELSEWHERE):
        return where is not None
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(_GLANCE)
        return door.connect_ex(where.removeprefix("unix://")) == 0


def client_of(where: str | None) -> Any:
    """A client of the daemon there, with the API's version agreed upon.  Raises Unreachable, ConfigError.

    `ssh://` uses this machine's own ssh, with its keys, agent and known hosts.
    """
    if where is None:
        raise ConfigError(
            "no Docker was found on this machine",
            hint='start it, name one in DOCKER_HOST, or set `[local] runtime = "process"` in config.toml',
        )
    if not reachable(where):
        raise Unreachable(f"Docker does not answer at {where}", hint=DOWN)
    try:
        import docker  # type: ignore[import-untyped]  # it comes without types
    except ImportError:
        raise ConfigError(
            "the library that speaks to Docker is not installed",
            hint="install it with `pip install 'al-toolkit[docker]'`",
        ) from None
    tls = docker.tls.TLSConfig(**_certificates()) if os.environ.get("DOCKER_TLS_VERIFY") else False
    with translated(f"connecting to Docker at {where}"):
        return docker.APIClient(
            base_url=where, version="auto", timeout=PATIENCE, tls=tls, use_ssh_client=True
        )


def _certificates() -> dict[str, Any]:
    """Where the command line of Docker keeps them (https://docs.docker.com/engine/security/protect-access/)."""
    place = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    pair = (str(place / "cert.pem"), str(place / "key.pem"))
    return {"client_cert": pair, "ca_cert": str(place / "ca.pem"), "verify": True}


def _sockets(environ: Mapping[str, str]) -> Iterable[Path]:
    """As a service, rootless (https://docs.docker.com/engine/security/rootless/), and Docker Desktop's."""
    yield Path("/var/run/docker.sock")
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "docker.sock")
    if home := environ.get("HOME"):
        yield Path(home, ".docker/run/docker.sock")
