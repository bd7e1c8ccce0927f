"""Who a container of the embedded Google cloud is: its access token, sent with every call.

gRPC sends credentials over TLS only, and the embedded cloud is on loopback without; so they go as plain metadata.  Google
itself is never reached through here.
"""

from collections.abc import Callable
from typing import Any

import grpc

from toolkit.core.secrets import Secret


def identified(channel: Any, token: Callable[[], Secret]) -> Any:
    """The channel, with `token()` in the metadata of every call; the channel is to loopback (gcp.py sees to it)."""
    return grpc.intercept_channel(channel, _Identity(token))


class _Details(grpc.ClientCallDetails):  # type: ignore[misc]
    """Of a call, with more metadata."""

    def __init__(self, details: Any, more: tuple[tuple[str, str], ...]) -> None:
        self.method, self.timeout = details.method, details.timeout
        self.credentials, self.wait_for_ready = details.credentials, details.wait_for_ready
        self.compression = details.compression
        self.metadata = (*(details.metadata or ()), *more)


class _Identity(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[misc]
    grpc.StreamStreamClientInterceptor,  # type: ignore[misc]
):
    def __init__(self, token: Callable[[], Secret]) -> None:
        self._token = token

    def _sent(self, go_on: Any, details: Any, request: Any) -> Any:
        header = ("authorization", f"Bearer {self._token().reveal()}")
        return go_on(_Details(details, (header,)), request)

    intercept_unary_unary = intercept_unary_stream = _sent
    intercept_stream_unary = intercept_stream_stream = _sent
