"""Takes due work and launches it, several at a time: a launch may take a cloud seconds.

Each hand takes an item, launches it and takes the next, until there is none or no room.  A launched item stays held
until its run has begun (watch.py), so that a start which comes to nothing can be made again.
"""

import logging
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial

from toolkit.core.clock import iso
from toolkit.core.errors import AlError, BackendBusy
from toolkit.core.run import Cause, Run, RunId, RunModels, RunState, TriggerKind
from toolkit.core.work import WorkItem
from toolkit.llm.backend import Backend, backends_of

from . import starts, switches, usher
from .adopt import adopted
from .desk import Desk
from .dispatch import start, start_again
from .ending import over
from .rooms import rooms
from .stopping import UNSTARTED

LOG = logging.getLogger("al.scheduler")
HANDS = 16
HOLD = 120.0  # seconds that an item is held without a sign of life: longer than the minute between two timers


def new_holder() -> str:
    """A name that no other process has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


class Worker:
    """The hands of one scheduler; `holder` is its name in the queue, and `hold` for how many seconds it holds an item."""

    def __init__(self, desk: Desk, holder: str, *, hands: int = HANDS, hold: float = HOLD) -> None:
        self._desk, self._holder, self._most, self._hold = desk, holder, hands, hold
        self._pool = ThreadPoolExecutor(hands, thread_name_prefix="al-launch")
        self._guard = threading.Lock()
        # hands that ask a cloud at once only cross each other there; this machine's file commits them together
        near = desk.services.environment.cloud is None
        self._turn: AbstractContextManager[object] = nullcontext() if near else threading.Lock()
        self._hands: set[Future[None]] = set()
        self._launching: set[RunId] = set()
        self._closed = False
        self._until = math.inf

    @property
    def launching(self) -> Collection[RunId]:
        with self._guard:
            return frozenset(self._launching)

    def until(self, seconds: float | None) -> None:
        """Begin nothing after so many seconds from now."""
        self._until = math.inf if seconds is None else time.monotonic() + seconds

    def work(self) -> None:
        """See that somebody looks for work.  Returns at once."""
        with self._guard:
            if not self._open or len(self._hands) >= self._most:
                return
            hand = self._pool.submit(self._drain)
            self._hands.add(hand)
        hand.add_done_callback(self._rested)

    def wait(self, seconds: float | None = None) -> None:
        """Until nothing is being launched any more; or for so long."""
        while hands := self._now():
            if wait(hands, timeout=seconds).not_done:
                return

    def renew(self) -> None:
        """What is being launched stays ours."""
        moment = self._desk.clock()
        for run in self.launching:
            self._desk.services.ledger.queue.renew(
                run, self._holder, seconds=self._hold, moment=moment
            )

    def close(self, seconds: float) -> None:
        """Take nothing more, and wait so long for the launches that are under way.

        What is still being launched then, another scheduler looks after when its time is up."""
        with self._guard:
            self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.wait(seconds)

    @property
    def _open(self) -> bool:
        return not self._closed and time.monotonic() < self._until

    def _now(self) -> frozenset[Future[None]]:
        with self._guard:
            return frozenset(self._hands)

    def _rested(self, hand: Future[None]) -> None:
        with self._guard:
            self._hands.discard(hand)
        if not hand.cancelled() and (error := hand.exception()):
            LOG.error("work could not be taken: %s", error)

    def _drain(self) -> None:
        while self._open and (item := self._taken()):
            self.work()  # where there is one there may be more
            try:
                begin(self._desk, item, self._holder)
            except AlError as error:
                LOG.error("%s could not be started: %s", item.run, error.message)
            finally:
                with self._guard:
                    self._launching.discard(item.run)

    def _taken(self) -> WorkItem | None:
        desk = self._desk
        with self._turn:
            if not self._open:  # the wait for the turn may have been long
                return None
            item = desk.services.ledger.queue.take(
                self._holder, rooms(desk), seconds=self._hold, moment=desk.clock()
            )
        if item:
            with self._guard:
                self._launching.add(item.run)
        return item


def begin(desk: Desk, item: WorkItem, holder: str) -> None:
    """Launch the item's run, or find out what became of it when it was taken before.

    Raises what the ledger raises; a run that cannot be started is recorded, and another attempt made or not."""
    ledger = desk.services.ledger
    run = ledger.get(item.run)
    if run is None:
        ledger.queue.done(item.run)
        return
    if run.state is RunState.QUEUED and (why := _called_off(desk, item)):
        run = ledger.update(run.id, state=RunState.STOPPED, reason=why, finished=iso(desk.clock()))
    if run.state.final:
        over(desk, run)
        return
    try:
        _launch(desk, run, item, holder)
    except AlError as error:
        _failed(desk, item, holder, error)


def _called_off(desk: Desk, item: WorkItem) -> str:
    """Why waiting work is not to begin any more: somebody stopped it, or its hired agent was switched off meanwhile."""
    ledger, post = desk.services.ledger, desk.roster().posts.get(item.run.agent)
    if ledger.mailbox(item.run).stop:
        return UNSTARTED
    if post is None or not post.roles or item.trigger.kind is TriggerKind.MANUAL:
        return ""
    why = switches.read(ledger).idle(post)
    return f"{post.agent} {why}" if why else ""


def _launch(desk: Desk, run: Run, item: WorkItem, holder: str) -> None:
    """Unless its model's server is busy: then it waits where it was, and nothing of it was tried."""
    services = desk.services
    postponed = partial(_postponed, item.attempts)
    models = cache(partial(desk.models, item.trigger))
    if run.state is RunState.QUEUED:
        if _has_turn(desk, run, item, models):
            place = partial(desk.place, run.agent)
            start(services, run, item.trigger, postponed, models=models, place=place)
        else:
            services.ledger.queue.give_back(run.id, holder, not_before=desk.clock(), tried=False)
    elif _untraced(desk, run):
        start_again(services, run, item.trigger, postponed)


