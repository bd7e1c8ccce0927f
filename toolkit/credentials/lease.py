"""A run's one secret, from its making to the proof that it is gone (D2, D3).

Every step can be repeated: whoever comes after a process that died anywhere in between completes the receipt.
It knows stores only by their protocol, and never shows a value.
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from toolkit.core import clock
from toolkit.core.aws_limits import LARGEST_SECRET  # Google's Secret Manager has the same
from toolkit.core.clock import iso
from toolkit.core.errors import AlError, LimitExceeded
from toolkit.core.names import Names
from toolkit.core.ports import Store
from toolkit.core.retry import retrying
from toolkit.core.run import Mailbox, RunId
from toolkit.core.secrets import Receipt, Secret, SecretLease, SecretRef

MARGIN = timedelta(minutes=15)  # for a slow start, over the agent's own timeout
EMPTY = Mailbox()


def open_lease(
    store: Store,
    names: Names,
    *,
    run: RunId,
    payload: Mapping[str, Any],
    timeout: int,
    now: Callable[[], datetime] = clock.now,
) -> SecretLease:
    """Create the run's secret from `payload` (plain JSON); `timeout` is the agent's, in seconds.

    Raises LimitExceeded when the payload is larger than a secret can be, or what the store raises; then there
    is no secret.
    """
    value, created = _value(run, payload), now()
    lease = SecretLease(
        ref=SecretRef(store=store.name, name=names.run_secret(run)),
        agent=run.agent,
        run=run,
        created=created,
        expires=created + timedelta(seconds=timeout) + MARGIN,
    )
    tags = names.tags(agent=run.agent, run=run, expires=iso(lease.expires))
    try:
        store.put(lease.ref.name, value, tags=tags)
    except BaseException as error:
        # the store may have made it although the answer was lost, or Ctrl-C came in between
        _discard(store, lease.ref.name, error)
        raise
    return lease


def close_lease(
    store: Store,
    lease: SecretLease,
    receipt: Receipt,
    *,
    mailbox: Mailbox = EMPTY,
    now: Callable[[], datetime] = clock.now,
    seconds: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Receipt:
    """Delete the run's secret unless the container has, look whether it is gone, and complete `receipt`.

    `deleted` is the container's own time if it burned the secret, else ours.  `verified_absent` stays None when
    the store still shows the secret after `seconds`.  Raises what the store raises, after retrying for `seconds`.
    """
    known = Receipt(
        created=receipt.created or iso(lease.created),
        read=mailbox.read or receipt.read,
        deleted=mailbox.burned or receipt.deleted,
        verified_absent=receipt.verified_absent,
    )
    if known.verified_absent:
        return known
    name = lease.ref.name
    # stores allow few writes a minute: what the container says that it deleted is looked for, and deleted if it is there
    gone = bool(mailbox.burned) and not retrying(lambda: store.exists(name), sleep=sleep)
    if not gone:
        retrying(lambda: store.delete(name), seconds=seconds, sleep=sleep)
    deleted = known.deleted or iso(now())
    gone = gone or _gone(store, name, seconds=seconds, sleep=sleep)
    return Receipt(
        created=known.created,
        read=known.read,
        deleted=deleted,
        verified_absent=iso(now()) if gone else None,
    )


def _value(run: RunId, payload: Mapping[str, Any]) -> Secret:
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    if (size := len(text.encode())) > LARGEST_SECRET:
        raise LimitExceeded(
            f"what {run} would get is {size:,} bytes, and a secret holds at most {LARGEST_SECRET:,}",
            hint="shorten the prompt or the trigger's context, or put large input where the agent can fetch it",
        )
    return Secret(text)


def _discard(store: Store, name: str, because: BaseException) -> None:
    try:
        store.delete(name)
    except AlError as error:
        because.add_note(
            f"its secret could not be deleted either ({error.message}); the sweeper will"
        )


def _gone(store: Store, name: str, *, seconds: float, sleep: Callable[[float], None]) -> bool:
    deadline, wait = time.monotonic() + seconds, 0.1
    while retrying(lambda: store.exists(name), seconds=seconds, sleep=sleep):
        if time.monotonic() + wait > deadline:
            return False
        sleep(wait)
        wait = min(wait * 2, 5.0)
    return True
