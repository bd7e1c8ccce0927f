"""Finds and deletes runs' secrets that nobody will delete any more (D3).

A process may die at any point between making a secret and closing it; what it leaves is here.  Only secrets
that carry our tags are looked at, and what else the account holds is never touched.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from toolkit.core import clock
from toolkit.core.clock import from_iso
from toolkit.core.errors import AlError, Conflict
from toolkit.core.names import Names
from toolkit.core.placement import place_of
from toolkit.core.ports import Ledger, Store
from toolkit.core.run import Run, RunId
from toolkit.core.secrets import Receipt, SecretLease, SecretRef, StoredSecret
from toolkit.credentials.lease import close_lease

LAUNCH_PATIENCE = timedelta(minutes=10)  # from the secret's creation to the run's handle
RECENT = 200  # runs whose receipts are looked through for one that was never completed


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A run's secret that should be gone, and why; or a receipt that still says nothing about its end."""

    lease: SecretLease
    reason: str
    run: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What was done about a leftover; `error` says why it is still there, if it is."""

    name: str
    run: str
    reason: str
    error: str = ""


def verdict(stored: StoredSecret, run: Run | None, now: datetime) -> str | None:
    """Why this run secret must go, or None while its run may still need it.  Pure."""
    expires = _time(stored.tags.get("al:expires"))
    if expires is not None and now >= expires:
        return "it is past its time"
    if run is not None and run.state.final:
        return "its run is over"
    if stored.created is None or now - stored.created < LAUNCH_PATIENCE:
        return None
    if run is None:
        return "its run was never recorded"
    return "its run was never launched" if run.handle is None else None


def leftovers(
    store: Store, ledger: Ledger, names: Names, *, now: Callable[[], datetime] = clock.now
) -> tuple[Leftover, ...]:
    """What a sweep would delete or complete now.  Changes nothing."""
    found = tuple(_stored(store, ledger, names, now()))
    seen = {leftover.lease.ref.name for leftover in found}
    own = names.scope.environment
    return found + tuple(o for o in _unsettled(ledger, own) if o.lease.ref.name not in seen)


def sweep(
    store: Store, ledger: Ledger, names: Names, *, now: Callable[[], datetime] = clock.now
) -> tuple[Swept, ...]:
    """Delete every leftover and write it into its run's receipt.  One that resists does not keep the others."""
    return tuple(
        _swept(store, ledger, leftover, now)
        for leftover in leftovers(store, ledger, names, now=now)
    )


def _stored(store: Store, ledger: Ledger, names: Names, now: datetime) -> Iterator[Leftover]:
    for stored in store.list(f"{names.secrets}runs/"):
        if not names.owns(stored.tags) or "al:run" not in stored.tags:
            continue
        run = ledger.get(RunId(stored.tags["al:run"]))
        if reason := verdict(stored, run, now):
            yield Leftover(lease=_lease(store, stored, run, now), reason=reason, run=run)


def _unsettled(ledger: Ledger, own: str) -> Iterator[Leftover]:
    """Final runs whose secret may be gone, but whose receipt was never completed; those whose secret is this
    environment's own."""
    for run in ledger.runs(limit=RECENT):
        if place_of(run.runtime) not in (None, own):
            continue
        if run.state.final and run.lease and not run.receipt.verified_absent:
            yield Leftover(lease=run.lease, reason="its receipt was never completed", run=run)


def _swept(store: Store, ledger: Ledger, leftover: Leftover, now: Callable[[], datetime]) -> Swept:
    lease = leftover.lease
    swept = Swept(name=lease.ref.name, run=lease.run, reason=leftover.reason)
    try:
        close(store, ledger, leftover, now=now)
    except AlError as error:
        return Swept(name=swept.name, run=swept.run, reason=swept.reason, error=error.message)
    return swept


def close(
    store: Store, ledger: Ledger, leftover: Leftover, *, now: Callable[[], datetime] = clock.now
) -> None:
    """Delete it, look that it is gone, and complete its run's receipt where the record is about this secret.

    Raises Conflict when it can still be read, or what the store raises.
    """
    lease, run = leftover.lease, leftover.run
    if run is None or run.receipt.verified_absent or run.lease not in (None, lease):
        gone = close_lease(store, lease, Receipt(), now=now).verified_absent
    else:
        receipt = close_lease(store, lease, run.receipt, mailbox=ledger.mailbox(run.id), now=now)
        gone = ledger.update(run.id, receipt=receipt).receipt.verified_absent
    if gone is None:
        raise Conflict(
            f"{lease.ref.name} was deleted and can still be read",
            hint="run `al doctor --fix` again in a few minutes",
        )


def _lease(store: Store, stored: StoredSecret, run: Run | None, now: datetime) -> SecretLease:
    """The lease in the run's record, or one made again from what the store lists."""
    if run and run.lease and run.lease.ref.name == stored.name:
        return run.lease
    created = stored.created or now
    return SecretLease(
        ref=SecretRef(store=store.name, name=stored.name),
        agent=RunId(stored.tags["al:run"]).agent,
        run=stored.tags["al:run"],
        created=created,
        expires=_time(stored.tags.get("al:expires")) or created,
    )


def _time(text: str | None) -> datetime | None:
    """The tag's time, or None for what is none: then the other rules decide."""
    try:
        moment = from_iso(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None
