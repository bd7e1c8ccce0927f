"""The single door for work: cron, webhook, a user's hand and another agent all come through it.

It queues and starts nothing: whoever looks next takes the work.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.ports import Ledger
from toolkit.core.run import Run, RunId, Trigger
from toolkit.core.work import Added, WorkItem

from . import switches, turns
from .desk import Desk
from .origin import name_of
from .prepare import check, make, runtime_of

LOG = logging.getLogger("al.scheduler")
Work = tuple[Run, WorkItem, int]  # with how many items of the agent may wait


def submit(
    desk: Desk,
    trigger: Trigger,
    *,
    once: str = "",
    run: RunId | None = None,
    origin: str | None = None,
    not_before: datetime | None = None,
) -> Added:
    """Queue a run of `trigger.agent`, with the id `run` if it is given, or with one that follows from `origin`: the same
    again changes nothing.

    Of the waiting items of an agent only one has the same `once`.  Raises NotFound for an unknown agent and for one
    that was not pushed; Conflict for one of scale 0, and while all is paused for a manual trigger or a call.
    """
    post = desk.roster().post(trigger.agent)
    check(desk, switches.read(desk.services.ledger), trigger)
    begin = iso(not_before) if not_before else None
    queued = partial(
        make,
        desk,
        trigger,
        post,
        runtime_of(desk, post),
        once=once,
        not_before=begin,
        origin=origin,
    )
    if origin:
        added = _added_once(desk, lambda name: queued(run=name), post.agent, origin)
    else:
        name = run or RunId.unused(post.agent, desk.services.ledger.get)
        added = _added(desk, queued(run=name))
    report_dropped(desk.services.ledger, added)
    desk.wake()
    return added


def _added(desk: Desk, work: Work) -> Added:
    record, item, most = work
    return desk.services.ledger.queue.add(record, item, most=most)


def _added_once(
    desk: Desk, queued: Callable[[RunId], Work], agent: AgentName, origin: str
) -> Added:
    """Under the next id that follows, when another run was given this one meanwhile."""
    ledger = desk.services.ledger
    while True:
        name, _ = name_of(ledger, agent, origin)
        added = _added(desk, queued(name))
        record = ledger.get(added.run)
        if added.joined or record is None or record.origin == origin:
            return added


def report_dropped(ledger: Ledger, added: Added) -> None:
    """Somebody must hear of work that was given up for newer; nobody waits behind it any more."""
    if added.dropped:
        turns.tidy(partial(turns.leave, ledger, *added.dropped))
    for run in added.dropped:
        LOG.warning("%s was dropped: more work of %s waits than its queue holds", run, run.agent)
