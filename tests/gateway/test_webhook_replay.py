"""Receipts of webhooks: looked at, and acted on again."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, PostOffice, opened, signed
from toolkit.core.webhook import WebhookRequest


@pytest.fixture
def office(place: Place) -> Iterator[PostOffice]:
    with opened(place) as office:
        office.source("hub", "github", signed("github"))
        office.agent("dev", "hub", events=["issues"])
        yield office


def test_a_receipt_tells_what_came_and_what_became_of_it(office: PostOffice) -> None:
    """By the id that the sender was answered with."""
    receipt = office.send("github", ISSUE, x_github_delivery="n1").json()["receipt"]
    told = office.client.get(f"/api/stats/webhooks/{receipt}").json()["receipt"]
    assert (told["id"], told["source"], told["deliveryId"]) == (receipt, "hub", "n1")
    assert (told["status"], told["matchedAgents"]) == ("processed", 1)
    assert told["eventSummary"] == "issues opened"
    assert '"acme/shop"' in told["body"]


@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_receipt_that_is_none_is_not_found(office: PostOffice, verb: str) -> None:
    """Neither to look at nor to act on."""
    path = "/api/stats/webhooks/none" if verb == "get" else "/api/webhooks/none/replay"
    assert office.client.request(verb, path).status_code == 404


def test_receipts_and_replays_need_the_key(office: PostOffice) -> None:
    """A body may hold what nobody else should read."""
    stranger = TestClient(office.client.app)
    assert stranger.get("/api/stats/webhooks/x").status_code == 401
    assert stranger.post("/api/webhooks/x/replay").status_code == 401


def test_a_replay_acts_again_under_a_new_receipt(office: PostOffice) -> None:
    """A signed delivery too, although its signature was not stored, and its number is taken."""
    first = office.send("github", ISSUE, x_github_delivery="n1").json()["receipt"]
    office.clock.sleep(1)
    answer = office.client.post(f"/api/webhooks/{first}/replay")
    assert (answer.status_code, answer.json()["matched"]) == (200, 1)
    again = office.delivery(answer.json()["replayReceiptId"])
    assert (again.replay_of, again.delivery, again.matched) == (first, None, 1)
    assert again.body == office.delivery(first).body
    assert [item.trigger.delivery for item in office.waiting] == [first, again.id]


def test_what_nobody_wanted_can_be_replayed_when_somebody_does(office: PostOffice) -> None:
    """That is what dead letters are kept for."""
    office.roster = replace(office.roster, posts={})
    first = office.send("github", ISSUE).json()["receipt"]
    office.agent("late", "hub")
    assert office.client.post(f"/api/webhooks/{first}/replay").json()["matched"] == 1


def test_what_was_not_verified_is_never_replayed(office: PostOffice) -> None:
    """Its body was not kept."""
    office.post("/webhooks/github", WebhookRequest(headers={}, body=b'{"a": 1}'))
    (note,) = office.deliveries
    answer = office.client.post(f"/api/webhooks/{note.id}/replay")
    assert (answer.status_code, office.waiting) == (400, [])


def test_a_body_that_was_cut_cannot_be_replayed(office: PostOffice) -> None:
    """Half of an event is none."""
    long = ISSUE | {"issue": ISSUE["issue"] | {"body": "x" * 400_000}}
    receipt = office.send("github", long).json()["receipt"]
    answer = office.client.post(f"/api/webhooks/{receipt}/replay")
    assert (answer.status_code, answer.json()["hint"]) == (400, "at most 256 KiB are kept")


def test_a_delivery_of_a_source_that_is_gone_is_not_replayed(office: PostOffice) -> None:
    """Nobody has agents for it."""
    receipt = office.send("github", ISSUE).json()["receipt"]
    office.roster = replace(office.roster, sources={})
    assert office.client.post(f"/api/webhooks/{receipt}/replay").status_code == 409
