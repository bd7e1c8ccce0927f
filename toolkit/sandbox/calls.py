"""One AWS call: what was asked, in the words of its service's model, and how to answer or refuse it on the wire.

Routing, parsing and serialising are moto's, by botocore's models; this file only joins them.
"""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from werkzeug.exceptions import NotFound

Environ = dict[str, Any]
# Services whose calls are looked at; all others go to moto as they are.
KNOWN = frozenset(
    [
        "dynamodb",
        "ec2",
        "ecr",
        "ecs",
        "events",
        "iam",
        "lambda",
        "logs",
        "s3",
        "scheduler",
        "secretsmanager",
        "servicequotas",
        "sqs",
        "sts",
    ]
)
# models that are not called as requests are signed
_MODELS: Mapping[str, str] = {"servicequotas": "service-quotas"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A decoded request.  `parameters` are named as in the service's model, and may be changed before moto sees them."""

    service: str
    operation: str
    parameters: dict[str, Any]
    region: str
    access_key: str
    environ: Environ
    model: OperationModel
    protocol: str

    @property
    def raw(self) -> bytes:
        """The body as it was sent."""
        stream = self.environ["wsgi.input"]
        stream.seek(0)
        data = bytes(stream.read())
        stream.seek(0)
        return data

    def resend(self, parameters: Mapping[str, Any]) -> None:
        """Let moto see these JSON parameters instead of those that were sent."""
        data = json.dumps(parameters).encode()
        self.environ["wsgi.input"], self.environ["CONTENT_LENGTH"] = (
            io.BytesIO(data),
            str(len(data)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return self.status < 300

    def json(self) -> Any:
        return json.loads(self.body)

    def replaced(self, value: Any) -> "Answer":
        """The same answer with another JSON body."""
        headers = tuple(h for h in self.headers if h[0].lower() not in _ABOUT_THE_BODY)
        return Answer(status=self.status, headers=headers, body=json.dumps(value).encode())


_ABOUT_THE_BODY = {"content-length", "x-amz-crc32"}


class Refusal(ServiceException):
    """What the real service would answer instead: its error code and its sentence.

    `members` are further fields of the error's shape, e.g. ConflictException's resourceIds.
    """

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.__dict__.update(members)


def credentials_of(environ: Mapping[str, Any]) -> tuple[str, str, str]:
    """(access key, region, service) of a SigV4 request; empty strings when it is none."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    scope = header.partition("Credential=")[2].partition(",")[0].strip().split("/")
    return (scope[0], scope[2], scope[3]) if len(scope) == 5 else ("", "", "")


def decode(environ: Environ) -> Call | None:
    """The call in this request, or None when it is of a service or a protocol that we only pass on.

    Leaves the body readable again.
    """
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
    key, region, service = credentials_of(environ)
    if service not in KNOWN:
        return None
    request = Request(environ)
    try:
        model, labels = get_service_router(_MODELS.get(service, service)).match(request)
        protocol = determine_request_protocol(model.service_model, request.content_type)
    except (NotFound, NotImplementedError):
        return None
    parameters = _parsed(model, protocol, request, labels)
    environ["wsgi.input"].seek(0)
    return Call(
        service=service,
        operation=str(model.name),
        parameters=parameters,
        region=region,
        access_key=key,
        environ=environ,
        model=model,
        protocol=protocol,
    )


def _parsed(
    model: OperationModel, protocol: str, request: Request, labels: Mapping[str, Any]
) -> dict[str, Any]:
    parser = PROTOCOL_PARSERS[protocol](model)
    described: Any = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": request.get_data(cache=True, parse_form_data=False) or request.data,
        "url_path": request.path,
        "url_params": dict(labels),
    }
    return dict(parser.parse(described))


def encode(call: Call, result: object) -> Answer:
    """`result` (a mapping, moto's objects, or a Refusal) in the protocol of the call."""
    serializer = _serializer(_MODELS.get(call.service, call.service), call.protocol)(
        operation_model=call.model, value_picker=XFormedAttributePicker()
    )
    done = serializer.serialize(result)
    body = done["body"]
    status = getattr(result, "status", None) or done["status_code"]
    headers = tuple((str(k), str(v)) for k, v in done["headers"].items())
    return Answer(
        status=int(status), headers=headers, body=body if isinstance(body, bytes) else body.encode()
    )


@lru_cache(maxsize=64)
def _serializer(service: str, protocol: str) -> Any:
    return get_serializer_class(service, protocol)


def respond(answer: Answer, start_response: Any) -> Iterable[bytes]:
    """`answer` as WSGI, without any permission for browsers of other origins."""
    headers = [
        (k, v)
        for k, v in answer.headers
        if not k.lower().startswith("access-control-") and k.lower() != "content-length"
    ]
    start_response(f"{answer.status} -", [*headers, ("Content-Length", str(len(answer.body)))])
    return [answer.body]
