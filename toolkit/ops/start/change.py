"""From what is served to what the project's files say now."""

import logging

from toolkit.core.agent import Project
from toolkit.core.clock import now
from toolkit.core.errors import AlError
from toolkit.ops import apps
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.housekeeping import drop_orphans
from toolkit.scheduler.status import begun, going_on
from toolkit.scheduler.stopping import stop_run

from .crew import Crew
from .reload import differing, removed, sentences, touched

LOG = logging.getLogger("al.start")


def become(desk: Desk, crew: Crew, project: Project, paths: frozenset[str]) -> None:
    """Serve the project as its files are now.  What runs of an agent that is gone is stopped, what waits is given up."""
    before = crew.wanted
    others = differing(before, project) | touched(project, paths)
    for sentence in sentences(before, project, paths):
        LOG.info("%s", sentence)
    for warning in project.warnings:
        if warning not in before.warnings:
            LOG.warning("%s", warning)
    crew.become(project, others, LOG.info)
    desk.wake()
    if crew.here and (gone := removed(before, project)):
        for name in gone:
            _clear(desk, name)
        tidied(desk, crew)


def tidied(desk: Desk, crew: Crew) -> None:
    """Remove what nobody needs any more of what was made on this machine; whatever resists is tried again next time."""
    try:
        apps.tidy(desk.services, crew.project)
    except (AlError, OSError) as error:
        LOG.warning("what is left of past versions could not be removed: %s", error)


def _clear(desk: Desk, agent: str) -> None:
    for run in begun(going_on(desk.services.ledger, agent)):
        LOG.info("%s is stopped: %s", run.id, stop_run(desk, run))
    drop_orphans(desk, now())
