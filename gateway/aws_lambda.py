"""The gateway as a Lambda function behind a function URL: HTTP events go through Mangum to the application.

`handler` is for any Lambda runtime for Python; `python -m gateway.aws_lambda` is our image's entry point, which
speaks the Runtime API itself.  Mangum answers in one piece: no stream is longer than its `wait`.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from toolkit.core.errors import UsageError

from .deployment import place
from .log_lines import log_to_stdout

if TYPE_CHECKING:
    from mangum import Mangum

    from toolkit.inside.runtime_api import LambdaContext

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_RESPONSE = 6_291_456  # bytes


@cache
def application() -> "Mangum":
    """Made once per process, in Lambda's init phase where our own loop runs."""
    from mangum import Mangum

    from .app import create_app
    from .deployment import load

    asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum asks for this thread's
    return Mangum(create_app(load(place())), lifespan="off")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The answer to a function-URL or API Gateway event.  Raises UsageError for an event of another kind."""
    if "requestContext" not in event:
        raise UsageError(
            f"the gateway cannot act on an event from {_source(event)}",
            hint="this version answers HTTP only; schedules and queues come later",
        )
    answer: dict[str, Any] = application()(dict(event), context)
    return bounded(answer)


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


def _source(event: Mapping[str, Any]) -> str:
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else event
    named = (first.get(key) for key in ("source", "eventSource")) if isinstance(first, dict) else ()
    return str(next((name for name in named if name), "an unknown source"))[:100]


def main() -> None:
    """Serve invocations until the platform ends this process."""
    from toolkit.inside.runtime_api import serve

    log_to_stdout()
    application()
    serve(handle, api=os.environ["AWS_LAMBDA_RUNTIME_API"])


if __name__ == "__main__":
    main()
