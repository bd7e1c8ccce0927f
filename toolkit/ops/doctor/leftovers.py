"""Runs' secrets that nobody will delete any more: found, and, once the user has agreed, deleted.

What is deleted is what was shown, found or not found again in the meantime, and nothing else.
"""

from collections.abc import Iterator, Sequence

from toolkit.core.errors import AlError
from toolkit.ops.doctor.findings import Finding, Weight
from toolkit.scheduler import sweeper
from toolkit.scheduler.sweeper import Leftover
from toolkit.wiring import Services


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
            sweeper.close(services.run_secrets, services.ledger, leftover)
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
