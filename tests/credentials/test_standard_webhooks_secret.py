"""A secret of the Standard Webhooks specification, checked before it is stored."""

import base64

import pytest

from toolkit.core.secrets import Secret
from toolkit.credentials.types.standard_webhooks_secret import PLUGIN


def wrong(text: str) -> list[str]:
    assert PLUGIN.check is not None
    return PLUGIN.check({"secret": Secret(text)})


@pytest.mark.parametrize("size", [24, 64])
def test_24_to_64_bytes_in_base64_are_a_secret(size: int) -> None:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme"""
    text = base64.b64encode(b"k" * size).decode()
    assert wrong(f"whsec_{text}") == wrong(text) == []


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "whsec_!", "k" * 200])
def test_anything_else_is_refused_without_being_shown(text: str) -> None:
    """It would verify nothing."""
    (words,) = wrong(text)
    assert "the secret" in words
    assert "AAAA" not in words
