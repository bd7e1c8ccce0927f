"""The way of a webhook through the gateway: who sent it, what is stored, what starts."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, PostOffice, opened, signed
from tests.gateway.signing import KEY, request
from toolkit.core.secrets import Secret
from toolkit.core.webhook import WebhookRequest
from toolkit.core.work import DeadReason, DeliveryState
from toolkit.scheduler import switches

PUSHED = {"x_github_delivery": "72d3162e"}


@pytest.fixture
def office(place: Place) -> Iterator[PostOffice]:
    with opened(place) as office:
        office.source("hub", "github", signed("github"))
        office.agent("dev", "hub", events=["issues"], labels=["bug"])
        yield office


def test_a_webhook_is_stored_with_the_run_that_it_asks_for(office: PostOffice) -> None:
    """When the answer is there, both are in the ledger; the scheduler is told."""
    answer = office.send("github", ISSUE, **PUSHED)
    assert (answer.status_code, answer.json()["matched"]) == (200, 1)
    delivery = office.delivery(answer.json()["receipt"])
    assert (delivery.state, delivery.matched) == (DeliveryState.PROCESSED, 1)
    assert (delivery.source, delivery.delivery, delivery.summary) == (
        "hub",
        "72d3162e",
        "issues opened",
    )
    (item,) = office.waiting
    assert (item.agent, item.trigger.source, item.trigger.delivery) == ("dev", "hub", delivery.id)
    assert item.trigger.context["receiptId"] == delivery.id
    assert office.woken == 1


def test_the_path_may_name_the_source(office: PostOffice) -> None:
    """And then only its secret counts."""
    office.source("other", "github", Secret("another secret"))
    assert office.send("github", ISSUE, "github/hub").status_code == 200
    assert office.send("github", ISSUE, "github/other").status_code == 401
    assert office.send("github", ISSUE, "sentry/hub").status_code == 404


def test_the_source_whose_secret_verifies_wins(office: PostOffice) -> None:
    """Several sources of one type share the short path."""
    office.source("a-first", "github", Secret("another secret"))
    receipt = office.send("github", ISSUE).json()["receipt"]
    assert office.delivery(receipt).source == "hub"


def test_a_secret_that_no_source_names_verifies_nothing(office: PostOffice) -> None:
    """Other credentials of the type may lie in the store; they are somebody else's."""
    office.source("hub", "github", Secret("the right one"))
    office.place.services.store.put("github_webhook_secret/stray/secret", Secret(KEY), tags={})
    assert office.send("github", ISSUE).status_code == 401


@pytest.mark.parametrize("path", ["nothing", "github/nothing", "slack", "test", "../health"])
def test_what_is_not_configured_is_not_there(office: PostOffice, path: str) -> None:
    """Neither a type nor a source, and no error of ours."""
    assert office.send("github", ISSUE, path).status_code in (404, 405)


def test_of_a_delivery_that_does_not_verify_only_a_note_is_kept(office: PostOffice) -> None:
    """Who cannot sign can neither fill the ledger nor read himself there."""
    sent = request("github", {"a": "secret text"}, x_github_delivery="72d3162e")
    answer = office.post("/webhooks/github", WebhookRequest(headers=sent.headers, body=b"{}"))
    assert answer.status_code == 401
    (note,) = office.deliveries
    assert (note.state, note.reason) == (DeliveryState.DEAD, DeadReason.UNVERIFIED)
    assert (note.body, note.headers, note.delivery) == (b"", {}, None)


def test_a_delivery_that_does_not_verify_takes_no_number_away(office: PostOffice) -> None:
    """Else a stranger could have the real one dropped as a duplicate."""
    sent = request("github", ISSUE, **PUSHED)
    office.post("/webhooks/github", WebhookRequest(headers=sent.headers, body=b"{}"))
    answer = office.send("github", ISSUE, **PUSHED).json()
    assert (answer["matched"], "duplicate" in answer) == (1, False)


