"""Invoke: synchronous answers, and the queue of asynchronous events with its retries and double deliveries.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: two retries by default, one and
two minutes after a failure, for six hours at most; the same event can arrive twice.
"""

import json
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from .calls import Answer, Call, Refusal
from .functions import Functions
from .handlers import Ask, Handler
from .host import Host
from .lambda_host import FunctionVersion, Invocation
from .pool import Pool

SYNCHRONOUS_BYTES, ASYNCHRONOUS_BYTES = 6_291_456, 1_048_576  # API reference, Invoke
_DEFAULTS = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21600}


class Invoking:
    """Starts what Invoke asks for, and knows what runs."""

    def __init__(self, host: Host, functions: Functions) -> None:
        self._host, self._functions = host, functions
        self.pool = Pool(host)
        self.configs: dict[tuple[str, str], dict[str, Any]] = {}  # (function, qualifier)
        self._waiting = 0
        self._counting = threading.Lock()
        self._closed = threading.Event()

    @property
    def busy(self) -> bool:
        return self.pool.busy or self._waiting > 0

    def close(self) -> None:
        self._closed.set()
        self.pool.close()

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        own: dict[str, Handler] = {
            "Invoke": self.invoke,
            "DeleteFunction": self.delete,
            "PutFunctionEventInvokeConfig": self.put_config,
            "UpdateFunctionEventInvokeConfig": self.put_config,
            "GetFunctionEventInvokeConfig": self.get_config,
            "DeleteFunctionEventInvokeConfig": self.delete_config,
            "ListFunctionEventInvokeConfigs": self.list_configs,
        }
        return {("lambda", name): handler for name, handler in own.items()}

    def invoke(self, call: Call, ask: Ask) -> Answer:
        name, qualifier = _target(call)
        function = self._functions.find(name, qualifier, call.region)
        if function is None:
            return ask()  # no image: moto's echo
        self._functions.check_active(function.name)
        self._functions.check_image(function)
        asynchronous = call.parameters.get("InvocationType") == "Event"
        payload = _payload(call.raw, ASYNCHRONOUS_BYTES if asynchronous else SYNCHRONOUS_BYTES)
        request_id = str(uuid.uuid4())
        if call.parameters.get("InvocationType") == "DryRun":
            return Answer(status=204)
        if asynchronous:
            self._enqueue(function, qualifier, payload, request_id)
            return Answer(status=202, headers=(("x-amzn-RequestId", request_id),))
        return self._answered(function, self.run(function, payload, request_id))

    def run(self, function: FunctionVersion, payload: bytes, request_id: str) -> Invocation:
        """One synchronous invocation.  Raises Refusal (429) beyond the reserved concurrency."""
        invocation = Invocation(request_id=request_id, payload=payload, arn=function.arn)
        if not self.pool.enter(function.name, self._reserved(function.name)):
            raise Refusal(
                "TooManyRequestsException",
                "Rate Exceeded.",
                429,
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            )
        try:
            self.pool.run(function, invocation)
        finally:
            self.pool.leave(function.name)
        return invocation

    def _reserved(self, name: str) -> int | None:
        with self._host.cloud.backend("lambda") as backend:
            most = backend.get_function(name).reserved_concurrency
        return None if most is None else int(most)

    def _answered(self, function: FunctionVersion, done: Invocation) -> Answer:
        error, body = done.error, done.answer
        if len(body) > SYNCHRONOUS_BYTES:
            error, body = "Unhandled", _too_large(len(body))
        headers = [
            ("Content-Type", "application/json"),
            ("x-amzn-RequestId", done.request_id),
            ("X-Amz-Executed-Version", function.version),
        ]
        headers += [("X-Amz-Function-Error", "Unhandled")] if error else []
        return Answer(headers=tuple(headers), body=body)

    def delete(self, call: Call, ask: Ask) -> Answer:
        """A version that an alias points to stays (API reference, DeleteFunction)."""
        name, qualifier = _target(call)
        if qualifier and self._functions.aliased(name, qualifier, call.region):
            raise Refusal(
                "ResourceConflictException",
                f"Version {qualifier} cannot be deleted: it is referenced by an alias.",
                409,
            )
        answer = ask()
        if answer.ok and not call.parameters.get("Qualifier"):
            name = _target(call)[0]
            self.pool.forget(name)
            self.configs = {key: c for key, c in self.configs.items() if key[0] != name}
        return answer

    # the asynchronous queue

    def event(self, name: str, payload: bytes) -> None:
        """An asynchronous event of another service, delivered when this returns.  Raises moto's error, and Refusal."""
        function = self._functions.find(name, None)
        if function is None:
            return
        self._functions.check_active(name)
        for _ in range(1 + self._host.settings().duplicate_events):
            with self._counting:
                self._waiting += 1
            self._deliver(function, payload, str(uuid.uuid4()), self._config(name, None))

    def _enqueue(
        self, function: FunctionVersion, qualifier: str | None, payload: bytes, request_id: str
    ) -> None:
        config = self._config(function.name, qualifier)
        for _ in range(1 + self._host.settings().duplicate_events):
            with self._counting:
                self._waiting += 1
            threading.Thread(
                target=self._deliver, args=(function, payload, request_id, config), daemon=True
            ).start()

    def _config(self, name: str, qualifier: str | None) -> dict[str, Any]:
        return {**_DEFAULTS, **self.configs.get((name, qualifier or "$LATEST"), {})}

    def _deliver(
        self, function: FunctionVersion, payload: bytes, request_id: str, config: Mapping[str, int]
    ) -> None:
        """Until it succeeds, its retries are used up, or it is too old."""
        try:
            attempts, oldest = 0, time.monotonic() + config["MaximumEventAgeInSeconds"]
            pause = self._host.settings().retry_seconds
            while attempts <= config["MaximumRetryAttempts"] and time.monotonic() < oldest:
                wait = pause * 2 ** max(0, attempts - 1) if attempts else 0.0
                if self._closed.wait(wait):
                    return
                try:
                    if not self.run(function, payload, request_id).error:
                        return
                    attempts += 1
                except Refusal:  # throttled: tried again until it is too old, not counted
                    self._closed.wait(1.0)
        finally:
            with self._counting:
                self._waiting -= 1

    # event invoke configurations, per qualifier (moto has one per function)

    def put_config(self, call: Call, _: Ask) -> Answer:
        key = self._key(call)
        wanted = {
            name: call.parameters[name]
            for name in (*_DEFAULTS, "DestinationConfig")
            if name in call.parameters
        }
        before = self.configs.get(key, {}) if call.operation.startswith("Update") else {}
        self.configs[key] = {**before, **wanted, "LastModified": time.time()}
        return _json(self._described(call, key))

    def get_config(self, call: Call, _: Ask) -> Answer:
        return _json(self._described(call, self._key(call)))

    def delete_config(self, call: Call, _: Ask) -> Answer:
        key = self._key(call)
        self._described(call, key)
        del self.configs[key]
        return Answer(status=204)

    def list_configs(self, call: Call, _: Ask) -> Answer:
        name = self._key(call)[0]
        found = [self._described(call, key) for key in self.configs if key[0] == name]
        return _json({"FunctionEventInvokeConfigs": found})

    def _key(self, call: Call) -> tuple[str, str]:
        name, qualifier = _target(call)
        with self._host.cloud.backend("lambda", call.region) as backend:
            function = backend.get_function(name, qualifier)
        return function.function_name, qualifier or "$LATEST"

    def _described(self, call: Call, key: tuple[str, str]) -> dict[str, Any]:
        arn = f"arn:aws:lambda:{call.region}:{self._host.cloud.account}:function:{key[0]}:{key[1]}"
        if key not in self.configs:
            raise Refusal(
                "ResourceNotFoundException",
                f"The function {arn} doesn't have an EventInvokeConfig",
                404,
            )
        return {"FunctionArn": arn, **self.configs[key]}


def _target(call: Call) -> tuple[str, str | None]:
    """(function's name, qualifier) of a call that names it by name, name:qualifier or ARN."""
    given: str = call.parameters["FunctionName"]
    parts = given.rsplit(":function:", maxsplit=1)[-1].split(":")
    return parts[0], (parts[1] if len(parts) > 1 else call.parameters.get("Qualifier"))


def _payload(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise Refusal(
            "RequestTooLargeException",
            f"Request must be smaller than {most} bytes for the InvokeFunction operation",
            413,
        )
    try:
        json.loads(body or b"{}")
    except ValueError as error:
        raise Refusal(
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
            400,
        ) from error
    return body or b"{}"


def _too_large(size: int) -> bytes:
    text = f"Response payload size ({size} bytes) exceeded maximum allowed payload size ({SYNCHRONOUS_BYTES} bytes)."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": text}).encode()


def _json(value: object) -> Answer:
    return Answer(headers=(("Content-Type", "application/json"),), body=json.dumps(value).encode())
