"""A run's token opens that run's own things, for as long as it goes on, and nothing else."""

import json
import logging
from pathlib import Path

import pytest

from toolkit.core.run import RunState
from toolkit.scheduler import tokens

from .party import ISSUE, Party, party
from .place import KEY

POSTS = {
    "/locks/acquire": {"resourceKey": ISSUE},
    "/locks/release": {"resourceKey": ISSUE},
    "/locks/heartbeat": {"resourceKey": ISSUE},
    "/calls": {"targetAgent": "beta", "context": ""},
    "/signals/rerun": {},
    "/signals/status": {"text": "busy"},
    "/signals/return": {"value": "x"},
    "/signals/trigger": {"targetAgent": "beta", "context": ""},
    "/shutdown": {"reason": "x"},
}
GETS = ("/locks/list", "/calls/some")
TAKEN = (200, 404)  # what these answer to a token that is good
HOSTILE = [
    b"{", b"null", b"[]", b'"x"', b"1e999", b'{"a": NaN', b"\xff\xfe", b'{"resourceKey": "\\ud800"}', b"[" * 15_000,
    b'{"ttl": ' + b"9" * 5000 + b"}",
]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Party:
    return party(tmp_path)


@pytest.mark.parametrize("path", POSTS)
def test_a_post_takes_the_token_in_a_header_the_body_or_the_query(here: Party, path: str) -> None:
    """The first is preferred; the others are for the predecessor's clients."""
    guests = [here.guest() for _ in range(3)]
    ways = [
        here.client.post(path, json=POSTS[path], headers=guests[0].headers),
        here.client.post(path, json={**POSTS[path], "secret": guests[1].token}),
        here.client.post(f"{path}?secret={guests[2].token}", json=POSTS[path]),
    ]
    assert {way.status_code for way in ways} <= {*TAKEN, 409}


@pytest.mark.parametrize("path", GETS)
def test_a_get_takes_it_in_a_header_or_the_query(here: Party, path: str) -> None:
    guest = here.guest()
    assert guest.get(path).status_code in TAKEN
    assert here.client.get(f"{path}?secret={guest.token}").status_code in TAKEN


@pytest.mark.parametrize("path", POSTS)
def test_without_a_good_token_a_post_is_refused(here: Party, path: str) -> None:
    """400 when there is none, 403 when it is not good, in the words that clients know."""
    body = POSTS[path]
    missing = here.client.post(path, json=body)
    wrong = here.client.post(path, json={**body, "secret": "wrong"})
    strange = here.client.post(path, json={**body, "secret": 7})
    assert (missing.status_code, missing.json()["error"]) == (400, "missing secret")
    assert (wrong.status_code, wrong.json()["error"]) == (403, "invalid secret")
    assert (strange.status_code, strange.json()["error"]) == (400, "missing secret")
    assert "until it ends" in wrong.json()["hint"]


@pytest.mark.parametrize("path", GETS)
def test_without_a_good_token_a_get_is_refused(here: Party, path: str) -> None:
    assert here.client.get(path).json()["error"] == "missing secret"
    assert here.client.get(f"{path}?secret=wrong").status_code == 403
    assert here.client.get(path, headers={"Authorization": f"Bearer {KEY}"}).status_code == 403


@pytest.mark.parametrize("body", HOSTILE)
def test_a_body_that_is_no_json_object_is_a_bad_request(here: Party, body: bytes) -> None:
    """400, never a mistake of ours."""
    answer = here.client.post("/locks/acquire", content=body, headers=here.guest().headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid JSON body")


def test_a_token_is_good_until_its_run_ends(here: Party) -> None:
    """At once, whatever the end was, and before anybody has tidied up."""
    guest = here.guest()
    assert guest.post("/signals/rerun").status_code == 200
    here.end(guest.run.id, RunState.STOPPED)
    assert guest.post("/signals/rerun").status_code == 403


def test_a_token_is_good_for_one_run(here: Party) -> None:
    """With another run's id before it, or a part of it, it is nobody's."""
    one, other = here.guest(), here.guest()
    random = one.token.partition(".")[2]
    forged = [f"{other.run.id}.{random}", one.token[:-1], f"{one.token}x", f"{one.run.id}.", random]
    answers = [
        here.client.post("/signals/rerun", headers={"Authorization": f"Bearer {token}"})
        for token in forged
    ]
    assert {answer.status_code for answer in answers} == {403}


def test_a_run_without_a_token_cannot_be_spoken_for(here: Party) -> None:
    """An empty hash is not the hash of an empty token."""
    guest = here.guest()
    here.ledger.update(guest.run.id, token="")
    empty = here.client.post("/signals/rerun", json={"secret": f"{guest.run.id}."})
    assert (guest.post("/signals/rerun").status_code, empty.status_code) == (403, 403)


def test_the_token_of_a_new_start_replaces_the_old_one(here: Party) -> None:
    """A start that failed leaves nobody who can speak for the run."""
    old = here.guest()
    new = here.begin(old.run.id)
    codes = [guest.post("/signals/rerun").status_code for guest in (old, new)]
    assert codes == [403, 200]


def test_the_ledger_keeps_no_token(here: Party) -> None:
    """Only what it can be checked by."""
    secret, digest = tokens.new(here.guest().run.id)
    assert (len(digest), secret.reveal() in digest) == (64, False)
    assert str(secret) == "Secret(…)"


def test_no_token_and_no_key_opens_the_other_kind_of_door(here: Party) -> None:
    """A run sees its own locks; what everybody holds is for who has the key."""
    assert here.guest().get("/locks/status").status_code == 401
    with_key = here.client.get("/locks/status", headers={"Authorization": f"Bearer {KEY}"})
    assert with_key.status_code == 200


def test_no_log_has_a_token(here: Party, caplog: pytest.LogCaptureFixture) -> None:
    """Not from a header, a body or a query, and not of a request that failed."""
    guest = here.guest()
    with caplog.at_level(logging.DEBUG):
        guest.post("/locks/acquire", resourceKey="no uri")
        here.client.get(f"/calls/x?secret={guest.token}")
        here.client.post("/locks/acquire", json={"secret": guest.token[:-1], "resourceKey": ISSUE})
        guest.post("/shutdown", reason="told to leak")
    assert "told to leak" in caplog.text
    assert guest.token[:-1] not in json.dumps(
        [r.getMessage() for r in caplog.records if r.name.startswith("al")]
    )
