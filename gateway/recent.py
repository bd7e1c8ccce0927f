"""The last lines that this process has logged, for who looks at what goes on."""

import logging
from collections import deque
from functools import cache
from itertools import count

LINES = 1000
LOGGER = "al"  # the parent of all of ours
Line = dict[str, object]


class Recent(logging.Handler):
    """A ring of lines, oldest first."""

    def __init__(self, most: int = LINES) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[tuple[int, Line]] = deque(maxlen=most)
        self._numbers = count(1)

    def emit(self, record: logging.LogRecord) -> None:
        line = {
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            "timestamp": int(record.created * 1000),
        }
        self._lines.append((next(self._numbers), line))

    def last(self, count: int) -> list[Line]:
        return [line for _, line in list(self._lines)[-count:]]

    def numbered(self) -> list[tuple[int, Line]]:
        """All that are still here, oldest first, each with its number, counted from 1."""
        return list(self._lines)


@cache
def recent_lines() -> Recent:
    """One for the process, however many gateways it makes."""
    ring = Recent()
    logging.getLogger(LOGGER).addHandler(ring)
    return ring
