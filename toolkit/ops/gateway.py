"""Whether the deployed gateway answers."""

import time
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import OpenerDirector, ProxyHandler, build_opener

from toolkit.core.errors import AlError, Unreachable
from toolkit.core.retry import retrying

PATIENCE = 60.0  # seconds: a new address and a first cold start


def wait_healthy(
    url: str, *, seconds: float = PATIENCE, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when GET /health says 200.  Raises Unreachable with what it said instead."""
    retrying(lambda: _healthy(url.rstrip("/") + "/health"), seconds=seconds, first=0.1, sleep=sleep)


def _healthy(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise AlError(
            f"{url!r} is no address of a gateway",
            hint="push again; the gateway's URL is an output of the stack",
        )
    try:
        with _opener(url).open(url, timeout=10) as answer:
            status = answer.status
    except HTTPError as error:
        status = error.code
    except (URLError, OSError) as error:
        raise _unwell(url, str(error)) from error
    if status != HTTPStatus.OK:
        raise _unwell(url, f"it answered {status}")


def _opener(url: str) -> OpenerDirector:
    """As the environment's proxies say, except for this machine: a proxy elsewhere cannot reach its loopback."""
    return build_opener(ProxyHandler({})) if _is_loopback(url) else build_opener()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _unwell(url: str, why: str) -> Unreachable:
    return Unreachable(
        f"the gateway at {url} is not healthy: {why}",
        hint="its log group, or on Google its service's log, says why; `al push` tries again",
    )
