"""How grave a line of a log is: a word, or the number that pino's loggers write, 10 for trace to 60 for fatal
(https://getpino.io/#/docs/api)."""

LEVELS = {"trace": 10, "debug": 20, "info": 30, "warn": 40, "error": 50, "fatal": 60}
ALSO = {"warning": "warn", "critical": "fatal"}  # Python's words for them
USUAL = LEVELS["info"]


def gravity(level: object) -> int:
    """The number of a line's `level`, whatever a program has put there; what says nothing is as grave as `info`."""
    if isinstance(level, int) and not isinstance(level, bool):
        return level
    word = level.lower() if isinstance(level, str) else ""
    return LEVELS.get(ALSO.get(word, word), USUAL)
