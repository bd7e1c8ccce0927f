"""Why a server cannot be reached: the layer that fails, found by going through them one after the other.

For whoever has failed to ask it.  Sends nothing to the server but what a connection needs.
"""

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from .addresses import Reach, host_of, reach_of

SECONDS = 5.0  # for each layer
_PORTS = {"http": 80, "https": 443}
_FROM_CONTAINERS = "host.docker.internal"


class Layer(StrEnum):
    """Where it ends, from the outside in."""

    NAME = "dns"
    ROUTE = "route"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    HTTP = "http"
    KEY = "key"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What fails, a sentence with the address in it, and what to do about it."""

    layer: Layer
    message: str
    remedy: str


def why_not(url: str, *, seconds: float = SECONDS) -> Failure | None:
    """None when a connection can be made after all."""
    parts = urlsplit(url)
    host, port = host_of(url), parts.port or _PORTS.get(parts.scheme, 80)
    try:
        with socket.create_connection((host, port), timeout=seconds) as open_socket:
            return _without_tls(url, host, open_socket) if parts.scheme == "https" else None
    except socket.gaierror as error:
        return _of(Layer.NAME, f"{url}: the name {host!r} is not known here ({error.strerror})",
                   "correct the name, or use the address in numbers")  # fmt: skip
    except TimeoutError:
        return _of(Layer.TIMEOUT, f"{url}: nothing answers at {host}:{port} within {seconds:g} s",
                   "see whether that machine is on, and whether a firewall drops what comes from here")  # fmt: skip
    except ConnectionRefusedError:
        return _of(Layer.REFUSED, f"{url}: nothing listens at {host}:{port}", _listen(url, port))
    except OSError as error:
        return _of(Layer.ROUTE, f"{url}: {host} cannot be reached from here ({error.strerror or error})",
                   "see whether both are in one network")  # fmt: skip


def listens_on_loopback_only(port: int) -> Failure:
    """Of a server that answers on its own machine and does not in a container there."""
    return _of(
        Layer.REFUSED,
        f"the server at port {port} of this machine listens on 127.0.0.1 only, where no container reaches it",
        _open(port),
    )


def _without_tls(url: str, host: str, open_socket: socket.socket) -> Failure | None:
    try:
        with ssl.create_default_context().wrap_socket(open_socket, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return _of(Layer.TLS, f"{url}: its certificate is not trusted here ({error.verify_message})",
                   "add its authority to the system's, or name it in SSL_CERT_FILE")  # fmt: skip
    except ssl.SSLError as error:
        return _of(Layer.TLS, f"{url}: it does not speak TLS as asked ({error.reason})",
                   "write http:// if it speaks no TLS")  # fmt: skip


def _listen(url: str, port: int) -> str:
    if host_of(url) == _FROM_CONTAINERS:
        return f"start the server; if it runs, {_open(port)}"
    if reach_of(url) is Reach.LOOPBACK:
        return "start the server, or correct the port"
    return f"start the server there, or correct the port; if it runs, {_open(port)}"


def _open(port: int) -> str:
    """https://docs.ollama.com/faq#how-do-i-configure-ollama-server, and `--host` of llama-server and vLLM."""
    return (
        f"let it listen on more than 127.0.0.1 (OLLAMA_HOST=0.0.0.0:{port}, or --host 0.0.0.0), "
        "behind a firewall, because then everybody in its network can use it"
    )


def _of(layer: Layer, message: str, remedy: str) -> Failure:
    return Failure(layer=layer, message=message, remedy=remedy)
