"""Correctly signed bodies that hold anything anywhere: whoever writes an issue's title writes them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.signing import NOW, request, secret_of
from toolkit.core import registry
from toolkit.core.webhook import MOST_TEXT, WebhookRequest, payload_of
from toolkit.scheduler.matching import judge
from toolkit.wiring import webhook_provider

NAMES = registry.names("webhook")
# the words that the readers look for, so that what is generated is met
LOOKED_FOR = (
    "action type event labels issue pull_request repository full_name data user name id number title body comment head "
    "ref assignee sender login webhookTimestamp organizationId actor email challenge event_callback team_id channel item "
    "member options values components for_user_id tweet_create_events workflow_run pull_requests release review "
    "metric_alert triggered_rule event_alert error project slug status conclusion branch repo"
)
WORDS = LOOKED_FOR.split()
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([*WORDS, "url_verification", 2, 4, 10**400, "\ud800", "\0", "x" * 5000])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
    ),
    max_leaves=15,
)
BODIES = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=8)
FILTERS = {"events": ["issues"], "labels": ["bug"], "orgs": ["acme"], "channels": "c", "x": [None]}


def read(name: str, sent: WebhookRequest) -> dict[str, Any] | None:
    """Everything that the gateway asks of a provider, in its order."""
    provider = webhook_provider(name)
    if provider.verify is not None:
        provider.verify(sent, secret_of(name), NOW)
    if (payload := payload_of(sent)) is None:
        return None
    provider.challenge(payload)
    provider.delivery(sent, payload)
    provider.reply(payload, 1)
    if (context := provider.context(sent, payload)) is None:
        return None
    judge(context, FILTERS)
    return context.to_dict(timestamp="2026-11-20T12:00:00.000Z", receipt="r")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None)
@given(payload=BODIES)
def test_no_body_breaks_a_provider(name: str, payload: dict[str, Any]) -> None:
    """What is told of it can be written as JSON in UTF-8, and no text in it is longer than it may be."""
    told = read(name, request(name, payload))
    assert json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    texts = [value for value in (told or {}).values() if isinstance(value, str)]
    assert all(len(text) <= MOST_TEXT + 3 and "\0" not in text for text in texts)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(body=st.binary(max_size=200))
def test_no_bytes_break_a_provider(name: str, body: bytes) -> None:
    """What is no JSON is no payload."""
    read(name, request(name, body))


HOSTILE = [
    b"null",
    b"3",
    b'"text"',
    b"[]",
    b"[null]",
    b"",
    b"{",
    b"\xff\xfe{}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b"[" * 200_000,
    b'{"a":' * 200_000,
    b'{"number": ' + b"9" * 10_000 + b"}",
]


@pytest.mark.parametrize("body", HOSTILE, ids=[repr(body[:12]) for body in HOSTILE])
def test_what_is_no_json_object_is_no_payload(body: bytes) -> None:
    """Deep nesting and numbers without end among it."""
    assert payload_of(WebhookRequest(headers={}, body=body)) is None


@pytest.mark.parametrize(
    "labels", [None, [None], "bug", [["bug"]], [{"name": None}], {"name": "bug"}, [1.5, {}]]
)
def test_labels_that_are_none_are_left_out(labels: Any) -> None:
    """A string where a list belongs is not a list of letters."""
    payload = {"repository": {"full_name": "acme/shop"}, "issue": {"labels": labels}}
    told = read("github", request("github", payload))
    assert told is not None
    assert "labels" not in told


def test_of_repeated_keys_the_last_counts() -> None:
    """As in every reader of JSON that senders know."""
    sent = request("github", b'{"repository": 3, "repository": {"full_name": "acme/shop"}}')
    assert (read("github", sent) or {})["repo"] == "acme/shop"


def test_a_form_holds_its_json_in_payload() -> None:
    """GitHub's other content type."""
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert payload_of(WebhookRequest(headers=form, body=b"payload=%7B%22a%22%3A1%7D")) == {"a": 1}
    assert payload_of(WebhookRequest(headers=form, body=b"a=1")) is None
    assert payload_of(WebhookRequest(headers=form, body=b"&" * 100 + b"a=1&" * 100)) is None
