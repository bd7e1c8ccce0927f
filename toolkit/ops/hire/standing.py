"""What the ledger of this machine knows of an agent that is hired once more: whether it is up, and what it is at."""

from datetime import timedelta

from toolkit.scheduler import switches
from toolkit.scheduler.desk import recorded_roster
from toolkit.wiring import Services

TIMEOUT = 900  # seconds: that of an agent which says nothing


def is_up(services: Services, agent: str) -> bool:
    return _there(services) and agent in switches.read(services.ledger).up


def at_work_for(services: Services, agent: str) -> timedelta | None:
    """For how long its runs may still need what they were given; None where none is at work."""
    if not _there(services):
        return None
    if not any(item.agent == agent for item in services.ledger.queue.at_work()):
        return None
    post = recorded_roster(services).posts.get(agent)
    return timedelta(seconds=post.timeout if post else TIMEOUT)


def _there(services: Services) -> bool:
    """Whether there is a ledger: hiring alone makes none."""
    if not (services.context.project / ".al").is_dir():
        return False
    services.ledger.prepare()
    return True
