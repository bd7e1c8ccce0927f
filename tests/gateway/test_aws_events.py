"""The events of AWS that wake the gateway, and how much time an invocation has."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.aws_events import WAKE, Ended, Event, Timer, Work, parse
from gateway.aws_lambda import remaining
from toolkit.core.run import RunId
from toolkit.inside.runtime_api import LambdaContext

SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-20T16:53:06Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:123456789012:rule/al-shop-production--timer"],
    "detail": {},
}


def stopped(**detail: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
    kept = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", **detail}
    return {"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": kept}


@pytest.mark.parametrize(
    ("event", "meant"),
    [
        (SCHEDULED, Timer()),
        (WAKE, Work()),
        (stopped(startedBy="dev-12345678"), Ended(run=RunId("dev-12345678"))),
        (stopped(startedBy="ecs-svc/1234"), Ended(run=None)),
        (stopped(), Ended(run=None)),
        (stopped(startedBy=None), Ended(run=None)),
    ],
    ids=["timer", "itself", "a run", "a service", "nobody", "null"],
)
def test_an_event_is_told_by_its_source(event: dict[str, Any], meant: Event) -> None:
    """A task that is no run's is known to be none."""
    assert parse(event) == meant


def test_the_time_that_is_left_is_known_to_every_runtime_for_python() -> None:
    """Ours knows the deadline, Lambda's own the time that is left
    (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""
    ours = LambdaContext(request_id="r", deadline_ms=int((time.time() + 100) * 1000))
    theirs = SimpleNamespace(get_remaining_time_in_millis=lambda: 45_000)
    assert 90 < remaining(ours) <= 100
    assert remaining(theirs) == 45.0
