"""Who may talk to the sandbox: programs on this machine, never a web page that the user happens to have open.

A page can make a browser send requests to loopback, and with DNS rebinding under a name of its own; so a request
with a browser's headers, or for a host that is not loopback, is refused.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from .calls import Answer


def host_is_loopback(environ: Mapping[str, Any]) -> bool:
    """Whether the Host header is an address or name of this machine."""
    host = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST", "")
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def from_browser(environ: Mapping[str, Any]) -> bool:
    return "HTTP_ORIGIN" in environ or any(name.startswith("HTTP_SEC_FETCH_") for name in environ)


def refusal(environ: Mapping[str, Any]) -> Answer | None:
    """403 for a browser or a foreign host; None for everybody else."""
    if from_browser(environ) or not host_is_loopback(environ):
        return Answer(
            status=403,
            headers=(("Content-Type", "text/plain"),),
            body=b"the sandbox answers programs on this machine, not browsers\n",
        )
    return None
