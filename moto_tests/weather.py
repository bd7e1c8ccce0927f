"""Bad weather between a boto3 session and moto: any operation of any service meets a fate, and botocore's retries are real.

Where trouble.py stands in the network and knows the calls of a run, this stands in botocore, which knows all operations
by their names.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from toolkit.clouds.aws import Clients

_CODES = {"logs": "ThrottlingException", "s3": "SlowDown", "ec2": "RequestLimitExceeded"}


class Fate(StrEnum):
    """What happens to a call."""

    THROTTLED = "throttled"
    BROKEN = "broken"  # a 500, and nothing was done
    UNSENT = "unsent"  # the connection breaks before anything was done
    UNHEARD = "unheard"  # the connection breaks after it was done
    BROKEN_AFTER = "broken after"  # a 500, and it was done
    TWICE = "twice"  # the network brings it twice


class Weather:
    """Of one account's clients, from its making on."""

    def __init__(self, clients: Clients) -> None:
        self._due: dict[str, list[Fate]] = defaultdict(list)
        self._wire = URLLib3Session()
        clients.session.events.register("before-send", self._met)
        for made in clients._made.values():
            made.meta.events.register("before-send", self._met)

    def befall(self, operation: str, fate: Fate, times: int = 1) -> None:
        """The next calls of the operation, as `ecs:RunTask`, meet it."""
        self._due[operation] += [fate] * times

    @property
    def due(self) -> tuple[str, ...]:
        """The operations whose calls are still to meet something."""
        return tuple(operation for operation, fates in self._due.items() if fates)

    def _met(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        _, service, name = event_name.split(".")
        due = self._due[f"{service}:{name}"]
        return self._befallen(due.pop(), request, service) if due else None

    def _befallen(self, fate: Fate, request: Any, service: str) -> AWSResponse | None:
        if fate in (Fate.UNHEARD, Fate.BROKEN_AFTER, Fate.TWICE):
            self._wire.send(request)
        if fate is Fate.TWICE:
            return None
        if fate in (Fate.UNSENT, Fate.UNHEARD):
            raise ConnectionClosedError(endpoint_url=request.url)
        return _refusal(request, service, throttled=fate is Fate.THROTTLED)


def _refusal(request: Any, service: str, *, throttled: bool) -> AWSResponse:
    """In the words of the service's protocol."""
    code = _CODES.get(service, "ThrottlingException") if throttled else "InternalError"
    headers = {"x-amzn-ErrorType": code}
    if "X-Amz-Target" in request.headers or service in ("lambda", "scheduler"):
        body = json.dumps({"__type": code, "message": "no"})
    elif service == "s3":
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    elif service == "ec2":
        body = f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>"
    else:
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    status = (503 if service == "s3" else 400) if throttled else 500
    return AWSResponse(request.url, status, _Headers(headers), _Raw(body.encode()))


class _Headers(dict[str, str]):
    """Of an answer that nobody sent."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in given.items()})


class _Raw(BytesIO):
    """What urllib3 would have read."""

    def stream(self, **_: Any) -> Any:
        yield self.read()
