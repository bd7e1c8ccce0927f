"""Quotas per minute, as token buckets: a minute's worth at once, and then as it trickles in.

https://cloud.google.com/docs/quotas/overview#rate_quotas
"""

from dataclasses import dataclass, field
from datetime import datetime

from .refusals import exhausted

MINUTE = 60.0


@dataclass(slots=True)
class _Bucket:
    left: float
    filled: datetime


@dataclass(slots=True)
class Quotas:
    """The buckets of one cloud, by their metric."""

    buckets: dict[str, _Bucket] = field(default_factory=dict)

    def take(self, metric: str, service: str, limit: int, now: datetime) -> None:
        """One call.  Raises Refused when there is none left; a limit of 0 is none."""
        if limit <= 0:
            return
        bucket = self.buckets.setdefault(metric, _Bucket(float(limit), now))
        gained = (now - bucket.filled).total_seconds() * limit / MINUTE
        bucket.left, bucket.filled = min(float(limit), bucket.left + max(0.0, gained)), now
        if bucket.left < 1:
            raise exhausted(metric, service, limit)
        bucket.left -= 1
