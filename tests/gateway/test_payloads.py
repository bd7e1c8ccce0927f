"""The quick reader of deliveries' JSON takes what the standard library takes, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.payloads import payload_in
from toolkit.core.webhook import WebhookRequest, payload_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)  # fmt: skip


def sent(body: bytes, kind: str = "application/json") -> WebhookRequest:
    return WebhookRequest(headers={"content-type": kind}, body=body)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), VALUES))
def test_an_object_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    """Whatever is in it, large numbers and all of Unicode included."""
    assert payload_in(sent(json.dumps(value, ensure_ascii=False).encode())) == value


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"1", b'"x"', b"{", b"{}x", b" {} ", b"\xff", b'{"a": "\xff"}', b"\xef\xbb\xbf{}",
        b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"{'a': 1}",
        b'{"a": ' + b"9" * 5000 + b"}", b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", b"[" * 100_000, b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_both_readers_are_of_one_mind(body: bytes) -> None:
    """About what is hostile, broken, or none of JSON's business."""
    assert payload_in(sent(body)) == payload_of(sent(body))


@pytest.mark.parametrize("body", [b'{"a": 1}', b"payload=%7B%22a%22%3A1%7D", b"payload=x"])
def test_a_form_is_a_form_whatever_it_looks_like(body: bytes) -> None:
    """Its kind says so, in capitals too."""
    kind = "Application/X-WWW-Form-URLencoded; charset=utf-8"
    assert payload_in(sent(body, kind)) == payload_of(sent(body, kind))
