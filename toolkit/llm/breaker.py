"""Which models are left alone for a while, because they have just refused.

Asks nobody: whoever asks (patience.py) tells it of refusals.
"""

import time
from collections.abc import Callable, Sequence

COOLDOWN = 60.0  # seconds


class Breaker:
    """Models are known by their place in the agent's list."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[int, float] = {}

    def trip(self, place: int, seconds: float | None = None) -> None:
        """Leave a model alone for COOLDOWN seconds, or for longer when it asked for that."""
        self._until[place] = self._clock() + max(COOLDOWN, seconds or 0.0)

    def allowed(self, places: Sequence[int]) -> Sequence[int]:
        """Those that may be asked, in the given order: all of them when none is left."""
        now = self._clock()
        return [place for place in places if self._until.get(place, now) <= now] or places
