"""What wakes the gateway's function beside HTTP, told apart.  Pure.

A rule's events: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html; what ECS says of a task:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.errors import UsageError
from toolkit.core.run import RunId

WAKE = {"source": "al.wake"}  # what the function sends itself


@dataclass(frozen=True, slots=True)
class Timer:
    """A minute has passed, or several."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something was queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A task has stopped.  `run` is None for one that is no run's."""

    run: RunId | None


Event = Timer | Work | Ended


def parse(event: Mapping[str, Any]) -> Event:
    """Raises UsageError for an event that is none of these."""
    match event:
        case {"source": "al.wake"}:
            return Work()
        case {"source": "aws.events", "detail-type": "Scheduled Event"}:
            return Timer()
        case {"source": "aws.ecs", "detail": {"lastStatus": "STOPPED", **detail}}:
            return Ended(run=_run_of(detail))
    raise UsageError(
        f"the gateway cannot act on an event from {_source(event)}",
        hint="it takes HTTP, the events of its own rules, and its own",
    )


def _run_of(detail: Mapping[object, object]) -> RunId | None:
    """Whoever starts a run's task says in `startedBy` which run it is."""
    try:
        return RunId.parse(str(detail.get("startedBy", "")))
    except UsageError:
        return None


def _source(event: Mapping[str, Any]) -> str:
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else event
    named = (first.get(key) for key in ("source", "eventSource")) if isinstance(first, dict) else ()
    return str(next((name for name in named if name), "an unknown source"))[:100]
