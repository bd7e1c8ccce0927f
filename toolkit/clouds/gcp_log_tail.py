"""One session of Cloud Logging's live tail: entries as they are received, for speed and for nothing else.

It may be refused (ten sessions in a project), is cut off after an hour, and leaves entries out when there are many, of which
it gives the number (https://cloud.google.com/logging/docs/view/streaming-live-tailing).  Whoever uses it lists as well.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from toolkit.core.errors import AlError
from toolkit.core.waits import waiting

from .gcp import GcpClients
from .gcp_errors import translated

OPENING = 2.0  # seconds until a session that nothing was heard of is taken for open


class Tail:
    """Tells `told` of each entry (protobuf) that matches `wanted`, from a thread of its own."""

    def __init__(
        self,
        clients: GcpClients,
        wanted: str,
        told: Callable[[Any], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients, self._wanted, self._told, self._clock = clients, wanted, told, clock
        self._over = threading.Event()
        self._call: Any = None
        self._opened = clock()
        self.lost_at: float | None = None  # when it last left something out, or ended
        self.reason = ""  # why it ended
        self._thread = threading.Thread(target=self._follow, daemon=True, name="log-tail")
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._over.is_set()

    def complete_since(self, moment: float) -> bool:
        """Whether everything that was received after `moment`, on the clock, has been told."""
        return (
            self.alive
            and moment >= self._opened + OPENING
            and (self.lost_at is None or self.lost_at < moment)
        )

    def close(self) -> None:
        """Returns at once; nothing more is told soon."""
        self._over.set()
        if self._call is not None:
            self._call.cancel()

    def _follow(self) -> None:
        try:
            self._read()
        except AlError as error:
            self.reason = error.message
        finally:
            self.lost_at = self._clock()

    def _read(self) -> None:
        import grpc
        from google.api_core import exceptions
        from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

        with translated("following the log"):
            transport: Any = self._clients.client(LoggingServiceV2Client).transport
            try:
                # the library's own method returns with the first entry only, and could not be ended before
                self._call = transport.tail_log_entries(self._requests())
                for answer in self._call:
                    if self._over.is_set():
                        return
                    self._take(type(answer).pb(answer))
            except grpc.RpcError as error:
                if not self._over.is_set():
                    raise exceptions.from_grpc_error(error) from error  # type: ignore[no-untyped-call]

    def _requests(self) -> Iterator[Any]:
        """One, and then the stream is held open from this side."""
        from google.cloud.logging_v2.types import TailLogEntriesRequest

        yield TailLogEntriesRequest(
            resource_names=[self._clients.parent],
            filter=self._wanted,
            buffer_window={"seconds": 0},  # whoever reads puts them in order
        )
        self._over.wait()

    def _take(self, answer: Any) -> None:
        for entry in answer.entries:
            self._told(entry)
        if left_out := sum(info.suppressed_count for info in answer.suppression_info):
            self.lost_at = self._clock()
            waiting(
                f"waiting for {left_out} lines that Cloud Logging's live tail has left out: they are listed"
            )
