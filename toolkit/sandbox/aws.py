"""The sandbox's AWS endpoint: moto's APIs, refusing what the real services refuse, and starting what they start.

A WSGI application for a threaded server.  Per request: browsers are refused; the call is decoded; what the real
service would refuse is refused; then a handler answers, or moto does.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from moto.core.exceptions import JsonRESTError, ServiceException

from toolkit.core.errors import AlError

from .access import Access
from .calls import Answer, Call, Environ, Refusal, credentials_of, decode, encode, respond
from .cloud import Cloud
from .guard import refusal
from .handlers import Handler

Check = Callable[[Call], None]  # raises Refusal
Control = Callable[[str, Environ], Answer | None]  # answers paths below /al-sandbox/
# in the form of the query protocol, which clients of services that speak XML read, too
_DENIED = (
    b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    b"</ErrorResponse>"
)


class Front:
    """`checks` see every call before anything else does; `touch` hears of every request."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        access: Access,
        handlers: Mapping[tuple[str, str], Handler],
        checks: Sequence[Check],
        control: Control,
        touch: Callable[[], None],
    ) -> None:
        self._cloud, self._handlers, self._checks = cloud, handlers, checks
        self._access = access
        self._control, self._touch = control, touch

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        return respond(self._answer(environ), start_response)

    def _answer(self, environ: Environ) -> Answer:
        if refused := refusal(environ):
            return refused
        self._touch()
        path = environ.get("PATH_INFO", "")
        if path.startswith("/al-sandbox/"):
            return self._controlled(path, environ)
        if path.startswith("/moto-api"):
            return Answer(status=403, body=b"use /al-sandbox/settings\n")
        call = decode(environ)
        return self._called(call) if call else self._passed_on(environ)

    def _passed_on(self, environ: Environ) -> Answer:
        """A call that is not looked into, for whoever may touch its service."""
        key, _, service = credentials_of(environ)
        if self._access.check_service(key, service):
            return self._cloud.ask(environ)
        return Answer(
            status=403,
            body=_DENIED,
        )

    def _controlled(self, path: str, environ: Environ) -> Answer:
        try:
            return self._control(path, environ) or Answer(status=404)
        except (AlError, ValueError) as error:
            return Answer(status=400, body=json.dumps({"error": str(error)}).encode())

    def _called(self, call: Call) -> Answer:
        try:
            for check in self._checks:
                check(call)
            handler = self._handlers.get((call.service, call.operation))
            return (
                handler(call, lambda: self._cloud.ask(call.environ))
                if handler
                else self._cloud.ask(call.environ)
            )
        except ServiceException as error:  # moto's own errors, and our Refusal
            return encode(call, error)
        except JsonRESTError as error:  # moto's older kind, whose `code` is the HTTP status
            return encode(call, Refusal(error.relative_error_type, error.message, error.code))
