"""What the parts of `al start` log, on its way to whoever reads it: the terminal, or plain lines."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OURS = "al"  # the parent of all of our loggers
SERVER = "uvicorn.error"


class Journal(logging.Handler):
    """`tell` is given a line and how grave it is.  Of what is no warning only the scheduler's and our own is told."""

    def __init__(self, tell: Callable[[str, int], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def filter(self, record: logging.LogRecord) -> bool:
        told = record.name in ("al.start", "al.scheduler") or record.levelno >= logging.WARNING
        return told and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage(), record.levelno)


@contextmanager
def kept(tell: Callable[[str, int], None]) -> Iterator[None]:
    """Until the end of this block all that is logged is told, and printed by nobody else."""
    journal = Journal(tell)
    loggers = [logging.getLogger(name) for name in (OURS, SERVER)]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(journal)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(journal)
            logger.setLevel(level)
            logger.propagate = propagate
