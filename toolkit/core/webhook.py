"""What a webhook provider is: how it signs, how it numbers its deliveries, and what an agent is told of one.

A provider is data and a few pure functions.  It sees one request and one secret at a time, reads no clock and keeps
nothing: which sources there are, which secrets may verify and what is stored are the gateway's.  Bodies are hostile, also
when they are signed: whoever writes an issue's title writes them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from .secrets import Secret

MOST_TEXT = 4_000  # characters of each text that an agent is told; "..." follows what was cut
MOST_STORED = 256 * 1024  # bytes of a body that are kept with its receipt
FORM = "application/x-www-form-urlencoded"
WINDOW_SECONDS = (
    300  # how far a signed time may be from ours, as the Standard Webhooks specification advises
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A delivery as it came: header names in lower case, the body as bytes."""

    headers: Mapping[str, str]
    body: bytes


def payload_of(request: WebhookRequest) -> Mapping[str, Any] | None:
    """The JSON object in the body, which may be a form whose field `payload` holds it; None when there is none: invalid
    UTF-8, too deep, numbers that are none, anything else than an object.  Of repeated keys the last counts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = request.body.decode()  # JSON between systems is UTF-8
        if kind == FORM:
            text = parse_qs(text, max_num_fields=50)["payload"][0]
        found = _READ(text)
    except (ValueError, KeyError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refused(name: str) -> None:
    """NaN and Infinity are JavaScript's, not JSON's (https://www.rfc-editor.org/rfc/rfc8259#section-6)."""
    raise ValueError(name)


_READ = json.JSONDecoder(parse_constant=_refused).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookContext:
    """One event in words that all providers share.  `source` is the provider; `repo` is what its events belong to: a
    repository, a project, an organization, a server, a workspace or an account.  `channel` is where it was said."""

    source: str
    event: str
    sender: str
    action: str | None = None
    repo: str | None = None
    number: int | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None
    author: str | None = None
    assignee: str | None = None
    labels: tuple[str, ...] = ()
    branch: str | None = None
    channel: str | None = None
    conclusion: str | None = None
    comment: str | None = None

    @property
    def summary(self) -> str:
        return f"{self.event} {self.action}" if self.action else self.event

    def to_dict(self, *, timestamp: str, receipt: str | None = None) -> dict[str, Any]:
        """As an agent is given it: what there is, in camelCase, with the time of its arrival in ISO 8601."""
        there = ((name, getattr(self, name)) for name in _NAMES)
        told = {name: value for name, value in there if value is not None}
        told |= {"labels": list(self.labels)} if self.labels else {}
        told |= {"receiptId": receipt} if receipt else {}
        return told | {"timestamp": timestamp}


_NAMES = tuple(entry.name for entry in fields(WebhookContext) if entry.name != "labels")

Payload = Mapping[str, Any]
Verify = Callable[[WebhookRequest, Secret, datetime], bool]
Delivery = Callable[[WebhookRequest, Payload], str | None]
Read = Callable[[WebhookRequest, Payload], WebhookContext | None]


def _no_delivery(request: WebhookRequest, payload: Payload) -> str | None:
    """For senders that do not number their deliveries."""
    return None


def _no_challenge(payload: Payload) -> Mapping[str, Any] | None:
    """For senders that only send events."""
    return None


def _no_reply(payload: Payload, runs: int) -> Mapping[str, Any]:
    """For senders that read nothing but the status."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`secrets` are the fields of each credential type that can verify; the first that has a value does.  `signatures`
    are the headers that prove something: they are never stored.  `marks` are further headers that only this sender has.

    `verify` compares in constant time and is False for whatever is malformed.  `context` is None for what is no event
    (a ping).  `challenge` is the answer to a sender that sets up its side, `reply` what it wants to read besides when
    so many runs have been queued, and `probe` the answer to its GET with a token (None refuses the token).
    """

    name: str
    context: Read
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signatures: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    verify: Verify | None = None
    delivery: Delivery = _no_delivery
    challenge: Callable[[Payload], Mapping[str, Any] | None] = _no_challenge
    reply: Callable[[Payload, int], Mapping[str, Any]] = _no_reply
    probe: Callable[[Mapping[str, str], Secret], Mapping[str, Any] | None] | None = None

    def sent(self, headers: Mapping[str, str]) -> bool:
        """Whether these look like headers of this sender, signed or not."""
        return not (self.signatures | self.marks).isdisjoint(headers)

    def signed(self, request: WebhookRequest) -> bool:
        """Whether it claims to be signed, well or badly."""
        return not self.signatures.isdisjoint(request.headers)
