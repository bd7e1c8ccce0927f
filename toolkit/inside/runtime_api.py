"""The Lambda Runtime API, from the side of a container image: next invocation, response, error.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.  Generic: agents and the gateway use it alike.  Only
the standard library, because the init phase has 10 seconds
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
"""

import http.client
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from traceback import format_tb
from typing import NoReturn

from toolkit.core.errors import AlError, Unreachable

_VERSION = "/2018-06-01/runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaContext:
    """One invocation.  `deadline_ms` is epoch milliseconds."""

    request_id: str
    deadline_ms: int
    function_arn: str = ""
    trace_id: str = ""


Handler = Callable[[bytes, LambdaContext], bytes]


def serve(handler: Handler, *, api: str) -> NoReturn:
    """Answer invocations for ever.  `api` is AWS_LAMBDA_RUNTIME_API, `host:port`.

    What `handler` returns is the response; what it raises is a function error.  Raises Unreachable when the Runtime
    API is gone, which ends the process: the platform starts another.
    """
    while True:
        event, context = _next(api)
        try:
            answer, kind = handler(event, context), "response"
        except Exception as error:  # the platform must hear of every invocation's end
            answer, kind = _described(error), "error"
        _call(api, "POST", f"/invocation/{context.request_id}/{kind}", answer)


def _next(api: str) -> tuple[bytes, LambdaContext]:
    body, headers = _call(api, "GET", "/invocation/next")
    return body, LambdaContext(
        request_id=headers["Lambda-Runtime-Aws-Request-Id"],
        deadline_ms=int(headers["Lambda-Runtime-Deadline-Ms"]),
        function_arn=headers.get("Lambda-Runtime-Invoked-Function-Arn", ""),
        trace_id=headers.get("Lambda-Runtime-Trace-Id", ""),
    )


def _call(
    api: str, method: str, path: str, body: bytes | None = None
) -> tuple[bytes, http.client.HTTPMessage]:
    # no timeout: `next` waits for as long as there is nothing to do
    connection = http.client.HTTPConnection(api)
    try:
        connection.request(method, _VERSION + path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
    except OSError as error:
        raise Unreachable(
            f"the Lambda Runtime API at {api} does not answer", hint="the platform has gone"
        ) from error
    finally:
        connection.close()
    if response.status >= 300:
        raise Unreachable(
            f"the Lambda Runtime API answered {response.status} to {method} {path}",
            hint="see the function's log",
        )
    return answer, response.headers


def _described(error: Exception) -> bytes:
    """The error as the API wants it.  Only our own errors' texts are known to be free of secrets."""
    text = f"{error.message} ({error.hint})" if isinstance(error, AlError) else ""
    places = format_tb(error.__traceback__)
    line = {"_log": True, "level": "error", "msg": "invocation failed"}
    line |= {"error": type(error).__name__, "text": text, "stack": places}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()
    described = {"errorMessage": text, "errorType": type(error).__name__, "stackTrace": places}
    return json.dumps(described).encode()
