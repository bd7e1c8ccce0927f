"""One deployer at a time: a fact that is taken by comparison, renewed while it is held, and free when its holder dies.

Nobody has to unlock anything after a killed CI job: a lease that is not renewed ends by itself, and at once where its
holder was a process of this machine.  Who held it too long ago, as a laptop that slept, writes nothing more: every
fact that is written through `Lease.services` is written on the condition that the lease is still the same.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from toolkit.core.clock import from_iso, iso, now
from toolkit.core.errors import AlError, Conflict
from toolkit.core.ports import Ledger

from .holder import Holder, holder, is_dead

__all__ = ["FACT", "USUAL", "Busy", "Lease", "Terms", "held", "holder", "wait_until_free"]

FACT = "lease"
LOOK = 1.0  # seconds between two looks at somebody else's lease
# Clocks of two machines that AWS talks to differ by no more: it refuses a request that is five minutes off
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html)
SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a lease lasts that is not renewed, and how often it is; seconds.  It outlives four failed renewals."""

    lasts: float = 90.0
    renewed: float = 20.0


USUAL = Terms()


class Busy(Conflict):
    """Somebody else is changing the environment, or has changed it meanwhile: wait, then decide again."""


class Lease:
    """The right to change an environment.  Safe to share between threads."""

    def __init__(
        self,
        ledger: Ledger,
        who: Holder,
        *,
        terms: Terms,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger, self._clock, self._sleep, self._terms = ledger, clock, sleep, terms
        self._mine = {**who.to_fact(), "id": secrets.token_hex(8)}
        self._value = self._next()
        self._lost = False
        self._lock = threading.Lock()  # a renewal changes the value that a write compares

    def take(self) -> None:
        """Raises Busy naming the present holder."""
        while True:
            present = self._ledger.fact(FACT)
            if present and not is_dead(present) and not self._has_run_out(present):
                continue
            self._value = self._next()
            if self._ledger.set_fact(FACT, self._value, expected=present):
                return

    def _has_run_out(self, lease: Mapping[str, Any]) -> bool:
        """False when it was given back meanwhile.  Raises Busy while it is held.

        One that has just run out by our clock may be renewed by a holder whose clock is behind, so it is watched for
        longer than a renewal takes: a live holder changes it.
        """
        late = self._clock() - from_iso(lease["expires"])
        if late < timedelta():
            raise busy(lease)
        if late < SKEW:
            self._sleep(self._terms.renewed * 1.25)
        present = self._ledger.fact(FACT)
        if present and present != lease:
            raise busy(present)
        return present is not None

    def check(self) -> None:
        """Raises Conflict when it is somebody else's by now; costs a call only when it has run out."""
        with self._lock:
            if not self._lost and self._clock() >= from_iso(self._value["expires"]):
                self._extend()
            self._require()

    def renew(self) -> None:
        """Hold it for as long again; learns when it is lost."""
        with self._lock:
            if not self._lost:
                self._extend()

    def give_back(self) -> None:
        """Whoever waits need not wait for its end.  One that cannot be given back ends by itself."""
        with self._lock, suppress(AlError):
            self._ledger.set_fact(FACT, None, expected=self._value)

    def set_fact(self, key: str, value: Any, *, expected: Any = ...) -> bool:
        """Ledger.set_fact, in one atomic step with the look at the lease.  Raises Conflict when it is lost."""
        with self._lock:
            while True:
                self._require()
                mine = self._value
                if self._ledger.set_fact(key, value, expected=expected, given={FACT: mine}):
                    return True
                self._look()
                if self._value == mine and not self._lost:
                    return False

    @property
    def ledger(self) -> Ledger:
        """The environment's ledger, whose facts only the holder of this lease can write."""
        return cast("Ledger", _Fenced(self._ledger, self))

    def _extend(self) -> None:
        longer = self._next()
        if self._ledger.set_fact(FACT, longer, expected=self._value):
            self._value = longer
        else:
            self._look()

    def _look(self) -> None:
        """Whose it is now.  Ours, though it is not as we know it, when the answer to a renewal got lost."""
        present = self._ledger.fact(FACT) or {}
        self._lost = present.get("id") != self._mine["id"]
        self._value = self._value if self._lost else present

    def _next(self) -> dict[str, Any]:
        expires = self._clock() + timedelta(seconds=self._terms.lasts)
        return {**self._mine, "expires": iso(expires)}

    def _require(self) -> None:
        if not self._lost:
            return
        present = self._ledger.fact(FACT)
        who = f"{present['holder']} has it" if present else "somebody else had it meanwhile"
        raise Conflict(
            f"this process no longer holds the environment: {who}",
            hint="it was away for too long, perhaps asleep; run the command again, which does what is still to do",
        )


class _Fenced:
    """A ledger that writes facts only under a lease; everything else as it is."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self._ledger = ledger
        self.set_fact = lease.set_fact

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


@contextmanager
def held(
    ledger: Ledger,
    who: Holder,
    *,
    terms: Terms = USUAL,
    clock: Callable[[], datetime] = now,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Lease]:
    """Hold the environment while it is changed.  Raises Busy naming the present holder.

    Whoever works longer than a moment calls `check` before each step, and writes facts with the lease's `ledger`.
    """
    lease = Lease(ledger, who, terms=terms, clock=clock, sleep=sleep)
    stop = threading.Event()
    lease.take()
    renewing = threading.Thread(target=_renew, args=(lease, stop, terms.renewed), daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        stop.set()
        renewing.join()
        lease.give_back()


def wait_until_free(
    ledger: Ledger,
    note: Callable[[str], None],
    *,
    clock: Callable[[], datetime] = now,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when nobody holds the environment; each holder that is waited for is named once."""
    named = None
    while (present := ledger.fact(FACT)) and not _is_free(present, clock()):
        if present["holder"] != named:
            named = present["holder"]
            note(f"waiting for {named}, who is changing this environment (Ctrl-C gives up)")
        sleep(LOOK)


def busy(present: Mapping[str, Any]) -> Busy:
    return Busy(
        f"{present['holder']} is changing this environment",
        hint=f"wait for it; should it have died, its lease ends by itself at {present['expires']}",
    )


def _is_free(lease: Mapping[str, Any], moment: datetime) -> bool:
    return moment >= from_iso(lease["expires"]) or is_dead(lease)


def _renew(lease: Lease, stop: threading.Event, every: float) -> None:
    while not stop.wait(every):
        with suppress(AlError):  # it is tried again, and `check` raises what it fails at in the end
            lease.renew()