def test_notes_of_refused_deliveries_are_few(office: PostOffice) -> None:
    """A flood without a signature writes sixty lines an hour."""
    sent = WebhookRequest(headers={}, body=b"{}")
    answers = {office.post("/webhooks/github", sent).status_code for _ in range(70)}
    assert answers == {401}
    assert len(office.deliveries) == 50
    assert office.place.services.ledger.deliveries.list().total == 60


def test_a_second_delivery_of_the_same_number_starts_nothing(office: PostOffice) -> None:
    """The sender comes again when it has not heard our answer; it is told the first receipt."""
    first = office.send("github", ISSUE, **PUSHED).json()
    second = office.send("github", ISSUE, **PUSHED)
    assert second.status_code == 200
    assert second.json() == {"ok": True, "matched": 0, "skipped": 0, "duplicate": True} | {
        "receipt": first["receipt"]
    }
    assert len(office.waiting) == 1


def test_the_same_number_from_another_source_is_another_delivery(office: PostOffice) -> None:
    """Senders do not know of each other's numbers."""
    office.source("other", "github", signed("github"))
    office.agent("other", "other")
    office.send("github", ISSUE, "github/hub", **PUSHED)
    assert office.send("github", ISSUE, "github/other", **PUSHED).json()["matched"] == 1


def test_an_event_that_nobody_wants_is_a_dead_letter(office: PostOffice) -> None:
    """It is answered with success: the sender has done its part."""
    answer = office.send("github", ISSUE | {"issue": {"labels": []}})
    assert (answer.status_code, answer.json()["matched"]) == (200, 0)
    delivery = office.delivery(answer.json()["receipt"])
    assert (delivery.state, delivery.reason) == (DeliveryState.DEAD, DeadReason.UNWANTED)
    assert office.woken == 0


def test_a_ping_starts_nothing_and_is_no_dead_letter(office: PostOffice) -> None:
    """GitHub sends one when the webhook is set up."""
    answer = office.send("github", ISSUE, x_github_event="ping")
    assert (answer.status_code, answer.json()["matched"]) == (200, 0)
    assert office.deliveries[0].state is DeliveryState.PROCESSED


