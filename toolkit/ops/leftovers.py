"""Runs' secrets that nobody will delete any more: found, and, once the user has agreed, deleted.

What is deleted is what was shown, found or not found again in the meantime, and nothing else.
"""

from collections.abc import Iterator, Sequence

from toolkit.core.errors import AlError, Conflict
from toolkit.core.secrets import Receipt
from toolkit.credentials.lease import close_lease
from toolkit.scheduler import sweeper
from toolkit.scheduler.sweeper import Leftover
from toolkit.wiring import Services

from .findings import Finding, Weight


def found(services: Services) -> Iterator[Finding]:
    """Changes nothing."""
    store, ledger, names = services.run_secrets, services.ledger, services.context.names
    for leftover in sweeper.leftovers(store, ledger, names):
        yield _finding(leftover, "`al doctor --fix` deletes it")


def due(findings: Sequence[Finding]) -> list[Leftover]:
    """What a sweep is asked to delete, of all that was found."""
    return [f.leftover for f in findings if f.leftover and not f.fixed]


def swept(services: Services, leftovers: Sequence[Leftover]) -> Iterator[Finding]:
    """Delete each, and say what was done; one that resists does not keep the others."""
    for leftover in leftovers:
        try:
            _delete(services, leftover)
        except AlError as error:
            yield _finding(leftover, f"{error.message}: {error.hint}")
        else:
            yield _finding(leftover, "deleted", fixed=True)


def _finding(leftover: Leftover, remedy: str, *, fixed: bool = False) -> Finding:
    return Finding(
        weight=Weight.LEFTOVER,
        about=leftover.lease.run,
        message=f"its secret was left behind: {leftover.reason}",
        remedy=remedy,
        fixed=fixed,
        leftover=leftover,
    )


def _delete(services: Services, leftover: Leftover) -> None:
    """And complete the run's receipt, where its record is about this secret and does not tell its end yet."""
    run, lease, store = leftover.run, leftover.lease, services.run_secrets
    if run and run.lease in (None, lease) and not run.receipt.verified_absent:
        mailbox = services.ledger.mailbox(run.id)
        receipt = close_lease(store, lease, run.receipt, mailbox=mailbox)
        gone = services.ledger.update(run.id, receipt=receipt).receipt.verified_absent
    else:
        gone = close_lease(store, lease, Receipt()).verified_absent
    if gone is None:
        raise Conflict(
            f"{lease.ref.name} was deleted and can still be read",
            hint="run `al doctor --fix` again in a few minutes",
        )