def _has_turn(desk: Desk, run: Run, item: WorkItem, models: Callable[[], RunModels | None]) -> bool:
    backends = _backends(desk, run, models)
    if not backends:
        return True
    ledger, moment = desk.services.ledger, desk.clock()
    try:
        return usher.let_in(ledger, run, item.trigger, backends, moment) is None
    except BackendBusy as error:
        ledger.update(
            run.id,
            state=RunState.FAILED,
            cause=Cause.BACKEND_BUSY,
            reason=error.message,
            finished=iso(moment),
        )
        raise


def _backends(desk: Desk, run: Run, models: Callable[[], RunModels | None]) -> tuple[Backend, ...]:
    """Of the models that it gets with its secret, else of those that were pushed."""
    try:
        chosen = models()
    except AlError:
        return ()  # `start` raises it again, where the run's end is recorded
    if chosen is not None:
        return backends_of(model for model, _ in chosen.models)
    post = desk.roster().posts.get(run.agent)
    return post.backends if post else ()


def _postponed(attempts: int, error: BaseException, leased: bool) -> bool:
    return starts.again(error, attempts, leased=leased)


def _untraced(desk: Desk, run: Run) -> bool:
    """Whether nothing is known of a run whose launch somebody has begun, and its secret still lies there unread.

    One that has been found has its handle in the record from now on, and `watch` looks after it.  Where neither run
    nor secret is to be found, its time decides (settle.py): it may be running.
    """
    services = desk.services
    box = services.ledger.mailbox(run.id)
    known = adopted(services, [run], {run.id: box})[run.id]
    if known.handle or box.claimed or known.lease is None:
        return False
    return services.of_runtime(known.runtime).run_secrets.exists(known.lease.ref.name)


def _failed(desk: Desk, item: WorkItem, holder: str, error: AlError) -> None:
    """The record says whether it is over; what is not waits for another attempt, without a place, or with it where the
    run may have begun."""
    queue, moment = desk.services.ledger.queue, desk.clock()
    run = desk.services.ledger.get(item.run)
    if run and run.state.final:
        LOG.warning("%s did not start: %s", item.run, error.message)
        over(desk, run)
    elif run and not desk.services.ledger.mailbox(run.id).stop:
        begin_at = starts.not_before(item.attempts, moment)
        LOG.warning("%s did not start: %s; again at %s", item.run, error.message, iso(begin_at))
        if run.state is RunState.QUEUED:
            queue.give_back(item.run, holder, not_before=begin_at)
        else:
            wait = (begin_at - moment).total_seconds()
            queue.renew(item.run, holder, seconds=wait, moment=moment, failed=True)
