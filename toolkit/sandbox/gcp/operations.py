"""Long-running operations: begun now, finished later, asked for by GetOperation.

https://google.aip.dev/151 and https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.operations.  What an
operation is about is its service's business.
"""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .refusals import Refused, not_found
from .rpc import Call, Rpc, Service

if TYPE_CHECKING:
    from .cloud import Google

Work = Callable[[], Any]


@dataclass(slots=True)
class _Kept:
    """By name, serialised: an operation is given away as a copy."""

    operations: dict[str, bytes] = field(default_factory=dict)


class Operations:
    """Every method may be called from any thread."""

    def __init__(self, google: "Google") -> None:
        self._google = google
        self._timers: set[threading.Timer] = set()
        self._changed = threading.Condition(google.lock)

    def soon(self, parent: str, metadata: Any, work: Work) -> Any:
        """An operation below `parent` (projects/P/locations/L) that does `work` when it is due, and answers what it gives.

        A Refused that `work` raises is the operation's error.  `work` runs under the cloud's lock.
        """
        settings, name = self._google.settings, self.begin(parent, metadata).name
        if settings.stuck_operations:
            return self.get(name)
        if settings.operation_seconds <= 0:
            self._do(name, work)
        else:
            self._later(settings.operation_seconds, name, work)
        return self.get(name)

    def begin(self, parent: str, metadata: Any) -> Any:
        """An operation that goes on until `finish` or `fail`."""
        from google.longrunning import operations_pb2

        operation = operations_pb2.Operation(name=f"{parent}/operations/{uuid.uuid4()}")
        operation.metadata.Pack(_protobuf(metadata))
        self._put(operation)
        return operation

    def report(self, name: str, metadata: Any) -> None:
        """What it is about has changed."""
        with self._google.lock:
            operation = self.get(name)
            operation.metadata.Pack(_protobuf(metadata))
            self._put(operation)

    def finish(self, name: str, response: Any) -> None:
        """It is done.  Nothing happens to one that is done already."""
        with self._google.lock:
            operation = self.get(name)
            if not operation.done:
                operation.done = True
                operation.response.Pack(_protobuf(response))
                self._put(operation)

    def fail(self, name: str, refusal: Refused) -> None:
        """It has failed.  Nothing happens to one that is done already."""
        with self._google.lock:
            operation = self.get(name)
            if not operation.done:
                operation.done = True
                operation.error.CopyFrom(refusal.status())
                self._put(operation)

    def get(self, name: str) -> Any:
        """A copy of the operation.  Raises Refused when there is none."""
        from google.longrunning import operations_pb2

        with self._google.lock:
            data = self._google.of(_Kept).operations.get(name)
        if data is None:
            raise not_found(name)
        return operations_pb2.Operation.FromString(data)

    def wait(self, name: str, seconds: float) -> Any:
        """The operation once it is done, or after so long."""
        with self._changed:
            self._changed.wait_for(lambda: self.get(name).done, timeout=seconds)
            return self.get(name)

    def close(self) -> None:
        """Those that are not yet due will not be."""
        for timer in tuple(self._timers):
            timer.cancel()
        self._timers.clear()

    def _later(self, seconds: float, name: str, work: Work) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self._do(name, work)

        timer = threading.Timer(seconds, due)
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

    def _do(self, name: str, work: Work) -> None:
        with self._google.lock:
            try:
                self.finish(name, work())
            except Refused as refusal:
                self.fail(name, refusal)

    def _put(self, operation: Any) -> None:
        with self._changed:
            self._google.of(_Kept).operations[operation.name] = operation.SerializeToString()
            self._changed.notify_all()


class OperationsService(Service):
    """google.longrunning.Operations of all services."""

    def rpcs(self) -> Mapping[str, Rpc]:
        from google.longrunning import operations_pb2 as messages

        return {
            "GetOperation": Rpc(messages.GetOperationRequest, self.get),
            "WaitOperation": Rpc(messages.WaitOperationRequest, self.wait, waits=True),
            "DeleteOperation": Rpc(messages.DeleteOperationRequest, self.delete),
        }

    def get(self, asked: Any, _: Call) -> Any:
        return self.google.operations.get(asked.name)

    def wait(self, asked: Any, _: Call) -> Any:
        return self.google.operations.wait(
            asked.name, min(asked.timeout.ToTimedelta().total_seconds(), 30.0)
        )

    def delete(self, asked: Any, _: Call) -> Any:
        from google.protobuf import empty_pb2

        self.google.operations.get(asked.name)
        del self.google.of(_Kept).operations[asked.name]
        return empty_pb2.Empty()


def _protobuf(message: Any) -> Any:
    """The protobuf message of a proto-plus one."""
    return type(message).pb(message) if hasattr(type(message), "pb") else message
