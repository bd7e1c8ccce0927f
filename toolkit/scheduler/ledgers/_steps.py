"""How much one transaction of a ledger takes.  It knows no database: each says its own bound."""

from collections.abc import Iterable

from toolkit.core.errors import LimitExceeded


def check_step(texts: Iterable[str], *, most: int, holds: str) -> None:
    """Raises LimitExceeded when these texts are more than `most` bytes together; `holds` says what the service takes."""
    if (size := sum(len(text.encode()) for text in texts)) > most:
        raise LimitExceeded(
            f"what is to be kept in one step is {size:,} bytes, and {holds}",
            hint="make it smaller: a shorter context, or fewer agents that answer to one delivery",
        )
