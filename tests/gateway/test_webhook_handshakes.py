"""What senders ask for besides taking their events: challenges, pings and answers that they show."""

from collections.abc import Iterator

import pytest

from tests.gateway.place import Place
from tests.gateway.post_office import PostOffice, opened, signed
from tests.gateway.signing import KEY, request
from toolkit.core.secrets import Secret
from toolkit.core.webhook import WebhookRequest

COMMAND = {
    "type": 2,
    "id": "1",
    "guild_id": "g",
    "channel_id": "c",
    "data": {"name": "deploy", "options": [{"name": "to", "value": "prod"}]},
    "member": {"user": {"username": "ada"}},
}
MESSAGE = {
    "type": "event_callback",
    "event_id": "Ev1",
    "team_id": "T1",
    "event": {"type": "app_mention", "text": "hello", "user": "U1", "channel": "C1"},
}
TWEET = {"for_user_id": "9", "tweet_create_events": [{"text": "hello", "user": {"id": 3}}]}


@pytest.fixture
def office(place: Place) -> Iterator[PostOffice]:
    with opened(place) as office:
        yield office


def test_slack_gets_its_challenge_back_when_it_signs(office: PostOffice) -> None:
    """Setting up the URL; nothing is stored for it."""
    office.source("talk", "slack", signed("slack"))
    challenge = {"type": "url_verification", "challenge": "3eZbrw1aB"}
    assert office.send("slack", challenge).json() == {"challenge": "3eZbrw1aB"}
    plain = WebhookRequest(headers={}, body=b'{"type": "url_verification", "challenge": "x"}')
    assert office.post("/webhooks/slack", plain).status_code == 401
    assert [note.reason for note in office.deliveries] == ["validation_failed"]


def test_slacks_retries_are_known_by_the_events_id(office: PostOffice) -> None:
    """It sends the same event again when we were slow."""
    office.source("talk", "slack", signed("slack"))
    office.agent("dev", "talk", channels=["C1"], team_ids=["T1"])
    assert office.send("slack", MESSAGE).json()["matched"] == 1
    assert office.send("slack", MESSAGE, x_slack_retry_num="1").json()["duplicate"] is True


def test_an_old_signed_delivery_is_refused(office: PostOffice) -> None:
    """Caught on its way and sent again later: its time is signed."""
    office.source("talk", "slack", signed("slack"))
    office.clock.sleep(301)
    assert office.post("/webhooks/slack", request("slack", MESSAGE)).status_code == 401


def test_discords_ping_is_answered_when_it_is_signed(office: PostOffice) -> None:
    """Discord sends wrong signatures on purpose, and takes the URL away from who accepts them."""
    office.source("guild", "discord", signed("discord"))
    assert office.send("discord", {"type": 1}).json() == {"type": 1}
    forged = WebhookRequest(headers={"x-signature-ed25519": "00" * 64}, body=b'{"type": 1}')
    assert office.post("/webhooks/discord", forged).status_code == 401


def test_a_command_on_discord_is_answered_for_its_user(office: PostOffice) -> None:
    """Without an answer in three seconds Discord says that the application did not respond."""
    office.source("guild", "discord", signed("discord"))
    office.agent("dev", "guild", commands=["deploy"], guilds=["g"], channels=["c"])
    answer = office.send("discord", COMMAND).json()
    assert (answer["type"], answer["data"]["content"]) == (4, "Accepted: 1 run queued.")
    assert office.waiting[0].trigger.context["body"] == '[{"name": "to", "value": "prod"}]'


def test_discords_autocompletion_is_answered_without_choices(office: PostOffice) -> None:
    """Type 8 is the only answer that it takes."""
    office.source("guild", "discord", signed("discord"))
    answer = office.send("discord", COMMAND | {"type": 4}).json()
    assert (answer["type"], answer["data"]) == (8, {"choices": []})


def test_x_checks_that_we_know_the_secret(office: PostOffice) -> None:
    """At once when the URL is registered, and every hour."""
    office.source("birds", "twitter", Secret(KEY))
    answer = office.client.get("/webhooks/twitter", params={"crc_token": "abc"})
    assert answer.json()["response_token"].startswith("sha256=")
    named = office.client.get("/webhooks/twitter/birds", params={"crc_token": "abc"})
    assert named.json() == answer.json()
    assert office.client.get("/webhooks/twitter").status_code == 400


def test_x_may_have_its_application_under_the_older_names(office: PostOffice) -> None:
    """`api_secret` is what `consumer_secret` was called."""
    office.source("birds", "twitter")
    office.place.services.store.put("x_twitter_api/birds/api_secret", Secret(KEY), tags={})
    office.agent("dev", "birds", events=["tweet_create_events"], repos=["9"])
    assert office.send("twitter", TWEET).json()["matched"] == 1


@pytest.mark.parametrize("kind", ["github", "nothing"])
def test_others_are_asked_nothing_by_get(office: PostOffice, kind: str) -> None:
    """404, and not an error of ours."""
    office.source("hub", "github", signed("github"))
    assert office.client.get(f"/webhooks/{kind}").status_code == 404


def test_any_sender_of_the_standard_is_taken(office: PostOffice) -> None:
    """One provider for all who sign as it says; its number is its retries' too."""
    office.source("mail", "standard-webhooks", signed("standard-webhooks"))
    office.agent("dev", "mail", events=["email.bounced"])
    event = {"type": "email.bounced", "data": {"email": "ada@example.com"}}
    assert office.send("standard-webhooks", event).json()["matched"] == 1
    assert office.send("standard-webhooks", event).json()["duplicate"] is True
