"""Time as the product writes it: UTC, ISO 8601, milliseconds."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, in UTC; the default of every clock that can be passed in."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. `2026-11-20T12:00:00.000Z`: sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    return datetime.fromisoformat(text)
