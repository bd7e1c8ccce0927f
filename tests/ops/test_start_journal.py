"""What of the parts' logs reaches whoever watches `al start`."""

import logging

from toolkit.ops.start.journal import kept


def test_warnings_of_all_and_news_of_the_scheduler_are_told() -> None:
    """Each once; afterwards nothing more, and logging is as it was."""
    told: list[tuple[str, int]] = []
    ours = logging.getLogger("al")
    before = (ours.level, ours.propagate, list(ours.handlers))
    with kept(lambda text, level: told.append((text, level))):
        logging.getLogger("al.scheduler").info("%s secrets were deleted", 3)
        logging.getLogger("al.gateway.access").info("GET /")
        logging.getLogger("al.gateway.access").warning("GET / 401")
        logging.getLogger("uvicorn.error").info("started")
        logging.getLogger("uvicorn.error").error("it broke")
    logging.getLogger("al.scheduler").warning("too late")
    assert told == [
        ("3 secrets were deleted", logging.INFO),
        ("GET / 401", logging.WARNING),
        ("it broke", logging.ERROR),
    ]
    assert (ours.level, ours.propagate, list(ours.handlers)) == before
