"""Each sender's events on their whole way: signed as it signs, read as it writes, told to who wants them and to nobody else."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, PostOffice, opened, signed
from tests.gateway.signing import NOW, request
from toolkit.config.triggers import SOURCES
from toolkit.core.webhook import WebhookRequest
from toolkit.core.work import DeadReason
from toolkit.wiring import webhook_provider

# an event of each, a filter that it passes, and a value with which it would not
SENDERS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "github": (ISSUE, "repos", "acme/shop", "acme/other"),
    "sentry": ({"action": "created", "data": {"issue": {}}}, "resources", "issue", "comment"),
    "linear": (
        {"type": "Issue", "action": "create", "organizationId": "acme", "data": {"number": 3}}
        | {"webhookTimestamp": int(NOW.timestamp()) * 1000},
        "organizations",
        "acme",
        "other",
    ),
    "mintlify": ({"status": "failed", "project": "docs"}, "actions", "failed", "succeeded"),
    "discord": (
        {"type": 2, "guild_id": "g", "channel_id": "c", "data": {"name": "deploy"}},
        "commands",
        "deploy",
        "roll-back",
    ),
    "twitter": (
        {"for_user_id": "9", "tweet_create_events": [{"text": "hello", "user": {"id": 3}}]},
        "events",
        "tweet_create_events",
        "favorite_events",
    ),
    "slack": (
        {"type": "event_callback", "team_id": "T1", "event": {"type": "app_mention", "user": "U1"}},
        "team_ids",
        "T1",
        "T2",
    ),
    "standard-webhooks": ({"type": "email.bounced"}, "events", "email.bounced", "email.sent"),
}


@pytest.fixture
def office(place: Place) -> Iterator[PostOffice]:
    with opened(place) as office:
        yield office


def test_every_sender_that_signs_is_tried_here() -> None:
    """Those that the configuration knows, but for the one with which things are tried out."""
    assert SENDERS.keys() == SOURCES.keys() - {"test"}


@pytest.mark.parametrize("kind", SENDERS)
def test_an_event_starts_who_wants_it_and_nobody_else(office: PostOffice, kind: str) -> None:
    """By a filter of that sender's own."""
    payload, name, right, wrong = SENDERS[kind]
    office.source("it", kind, signed(kind))
    office.agent("dev", "it", **{name: [wrong, right]})
    office.agent("ops", "it", **{name: [wrong]})
    assert office.send(kind, payload).status_code == 200
    assert [item.agent for item in office.waiting] == ["dev"]


@pytest.mark.parametrize("kind", SENDERS)
def test_what_its_sender_did_not_sign_is_refused(office: PostOffice, kind: str) -> None:
    """With a signature of something else, and with none."""
    payload, *_ = SENDERS[kind]
    office.source("it", kind, signed(kind))
    office.agent("dev", "it")
    sent = request(kind.replace("-", "_"), payload)
    signatures = webhook_provider(kind).signatures
    bare = {name: text for name, text in sent.headers.items() if name not in signatures}
    changed = WebhookRequest(headers=sent.headers, body=sent.body + b" ")
    unsigned = WebhookRequest(headers=bare, body=sent.body)
    answers = [office.post(f"/webhooks/{kind}", one).status_code for one in (changed, unsigned)]
    assert (answers, office.waiting) == ([401, 401], [])
    assert {note.reason for note in office.deliveries} == {DeadReason.UNVERIFIED}
