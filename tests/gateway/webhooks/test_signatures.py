"""What verifies a delivery: the vendors' own examples, and that nothing else does."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.webhooks._signing import base64_hmac
from tests.gateway.signing import KEY, NOW, SECONDS, STANDARD_KEY, request, secret_of
from toolkit.core import registry
from toolkit.core.secrets import Secret
from toolkit.core.webhook import Provider, WebhookRequest
from toolkit.wiring import webhook_provider

SIGNING = [name for name in registry.names("webhook") if name != "test"]
TIMED = ["slack", "discord", "standard_webhooks"]
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def verifies(provider: Provider, sent: WebhookRequest, secret: Secret, at: datetime = NOW) -> bool:
    assert provider.verify is not None
    return provider.verify(sent, secret, at)


def test_githubs_own_example_verifies() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    sent = WebhookRequest(
        headers={"x-hub-signature-256": f"sha256={signature}"}, body=b"Hello, World!"
    )
    assert verifies(webhook_provider("github"), sent, Secret("It's a Secret to Everybody"))


def test_slacks_own_example_verifies() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    sent = WebhookRequest(headers=headers, body=SLACK_BODY)
    then = datetime.fromtimestamp(1531420618, UTC)
    assert verifies(
        webhook_provider("slack"), sent, Secret("8f742231b10e8888abcd99yyyzzz85a5"), then
    )


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_the_standards_own_example_verifies(prefix: str) -> None:
    """The vector of the reference libraries: https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries"""
    headers = {
        f"{prefix}-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        f"{prefix}-timestamp": "1614265330",
        f"{prefix}-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    sent = WebhookRequest(headers=headers, body=b'{"test": 2432232314}')
    then = datetime.fromtimestamp(1614265330, UTC)
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert verifies(webhook_provider("standard-webhooks"), sent, secret, then)


@pytest.mark.parametrize("name", SIGNING)
def test_what_the_sender_signed_verifies(name: str) -> None:
    """Every provider accepts its own scheme."""
    assert verifies(webhook_provider(name), request(name, {"a": 1}), secret_of(name))


@pytest.mark.parametrize("name", SIGNING)
def test_a_changed_body_does_not_verify(name: str) -> None:
    """The signature covers every byte."""
    sent = request(name, {"a": 1})
    changed = WebhookRequest(headers=sent.headers, body=sent.body + b" ")
    assert not verifies(webhook_provider(name), changed, secret_of(name))


@pytest.mark.parametrize("name", SIGNING)
def test_another_secret_does_not_verify(name: str) -> None:
    """Nor does one that is no secret of that kind."""
    for wrong in ("another", "", "00" * 32, "whsec_AAAA", "ü"):
        assert not verifies(webhook_provider(name), request(name, {"a": 1}), Secret(wrong))


@pytest.mark.parametrize("name", SIGNING)
def test_a_delivery_without_headers_does_not_verify(name: str) -> None:
    """Nothing is not a signature."""
    sent = WebhookRequest(headers={}, body=b"{}")
    assert not verifies(webhook_provider(name), sent, secret_of(name))


@pytest.mark.parametrize("name", SIGNING)
@pytest.mark.parametrize("junk", ["", "sha256=", "ÿþ", "v0=", "v1,", "zz", "0" * 128, " "])
def test_a_malformed_signature_is_refused_and_raises_nothing(name: str, junk: str) -> None:
    """Headers are the sender's to write."""
    provider = webhook_provider(name)
    sent = request(name, {"a": 1})
    signatures = dict.fromkeys(provider.signatures, junk)
    broken = WebhookRequest(headers={**sent.headers, **signatures}, body=sent.body)
    assert not verifies(provider, broken, secret_of(name))


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize(("seconds", "good"), [(-300, True), (300, True), (-301, False), (301, False)])  # fmt: skip
def test_a_signed_time_holds_for_five_minutes(name: str, seconds: int, good: bool) -> None:
    """A delivery that was caught on its way cannot be sent again later."""
    at = NOW + timedelta(seconds=seconds)
    assert verifies(webhook_provider(name), request(name, {}), secret_of(name), at) is good


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("at", ["", "soon", "-1", "1e9", "9" * 40, "²"])
def test_a_time_that_is_none_does_not_verify(name: str, at: str) -> None:
    """Also when it is signed."""
    assert not verifies(webhook_provider(name), request(name, {}, at=at), secret_of(name))


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (-299, True), (-301, False), (301, False)])  # fmt: skip
def test_linears_time_is_in_the_body(seconds: int, good: bool) -> None:
    """`webhookTimestamp` is milliseconds, and signed with the rest."""
    sent = request("linear", {"webhookTimestamp": int(NOW.timestamp() + seconds) * 1000})
    assert verifies(webhook_provider("linear"), sent, Secret(KEY)) is good


def test_one_of_several_signatures_is_enough() -> None:
    """A sender that changes its key signs with both for a while."""
    sent = request("standard_webhooks", {"type": "a"})
    old = f"v1,AAAA v1a,BBBB {sent.headers['webhook-signature']}"
    both = WebhookRequest(headers={**sent.headers, "webhook-signature": old}, body=sent.body)
    assert verifies(webhook_provider("standard-webhooks"), both, Secret(STANDARD_KEY))


def test_x_is_answered_with_the_token_that_it_sent() -> None:
    """The challenge-response check: HMAC-SHA256 of the token with the consumer secret, in Base64."""
    probe = webhook_provider("twitter").probe
    assert probe is not None
    answer = probe({"crc_token": "challenge"}, Secret("consumer"))
    assert answer == {"response_token": "sha256=/C+JvU71Cxwcj95YWObuUqObMhA5/ORQ3tEQIyXOZIw="}


@pytest.mark.parametrize("token", ["", '{"for_user_id": 1}', "payload=%7B%7D", "a b", "x" * 300])
def test_x_gets_no_signature_for_what_could_be_a_delivery(token: str) -> None:
    """Who could have a body of his choice signed could send it as a delivery."""
    probe = webhook_provider("twitter").probe
    assert probe is not None
    assert probe({"crc_token": token}, Secret("consumer")) is None


@pytest.mark.parametrize("secret", ["whsec_", " ", "whsec_ \n"])
def test_a_secret_without_a_key_verifies_nothing(secret: str) -> None:
    """Everybody can sign with an empty key; Standard Webhooks has keys of 24 bytes or more."""
    empty = base64_hmac(b"", b"msg_1.", SECONDS.encode(), b".", b"{}")
    sent = request("standard_webhooks", b"{}", webhook_signature=f"v1,{empty}")
    assert not verifies(webhook_provider("standard-webhooks"), sent, Secret(secret))
