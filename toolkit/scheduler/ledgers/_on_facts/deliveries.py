"""core.books.Deliveries on facts: a delivery, its body, what it is found by and its work are kept in one step."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from toolkit.core.errors import AlreadyExists, LimitExceeded, RunTaken
from toolkit.core.run import Run, RunId
from toolkit.core.work import Accepted, DeadReason, Delivery, DeliveryState, Page, WorkItem

from . import keys
from .ground import Crossed, Ground, keep, persistently
from .queue import Entering, Queue

# bytes of a body that are kept: deflated and in base64 that is at most 350 KB, and a DynamoDB item holds 400 KB
# (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html)
LONGEST_BODY = 256 * 1024
_FIELDS = frozenset(field.name for field in fields(Delivery)) - {"body"}
_RUNS = "runs"  # of its work, beside those fields

Work = Sequence[tuple[Run, WorkItem, int]]


class Deliveries:
    """Webhooks that came in."""

    def __init__(self, ground: Ground, queue: Queue) -> None:
        self._ground, self._queue = ground, queue

    def accept(self, delivery: Delivery, work: Work) -> Accepted:
        entering = persistently(lambda: self._accepted(delivery, work))
        if isinstance(entering, str):
            return Accepted(receipt=delivery.id, duplicate_of=entering)
        added = [self._queue.entered(run, entering, most=most) for run, _, most in work]
        return Accepted(receipt=delivery.id, added=tuple(added))

    def get(self, receipt: str) -> Delivery | None:
        places = (keys.delivery(receipt), keys.body(receipt))
        found = self._ground.read_facts(places)
        if (head := found.get(places[0])) is None:
            return None
        return replace(_delivery(head), body=_unpacked(found.get(places[1])))

    def seen(self, source: str, delivery: str) -> str | None:
        receipt: str | None = self._ground.fact(keys.number(source, delivery))
        return receipt

    def list(self, *, state: DeliveryState | None = None, limit: int = 50, offset: int = 0) -> Page:
        found = self._ground.facts(keys.INBOX)
        wanted = sorted((k for k, was in found.items() if state in (None, was)), reverse=True)
        places = [keys.delivery(keys.last(key)) for key in wanted[offset:][: max(limit, 0)]]
        heads = self._ground.read_facts(places)
        rows = tuple(_delivery(heads[place]) for place in places if place in heads)
        return Page(rows=rows, total=len(wanted))

    def forget(self, before: str) -> int:
        """Those that are older, unless their work still waits, or goes on: their receipts are asked for."""
        old = [k for k in self._ground.facts(keys.INBOX) if k < keys.inbox(before, "")]
        return sum(self._forgotten(key) for key in old)

    def _accepted(self, delivery: Delivery, work: Work) -> Entering | str:
        """What has been queued; or the receipt of the delivery that was there before."""
        number = _number(delivery)
        if number and (receipt := self._ground.fact(number)) is not None:
            return str(receipt)
        for run, _, _ in work:
            if self._ground.get(run.id):
                raise RunTaken(f"{run.id} is another run", hint="allocate another run id")
        entering = self._queue.entering([(run, item) for run, item, _ in work])
        values = {**_facts(delivery, [run.id for run, _, _ in work]), **entering.values}
        expected = {keys.delivery(delivery.id): None, **entering.expected}
        if number:
            values[number], expected[number] = delivery.id, None
        self._keep(delivery, values, expected)
        return entering

    def _keep(
        self, delivery: Delivery, values: Mapping[str, Any], expected: Mapping[str, Any]
    ) -> None:
        if (count := len(values.keys() | expected.keys())) > self._ground.most_facts:
            raise LimitExceeded(
                f"a delivery of {delivery.source} starts so many runs that they need {count} changes at once,"
                f" of {self._ground.most_facts} that the database makes",
                hint="narrow the webhook filters, so that fewer agents answer to one delivery",
            )
        try:
            keep(self._ground, values, expected)
        except Crossed:
            if self._ground.fact(keys.delivery(delivery.id)) is None:
                raise
            raise AlreadyExists(
                f"the delivery {delivery.id} is already recorded", hint="give it another receipt"
            ) from None

    def _forgotten(self, place: str) -> bool:
        receipt = keys.last(place)
        head = self._ground.fact(keys.delivery(receipt))
        if head and self._is_worked_on(head):
            return False
        number = _number(_delivery(head)) if head else None
        gone = [place, keys.delivery(receipt), keys.body(receipt), *([number] if number else [])]
        return self._ground.set_facts(dict.fromkeys(gone), expected={keys.delivery(receipt): head})

    def _is_worked_on(self, head: Mapping[str, Any]) -> bool:
        items = [keys.item(RunId(run)) for run in head.get(_RUNS, ())]
        return bool(items) and bool(self._ground.read_facts(items))


def _number(delivery: Delivery) -> str | None:
    """The key of the sender's own number; who could not be verified has none, or a stranger could occupy it."""
    if not delivery.delivery or delivery.reason is DeadReason.UNVERIFIED:
        return None
    return keys.number(delivery.source, delivery.delivery)


def _facts(delivery: Delivery, runs: Sequence[RunId]) -> dict[str, Any]:
    head = {name: value for name, value in asdict(delivery).items() if name in _FIELDS}
    head |= {_RUNS: [str(run) for run in runs]} if runs else {}
    values: dict[str, Any] = {
        keys.delivery(delivery.id): head,
        keys.inbox(delivery.received, delivery.id): delivery.state,
    }
    if delivery.body:
        values[keys.body(delivery.id)] = _packed(delivery.body[:LONGEST_BODY])
    return values


def _delivery(fact: Mapping[str, Any]) -> Delivery:
    """Without its body.  Fields that this version does not know are left out."""
    known = {name: fact[name] for name in _FIELDS & fact.keys()}
    reason = known.get("reason")
    parsed = {
        "state": DeliveryState(known["state"]),
        "reason": DeadReason(reason) if reason else None,
    }
    return Delivery(**{**known, **parsed})


def _packed(body: bytes) -> str:
    return base64.b64encode(zlib.compress(body)).decode()


def _unpacked(text: str | None) -> bytes:
    return zlib.decompress(base64.b64decode(text)) if text else b""
