"""How often one client address may do what is worth limiting: failed keys, log-ins, and webhooks where a source asks for it.

Counted in this process: where several answer for one environment, as on Lambda, each counts for itself.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil

from starlette.datastructures import Headers
from starlette.types import Scope

MINUTE = 60.0
MOST_ADDRESSES = 10_000  # the one that was heard of least lately is forgotten first
# https://www.rfc-editor.org/rfc/rfc6177#section-2: a site has a /64 or more, so one address of it means nothing
SITE_BITS = 64
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most so many within so many seconds."""

    most: int
    seconds: float = MINUTE


class Limiter:
    """A sliding window for each address."""

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Whole seconds until it may go on; 0 when it may now.  Counts nothing."""
        with self._lock:
            return self._left(address)

    def note(self, address: str) -> None:
        """Count one."""
        with self._lock:
            self._count(address)

    def take(self, address: str) -> int:
        """Count one if it may go on, and say 0; else how many seconds it must wait.  Of many at once no more than `most`
        go on."""
        with self._lock:
            if wait := self._left(address):
                return wait
            self._count(address)
            return 0

    def _left(self, address: str) -> int:
        times = self._recent(address)
        if len(times) < self._rate.most:
            return 0
        return max(1, ceil(times[0] + self._rate.seconds - self._clock()))

    def _count(self, address: str) -> None:
        times = self._recent(address)
        times.append(self._clock())
        while len(times) > self._rate.most:
            times.popleft()
        self._times[address] = times
        self._times.move_to_end(address)
        if len(self._times) > MOST_ADDRESSES:
            self._times.popitem(last=False)

    def _recent(self, address: str) -> deque[float]:
        times = self._times.get(address) or deque[float]()
        while times and self._clock() - times[0] >= self._rate.seconds:
            times.popleft()
        return times


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and CIDR blocks.  Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def address_of(scope: Scope, trusted: Sequence[Network] = ()) -> str:
    """Who asks.  A proxy's word for it (X-Forwarded-For) counts only from a trusted one: read from the right, the first
    address that is no proxy of ours; what stands before it the client may have written itself."""
    peer = (scope.get("client") or ("unknown", 0))[0]
    told = Headers(scope=scope).getlist("x-forwarded-for")
    hops = [hop.strip() for line in told for hop in line.split(",")]
    while hops and _among(peer, trusted):
        if not _is_address(hops[-1]):
            break
        peer = hops.pop()
    return _site(peer)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _among(text: str, trusted: Sequence[Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in trusted)


def _site(text: str) -> str:
    if not _is_address(text) or not isinstance(address := ip_address(text), IPv6Address):
        return text
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), SITE_BITS), strict=False).network_address)
