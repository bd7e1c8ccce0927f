"""Receiving webhooks on one event loop: each is judged, and recorded together with others that come at the same time."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial

from starlette.concurrency import run_in_threadpool

from toolkit.core.books import AcceptsMany
from toolkit.core.errors import RunTaken
from toolkit.core.webhook import WebhookRequest
from toolkit.core.work import Accepted, Delivery
from toolkit.scheduler.prepare import renamed
from toolkit.scheduler.roster import Source
from toolkit.scheduler.submit import report_dropped

from .delivery import Admission, Intake, Outcome

INLINE = 64 * 1024  # bytes: what a larger body takes is too long for the event loop


class Soon:
    """Makes deliveries durable together.  Those that one turn of the event loop brings are handed over when it is over: the
    ledger begins to commit with the first that it gets.  Its answers come back together, too."""

    def __init__(self, deliveries: AcceptsMany) -> None:
        self._deliveries = deliveries
        self._loop = asyncio.get_running_loop()
        self._coming: list[tuple[Outcome, Delivery, asyncio.Future[Accepted]]] = []
        self._done: deque[tuple[asyncio.Future[Accepted], Accepted | BaseException]] = deque()
        self._called = False

    @property
    def here(self) -> bool:
        """Whether its loop is the one that runs."""
        return self._loop is asyncio.get_running_loop()

    async def accept(self, outcome: Outcome, delivery: Delivery) -> Accepted:
        future: asyncio.Future[Accepted] = self._loop.create_future()
        if not self._coming:
            self._loop.call_soon(self._hand_over)
        self._coming.append((outcome, delivery, future))
        return await future

    def _hand_over(self) -> None:
        coming, self._coming = self._coming, []
        for outcome, delivery, future in coming:
            then = partial(self._answered, future)
            try:
                self._deliveries.accept_soon(delivery, outcome.work, then)
            except Exception as error:  # its own, and not the others'
                then(error)

    def _answered(self, future: asyncio.Future[Accepted], answer: Accepted | BaseException) -> None:
        """From any thread."""
        self._done.append((future, answer))
        if not self._called:  # one call for all that are told at once
            self._called = True
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._called = False  # before the last look, so that nothing is left lying
        while self._done:
            future, answer = self._done.popleft()
            if future.done():
                continue  # the client has gone
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)


class Reception:
    """Judges deliveries and has them recorded, on one event loop."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._desk = intake.desk
        self._soon: Soon | None = None
        # where the ledger is a file of this machine, a look at it is quicker than another thread
        self._near = self._desk.services.environment.cloud is None

    async def admit(self, kind: str, name: str | None, address: Callable[[], str]) -> Admission:
        if self._near:
            return self.intake.admit(kind, name, address)
        return await run_in_threadpool(self.intake.admit, kind, name, address)

    async def judge(self, sources: Sequence[Source], request: WebhookRequest) -> Outcome:
        if self._near and len(request.body) <= INLINE:
            return self.intake.judge(sources, request)
        return await run_in_threadpool(self.intake.judge, sources, request)

    async def recorded(self, outcome: Outcome) -> Accepted | None:
        """Durable when this returns; None for what is not recorded."""
        if (delivery := outcome.delivery) is None:
            return None
        try:
            accepted = await self._accept(outcome, delivery)
        except RunTaken:  # ids are short, and of a busy agent many are kept
            again = replace(outcome, work=[renamed(*work) for work in outcome.work])
            accepted = await self._accept(again, delivery)
        for added in accepted.added:
            if added.dropped:
                await run_in_threadpool(report_dropped, self._desk.services.ledger, added)
        if accepted.added:
            self._desk.wake()
        return accepted

    async def _accept(self, outcome: Outcome, delivery: Delivery) -> Accepted:
        if self._many is None:
            accept = self._desk.services.ledger.deliveries.accept
            return await run_in_threadpool(accept, delivery, outcome.work)
        if self._soon is None or not self._soon.here:
            self._soon = Soon(self._many)
        return await self._soon.accept(outcome, delivery)

    @cached_property
    def _many(self) -> AcceptsMany | None:
        """The ledger's deliveries, if it takes many at once."""
        deliveries = self._desk.services.ledger.deliveries
        return deliveries if isinstance(deliveries, AcceptsMany) else None