@pytest.mark.parametrize("body", [b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}'])
def test_a_signed_body_that_cannot_be_read_is_refused_and_kept(
    office: PostOffice, body: bytes
) -> None:
    """400, and a dead letter with which to find out what it was."""
    assert office.send("github", body).status_code == 400
    (dead,) = office.deliveries
    assert (dead.reason, office.delivery(dead.id).body) == (DeadReason.UNREADABLE, body)


def test_a_form_is_read_as_the_json_in_its_payload(office: PostOffice) -> None:
    """The signature is over the form as it came."""
    body = b"payload=" + json.dumps(ISSUE).replace(" ", "%20").encode()
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert office.send("github", body, **form).json()["matched"] == 1
    assert office.send("github", b"a=1", **form).status_code == 400


def test_signatures_and_keys_are_not_stored(office: PostOffice) -> None:
    """A receipt is shown to people."""
    answer = office.send("github", ISSUE, authorization="Bearer x", cookie="al_session=x")
    headers = office.delivery(answer.json()["receipt"]).headers
    assert headers["x-github-event"] == "issues"
    assert {"x-hub-signature-256", "authorization", "cookie"}.isdisjoint(headers)


def test_a_long_body_is_acted_on_and_stored_in_part(office: PostOffice) -> None:
    """256 KiB of it are kept; what the agent is told is shorter anyway."""
    long = ISSUE | {"issue": ISSUE["issue"] | {"body": "x" * 400_000}}
    answer = office.send("github", long).json()
    assert len(office.delivery(answer["receipt"]).body) == 256 * 1024
    assert len(office.waiting[0].trigger.context["body"]) == 4003


@pytest.mark.parametrize("declared", ["", "10485761"])
def test_a_body_above_the_limit_is_refused_with_whose_limit_it_is(
    office: PostOffice, declared: str
) -> None:
    """10 MiB, whether it says so or not."""
    headers = {"content-length": declared} if declared else {}
    chunks = iter([b"x" * 1024 * 1024] * 11)
    answer = office.client.post("/webhooks/github", content=chunks, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["hint"] == "send at most 10 MiB: the gateway's own limit"


def test_unsigned_deliveries_need_the_sources_leave(office: PostOffice) -> None:
    """Of a source by its name: another one of the type gives no leave for this one."""
    office.source("tries", "test", allow_unsigned=True)
    office.source("closed", "test")
    office.agent("dev", "tries")
    assert office.send("test", ISSUE, "test/closed").status_code == 401
    assert office.send("test", ISSUE, "test/tries").json()["matched"] == 1
    assert office.send("test", ISSUE).json()["matched"] == 1


def test_a_wrong_signature_is_no_unsigned_delivery(office: PostOffice) -> None:
    """Where the source could tell, a forged one is refused; where it has no secret, nobody can tell."""
    office.source("hub", "github", signed("github"), allow_unsigned=True)
    plain = WebhookRequest(headers={"x-github-event": "issues"}, body=json.dumps(ISSUE).encode())
    forged = WebhookRequest(headers={**plain.headers, "x-hub-signature-256": "x"}, body=plain.body)
    assert office.post("/webhooks/github", plain).json()["matched"] == 1
    assert office.post("/webhooks/github", forged).status_code == 401


def test_an_unsigned_delivery_takes_no_number_from_a_signed_one(office: PostOffice) -> None:
    """The numbers of both are apart."""
    office.source("hub", "github", signed("github"), allow_unsigned=True)
    headers = {"x-github-event": "issues", "x-github-delivery": "72d3162e"}
    plain = WebhookRequest(headers=headers, body=json.dumps(ISSUE).encode())
    assert office.post("/webhooks/github", plain).json()["matched"] == 1
    assert office.post("/webhooks/github", plain).json()["duplicate"] is True
    assert office.send("github", ISSUE, **PUSHED).json()["matched"] == 1


def test_webhooks_wait_while_all_is_paused(office: PostOffice) -> None:
    """They are held, not refused."""
    switches.pause(office.place.services.ledger)
    assert office.send("github", ISSUE).json()["matched"] == 1
    assert len(office.waiting) == 1


def test_an_agent_that_was_not_pushed_is_skipped(office: PostOffice) -> None:
    """The others run, and the answer says how many could not."""
    office.agent("new", "hub", pushed=False)
    answer = office.send("github", ISSUE).json()
    assert (answer["matched"], answer["skipped"]) == (1, 1)


def test_an_agent_runs_once_however_many_of_its_triggers_match(office: PostOffice) -> None:
    """Two entries for one source are two ways to want an event."""
    post = office.roster.posts["dev"]
    twice = replace(post, webhooks=post.webhooks * 2)
    office.roster = replace(office.roster, posts={"dev": twice})
    assert office.send("github", ISSUE).json()["matched"] == 1


def test_a_limited_source_answers_429_with_when_to_come_again(office: PostOffice) -> None:
    """Per address and minute; other sources of the gateway are not limited."""
    office.source("hub", "github", signed("github"), rate=2)
    statuses = [office.send("github", ISSUE).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert 0 < int(office.send("github", ISSUE).headers["retry-after"]) <= 60


def test_many_at_once_are_all_stored(office: PostOffice) -> None:
    """Concurrent deliveries share a commit, and none is lost or told of another's receipt."""
    receipts: list[str] = []

    def one(number: int) -> None:
        sent = office.send("github", ISSUE, x_github_delivery=f"n{number}")
        receipts.append(sent.json()["receipt"])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {office.delivery(receipt).delivery for receipt in receipts} == {
        f"n{number}" for number in range(16)
    }
