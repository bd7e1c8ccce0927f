"""The single door for work: cron, webhook, a user's hand and another agent all come through it.

It queues and starts nothing: whoever looks next takes the work.
"""

import logging
from datetime import datetime

from toolkit.core.clock import iso
from toolkit.core.run import RunId, Trigger
from toolkit.core.work import Added

from . import switches
from .desk import Desk
from .prepare import check, make, runtime_of

LOG = logging.getLogger("al.scheduler")


def submit(
    desk: Desk,
    trigger: Trigger,
    *,
    once: str = "",
    run: RunId | None = None,
    not_before: datetime | None = None,
) -> Added:
    """Queue a run of `trigger.agent`, with the id `run` if it is given: the same id again changes nothing.

    Of the waiting items of an agent only one has the same `once`.  Raises NotFound for an unknown agent and for one
    that was not pushed; Conflict for one of scale 0, and while all is paused for a manual trigger or a call.
    """
    post = desk.roster().post(trigger.agent)
    check(desk, switches.read(desk.services.ledger), trigger)
    run = run or RunId.unused(post.agent, desk.services.ledger.get)
    begin = iso(not_before) if not_before else None
    record, item, most = make(
        desk, trigger, post, runtime_of(desk, post), run=run, once=once, not_before=begin
    )
    added = desk.services.ledger.queue.add(record, item, most=most)
    report_dropped(added)
    desk.wake()
    return added


def report_dropped(added: Added) -> None:
    """Somebody must hear of work that was given up for newer."""
    for run in added.dropped:
        LOG.warning("%s was dropped: more work of %s waits than its queue holds", run, run.agent)
