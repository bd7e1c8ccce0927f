"""What an address of a model's server says by itself: how it is written in one way, and from where it can be reached.

Pure: resolves no name and asks nobody.
"""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_THIS_MACHINE = "127.0.0.1"
# names that networks at home and in offices give, and no public resolver knows:
# https://www.rfc-editor.org/rfc/rfc6762 (.local), https://www.rfc-editor.org/rfc/rfc8375 (home.arpa)
_NEAR = (".local", ".lan", ".home", ".home.arpa", ".internal", ".intranet")
_HOST_OF_CONTAINERS = ("host.docker.internal", "gateway.docker.internal")


class Reach(StrEnum):
    """Who can reach an address."""

    LOOPBACK = "loopback"  # this machine alone
    PRIVATE = "private"  # who is in the same network
    PUBLIC = "public"


def reach_of(url: str) -> Reach:
    """A name that says nothing of itself counts as public: only a resolver would know."""
    host = host_of(url)
    if _is_this_machine(host):
        return Reach.LOOPBACK
    if (address := _address(host)) is not None:
        return Reach.PUBLIC if address.is_global else Reach.PRIVATE
    return Reach.PRIVATE if "." not in host or host.endswith(_NEAR) else Reach.PUBLIC


def normalised(url: str) -> str:
    """The same text for all ways to write one server: case, default ports, names of this machine, and what stands at the
    end (`/`, `/v1`).  A path before that stays, because a proxy may have several servers behind it."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    scheme = parts.scheme.lower()
    host = _THIS_MACHINE if _is_this_machine(host_of(url)) else host_of(url)
    port = parts.port or _PORTS.get(scheme, 0)
    shown = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{scheme}://{shown}:{port}{path}"


def host_of(url: str) -> str:
    """In lower case, without the dot that a name may end with, and without the zone of an address."""
    found = urlsplit(url if "://" in url else f"http://{url}").hostname or ""
    return found.rstrip(".").partition("%")[0]


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return host == "localhost" or host.endswith(".localhost") or host in _HOST_OF_CONTAINERS


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
