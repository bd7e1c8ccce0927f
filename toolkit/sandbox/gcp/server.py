"""The gRPC port: every service of the table, on loopback, without TLS.

A call goes through here in this order: who is it, is it about to fail by order, may it, the handler, is its answer to be
lost.  Nothing here knows what a service does.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from typing import Any

import grpc
from grpc_status import rpc_status  # type: ignore[import-untyped]

from .cloud import Google
from .refusals import Refused
from .rpc import Call, Kind, Rpc

HOST = "127.0.0.1"
THREADS = 128  # a follower of logs or of a document holds one as long as it follows
_LARGEST = (
    32 * 1024 * 1024
)  # https://cloud.google.com/run/quotas: the most that any of these services takes


class Server(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A gRPC server of one cloud, from its making until `close()`."""

    def __init__(self, google: Google, port: int = 0) -> None:
        self._google = google
        options = (("grpc.max_receive_message_length", _LARGEST), ("grpc.so_reuseport", 0))
        self._server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="google"), (self,), options=options
        )
        self.port: int = self._server.add_insecure_port(f"{HOST}:{port}")
        self.address = google.grpc = f"{HOST}:{self.port}"
        self._server.start()

    def close(self) -> None:
        """At once; who is connected is cut off.  Returns when nothing is served any more."""
        self._server.stop(None).wait()

    def service(self, handler_call_details: Any) -> Any:
        """gRPC's hook: the handler of a method; None makes it UNIMPLEMENTED."""
        method: str = handler_call_details.method.lstrip("/")
        name, _, rpc_name = method.partition("/")
        service = self._google.service(name)
        rpc = service.rpcs().get(rpc_name) if service else None
        return self._handler(method, rpc) if rpc else None

    def _handler(self, method: str, rpc: Rpc) -> Any:
        make = {
            Kind.UNARY: grpc.unary_unary_rpc_method_handler,
            Kind.ANSWERS: grpc.unary_stream_rpc_method_handler,
            Kind.STREAM: grpc.stream_stream_rpc_method_handler,
        }[rpc.kind]
        behaviour = self._unary if rpc.kind is Kind.UNARY else self._stream

        def called(asked: Any, context: Any) -> Any:
            return behaviour(method, rpc, asked, context)

        reader = getattr(rpc.request, "deserialize", None) or rpc.request.FromString
        return make(called, request_deserializer=reader, response_serializer=_serialized)

    def _unary(self, method: str, rpc: Rpc, asked: Any, context: Any) -> Any:
        return _answered(context, lambda: ask(self._google, method, rpc, asked, context))

    def _stream(self, method: str, rpc: Rpc, asked: Any, context: Any) -> Iterator[Any]:
        def answers() -> Iterator[Any]:
            call = _begun(self._google, method, context)
            if rpc.kind is Kind.ANSWERS and rpc.permission:
                call.require(rpc.permission, rpc.resource(asked))
            name = method.rpartition("/")[2]
            if rpc.kind is Kind.ANSWERS and self._google.faults.repeats(name):
                tuple(rpc.handler(deepcopy(asked), call))
            yield from rpc.handler(asked, call)
            self._google.faults.after(name)

        stream = answers()
        while True:
            answer = _answered(context, lambda: next(stream, _END))
            if answer is _END:
                return
            yield answer


_END = object()


def ask(google: Google, method: str, rpc: Rpc, asked: Any, context: Any) -> Any:
    """One unary call, by gRPC's context.  Raises Refused."""
    call = _begun(google, method, context)
    if rpc.waits:
        return perform(call, rpc, asked)
    with google.lock:
        return perform(call, rpc, asked)


def perform(call: Call, rpc: Rpc, asked: Any) -> Any:
    """The permission, the handler, and the answer that may get lost.  Raises Refused."""
    faults, name = call.google.faults, call.method.rpartition("/")[2]
    if rpc.permission:
        call.require(rpc.permission, rpc.resource(asked))
    if faults.repeats(name):
        with suppress(Refused):
            rpc.handler(deepcopy(asked), call)
    answer = rpc.handler(asked, call)
    faults.after(name)
    return answer


def begin(google: Google, method: str, authorization: str, context: Any = None) -> Call:
    """A call of somebody with this Authorization header.  Raises Refused."""
    google.touch()
    rpc_name = method.rpartition("/")[2]
    with google.lock:
        google.counts[method] += 1
    google.faults.before(rpc_name)
    return Call(
        google=google,
        caller=google.access.caller(authorization),
        method=method,
        context=context,
    )


def _begun(google: Google, method: str, context: Any) -> Call:
    metadata = dict(context.invocation_metadata())
    return begin(google, method, str(metadata.get("authorization", "")), context)


def _answered(context: Any, work: Callable[[], Any]) -> Any:
    """What `work` gives; a refusal becomes the call's status, with its details."""
    try:
        return work()
    except Refused as refusal:
        context.abort_with_status(rpc_status.to_status(refusal.status()))


def _serialized(message: Any) -> bytes:
    kind = type(message)
    data: bytes = (
        kind.serialize(message) if hasattr(kind, "serialize") else message.SerializeToString()
    )
    return data
