"""A run that its platform could not start is put back into the queue, for another attempt under the same id."""

import logging

from toolkit.core.clock import now
from toolkit.core.run import Mailbox, Run, RunState, RunStatus
from toolkit.core.secrets import Receipt
from toolkit.credentials.lease import close_lease
from toolkit.wiring import Services

from . import starts, turns

LOG = logging.getLogger("al.scheduler")


def started_again(services: Services, run: Run, mailbox: Mailbox, status: RunStatus) -> bool:
    """Whether this end is none, because the run is to be started again.

    It has ended before it had claimed anything, so nothing of it is left but its secret.  Of several who see it at once
    the queue lets one put it back; the record is set right after that, and until then tells where the old one was.
    """
    if status.cause not in starts.PASSING:
        return False
    queue = services.ledger.queue
    item = queue.get(run.id)
    if item is None or not starts.begun_again(mailbox, status, item):
        return False
    when = starts.not_before(item.attempts, now())
    if item.holder is None or not queue.give_back(run.id, item.holder, not_before=when):
        return True  # somebody else has
    LOG.warning("%s did not start: %s; another attempt at %s", run.id, status.reason, when)
    turns.leave(services.ledger, run.id)
    if run.lease:
        secrets = services.of_runtime(run.runtime).run_secrets
        close_lease(secrets, run.lease, Receipt(), now=now)
    services.ledger.update(run.id, state=RunState.QUEUED, cause=status.cause, reason=status.reason,
                           handle=None, lease=None, started=None)  # fmt: skip
    return True
