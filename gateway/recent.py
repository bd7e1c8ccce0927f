"""The last lines that this process has logged, for pages that show what goes on."""

import logging
from collections import deque
from functools import cache

LINES = 100
LOGGER = "al"  # the parent of all of ours


class Recent(logging.Handler):
    """A ring of lines, oldest first."""

    def __init__(self, most: int = LINES) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[dict[str, object]] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(
            {
                "level": record.levelname.lower(),
                "message": record.getMessage(),
                "logger": record.name,
                "timestamp": int(record.created * 1000),
            }
        )

    def last(self, count: int) -> list[dict[str, object]]:
        return list(self._lines)[-count:]


@cache
def recent_lines() -> Recent:
    """One for the process, however many gateways it makes."""
    ring = Recent()
    logging.getLogger(LOGGER).addHandler(ring)
    return ring
