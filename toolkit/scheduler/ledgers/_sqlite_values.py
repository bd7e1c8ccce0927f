"""How work, calls and deliveries lie in their rows.  What is looked for has a column; the rest is JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from pydantic_core import to_json

from toolkit.core.agent import AgentName
from toolkit.core.run import RunId, Trigger, TriggerKind
from toolkit.core.work import Call, CallState, DeadReason, Delivery, DeliveryState, WorkItem

Row = Sequence[Any]
ITEM = "run, agent, once, created, state, not_before, attempts, holder, until, work"
DELIVERY = "id, source, delivery, received, state, reason, data"
HELD, STARTED = 1, 2  # states of a row of `queue`; 0 waits
LONGEST_BODY = 256 * 1024  # bytes of a webhook's body that are kept
CALL_FIELDS = tuple(field.name for field in fields(Call))
CALL_FIXED = frozenset({"id", "caller", "created"})  # the indexes are made of them
_TRIGGER = tuple(field.name for field in fields(Trigger) if field.name != "agent")
_trigger = attrgetter(*_TRIGGER)


def _written(value: Mapping[str, Any]) -> str:
    """As JSON.  Raises ValueError for what is none.  Webhooks bring long texts, over which the standard library, which looks
    at each character, takes several times as long."""
    return to_json(value).decode()


def work_text(trigger: Trigger) -> str:
    """Raises ValueError for a context that is no JSON."""
    return _written(dict(zip(_TRIGGER, _trigger(trigger), strict=True)))


def item_of(row: Row) -> WorkItem:
    run, agent, once, created, state, not_before, attempts, holder, until, work = row
    known = json.loads(work)
    kind = TriggerKind(known.pop("kind"))
    return WorkItem(
        run=RunId(run),
        trigger=Trigger(agent=AgentName(agent), kind=kind, **known),
        created=created,
        once=once,
        not_before=not_before,
        attempts=attempts,
        holder=holder,
        until=until,
        started=state == STARTED,
    )


def call_text(call: Call) -> str:
    return _written({name: getattr(call, name) for name in CALL_FIELDS})


def call_of(text: str) -> Call:
    known = json.loads(text)
    parsed = {
        "caller": RunId(known["caller"]),
        "run": RunId(known["run"]),
        "target": AgentName(known["target"]),
        "state": CallState(known["state"]),
    }
    return Call(**{**known, **parsed})


def delivery_row(delivery: Delivery) -> Row:
    """For the columns of DELIVERY, and `body`."""
    data = {
        "summary": delivery.summary,
        "headers": dict(delivery.headers),
        "matched": delivery.matched,
        "replay_of": delivery.replay_of,
    }
    return (
        delivery.id,
        delivery.source,
        delivery.delivery,
        delivery.received,
        str(delivery.state),
        delivery.reason and str(delivery.reason),
        _written(data),
        delivery.body[:LONGEST_BODY],
    )


def delivery_of(row: Row, body: bytes = b"") -> Delivery:
    receipt, source, delivery, received, state, reason, data = row
    known: Mapping[str, Any] = json.loads(data)
    return Delivery(
        id=receipt,
        source=source,
        delivery=delivery,
        received=received,
        state=DeliveryState(state),
        reason=None if reason is None else DeadReason(reason),
        body=body,
        **known,
    )
