"""The gateway as a Lambda function behind a function URL: HTTP events go through Mangum to the application, and what
wakes it (aws_events.py) to the scheduler.

`handler` is for any Lambda runtime for Python; `python -m gateway.aws_lambda` is our image's entry point, which
speaks the Runtime API itself.  Mangum answers in one piece: no stream is longer than its `wait`.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from toolkit.clouds.aws import clients_for, cloud_of, translated
from toolkit.core.errors import UsageError
from toolkit.core.names import GATEWAY
from toolkit.wiring import Services

from . import aws_events
from .deployment import place
from .log_lines import log_to_stdout

if TYPE_CHECKING:
    from toolkit.inside.runtime_api import LambdaContext

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_RESPONSE = 6_291_456  # bytes
RESERVE = 20.0  # seconds of an invocation in which nothing is begun any more: launches end, and runs are looked after


class Function:
    """One process of the function: the application, and the scheduler that is woken between its requests."""

    def __init__(self, services: Services) -> None:
        from mangum import Mangum

        from .app import create_app, recorded_desk
        from .relayed_in_ledger import RelayedInLedger
        from .waking import Waking

        asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum asks for this thread's
        self.waking = Waking(recorded_desk(services), partial(call_on, services))
        relayed = RelayedInLedger(services.ledger)
        app = create_app(services, desk=self.waking.desk, relayed=relayed)
        self._mangum = Mangum(app, lifespan="off")

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """To HTTP.  What it queued is taken by another invocation: this process stands still when it has answered."""
        answer: dict[str, Any] = self._mangum(event, context)
        self.waking.pass_on()
        return bounded(answer)

    def wake(self, event: aws_events.Event, seconds: float) -> dict[str, Any]:
        """Act on what is no HTTP, and begin nothing after so many seconds."""
        match event:
            case aws_events.Timer():
                self.waking.timer(seconds)
            case aws_events.Work():
                self.waking.work(seconds)
            case aws_events.Ended(run=run) if run is not None:
                self.waking.ended(run, seconds)
        self.waking.pass_on()
        return {}


@cache
def function() -> Function:
    """Made once per process, in Lambda's init phase where our own loop runs."""
    from .deployment import load

    return Function(load(place()))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The answer to a function-URL or API Gateway event, or nothing much to one that wakes.  Raises UsageError for an
    event of another kind."""
    if "requestContext" in event:
        return function().answer(dict(event), context)
    woken = aws_events.parse(event)
    return function().wake(woken, max(0.0, remaining(context) - RESERVE))


def remaining(context: Any) -> float:
    """Seconds until this invocation is cut; of our own context, or of any Lambda runtime's for Python
    (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""
    if hasattr(context, "deadline_ms"):
        return float(context.deadline_ms / 1000 - time.time())
    return float(context.get_remaining_time_in_millis() / 1000)


def call_on(services: Services) -> None:
    """Have this function called once more, without waiting for it.  Raises Unreachable and the like."""
    clients = clients_for(cloud_of(services.environment))
    with translated("waking the gateway"):
        clients.waker.invoke(
            FunctionName=services.context.names.function(GATEWAY),
            InvocationType="Event",
            Payload=json.dumps(aws_events.WAKE).encode(),
        )


def bounded(answer: dict[str, Any], most: int = MOST_RESPONSE) -> dict[str, Any]:
    """The answer, or in place of one that Lambda would refuse, a 500 that says so."""
    if len(_encoded(answer)) <= most:
        return answer
    told = {
        "error": f"the answer is larger than Lambda's {most} bytes",
        "hint": "ask for fewer lines",
    }
    headers = {"content-type": "application/json"}
    return {
        "statusCode": 500,
        "headers": headers,
        "body": json.dumps(told),
        "isBase64Encoded": False,
    }


def handle(payload: bytes, context: "LambdaContext") -> bytes:
    """The same for our own loop, in bytes."""
    event = json.loads(payload)
    if not isinstance(event, dict):
        raise UsageError("the event is no JSON object", hint="call the gateway by its URL")
    return _encoded(handler(event, context))


def _encoded(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")


def main() -> None:
    """Serve invocations until the platform ends this process."""
    from toolkit.inside.runtime_api import serve

    log_to_stdout()
    function()
    serve(handle, api=os.environ["AWS_LAMBDA_RUNTIME_API"])


if __name__ == "__main__":
    main()
