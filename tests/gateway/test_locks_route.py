"""/locks/*: who has what, for how long, and what the others are told."""

from pathlib import Path
from typing import Any

import pytest

from toolkit.core.run import RunState
from toolkit.scheduler.locking import MOST_LOCKS

from .party import ISSUE, Party, party
from .place import BEARER

OTHER = "github://acme/shop/issues/2"


@pytest.fixture
def here(tmp_path: Path) -> Party:
    return party(tmp_path)


def test_a_lock_is_taken_and_given_back(here: Party) -> None:
    """Then it is free for the next."""
    one, two = here.guest(), here.guest()
    taken = one.post("/locks/acquire", resourceKey=ISSUE)
    assert (taken.status_code, taken.json()["ok"], taken.json()["resourceKey"]) == (
        200,
        True,
        ISSUE,
    )
    assert one.post("/locks/release", resourceKey=ISSUE).json() == {"ok": True}
    assert two.post("/locks/acquire", resourceKey=ISSUE).status_code == 200


def test_a_lock_that_another_holds_is_refused_with_its_holder(here: Party) -> None:
    """`heldSince` is in epoch milliseconds."""
    one, two = here.guest(), here.guest("beta")
    one.post("/locks/acquire", resourceKey=ISSUE)
    since = here.clock.ms
    here.clock.sleep(5)
    answer = two.post("/locks/acquire", resourceKey=ISSUE)
    told = answer.json()
    assert (answer.status_code, told["ok"], told["holder"]) == (409, False, one.run.id)
    assert (told["heldSince"], "deadlock" in told) == (since, False)


def test_two_that_wait_for_each_other_are_told_of_the_deadlock(here: Party) -> None:
    """The way goes holder, key, holder, key, and comes back to who asked."""
    one, two = here.guest("alpha"), here.guest("beta")
    one.post("/locks/acquire", resourceKey=ISSUE)
    two.post("/locks/acquire", resourceKey=OTHER)
    assert one.post("/locks/acquire", resourceKey=OTHER).json()["holder"] == two.run.id
    answer = two.post("/locks/acquire", resourceKey=ISSUE)
    told = answer.json()
    assert (answer.status_code, told["ok"], told["deadlock"]) == (409, False, True)
    assert "deadlock" in told["reason"]
    assert {one.run.id, two.run.id, ISSUE, OTHER} == set(told["cycle"])
    two.post("/locks/release", resourceKey=OTHER)
    assert one.post("/locks/acquire", resourceKey=OTHER).status_code == 200


def test_a_run_may_hold_several_locks_or_one_as_the_project_says(here: Party) -> None:
    """`oneLockPerRun` refuses the second, with the first in the reason."""
    guest = here.guest()
    assert guest.post("/locks/acquire", resourceKey=ISSUE).status_code == 200
    assert guest.post("/locks/acquire", resourceKey=OTHER).status_code == 200
    guest.post("/locks/release", resourceKey=OTHER)
    here.change(one_lock=True)
    answer = guest.post("/locks/acquire", resourceKey=OTHER)
    assert (answer.status_code, answer.json()["reason"]) == (
        409,
        f"already holding lock on {ISSUE}",
    )
    assert guest.post("/locks/acquire", resourceKey=ISSUE).status_code == 200


def test_a_run_that_holds_a_hundred_locks_gives_some_back_first(here: Party) -> None:
    """It is told how many it has; the others' are not touched."""
    guest, locks = here.guest(), here.ledger.locks
    for number in range(MOST_LOCKS):
        locks.acquire(f"file:///{number}", guest.run.id, seconds=60, moment=here.clock())
    answer = guest.post("/locks/acquire", resourceKey=ISSUE)
    assert answer.status_code == 409
    assert answer.json()["reason"].startswith("already holding 100 locks")
    assert here.guest().post("/locks/acquire", resourceKey=ISSUE).status_code == 200
    guest.post("/locks/release", resourceKey="file:///7")
    assert guest.post("/locks/acquire", resourceKey=OTHER).status_code == 200


@pytest.mark.parametrize("verb", ["release", "heartbeat"])
def test_what_nobody_holds_is_not_found_and_what_another_holds_is_not_ones_own(
    here: Party, verb: str
) -> None:
    """404 and 409."""
    one, two = here.guest(), here.guest()
    unknown = one.post(f"/locks/{verb}", resourceKey=ISSUE)
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "lock not found")
    one.post("/locks/acquire", resourceKey=ISSUE)
    foreign = two.post(f"/locks/{verb}", resourceKey=ISSUE)
    assert (foreign.status_code, foreign.json()["reason"]) == (409, f"held by {one.run.id}")


def test_a_lock_is_nobodys_when_its_time_is_over(here: Party) -> None:
    """1800 seconds unless the project or the request says otherwise."""
    one, two = here.guest(), here.guest()
    one.post("/locks/acquire", resourceKey=ISSUE)
    one.post("/locks/acquire", resourceKey=OTHER, ttl=10)
    here.clock.sleep(11)
    assert two.post("/locks/acquire", resourceKey=OTHER).status_code == 200
    here.clock.sleep(1788)
    assert two.post("/locks/acquire", resourceKey=ISSUE).status_code == 409
    here.clock.sleep(2)
    assert two.post("/locks/acquire", resourceKey=ISSUE).status_code == 200


def test_a_heartbeat_keeps_a_lock_for_as_long_again(here: Party) -> None:
    """From now on; the answer says until when, in epoch milliseconds."""
    one, two = here.guest(), here.guest()
    one.post("/locks/acquire", resourceKey=ISSUE, ttl=10)
    here.clock.sleep(9)
    answer = one.post("/locks/heartbeat", resourceKey=ISSUE, ttl=10)
    assert answer.json() == {"ok": True, "expiresAt": here.clock.ms + 10_000}
    here.clock.sleep(9)
    assert two.post("/locks/acquire", resourceKey=ISSUE).status_code == 409


@pytest.mark.parametrize("ttl", [0, -1, 86_401, "10", True, [], 1e308])
@pytest.mark.parametrize("verb", ["acquire", "heartbeat"])
def test_a_time_that_makes_no_sense_is_refused(here: Party, verb: str, ttl: Any) -> None:
    """A lock for ever would outlive everybody who knows of it."""
    answer = here.guest().post(f"/locks/{verb}", resourceKey=ISSUE, ttl=ttl)
    assert (answer.status_code, "ttl" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize("verb", ["acquire", "release", "heartbeat"])
@pytest.mark.parametrize(
    "key", ["issue-1", "", ":x", "1a:b", "GITHUB://x", "a b:c", "github:", "a:b c", "a:\nb", f"a:{'x' * 1000}"]
)  # fmt: skip
def test_what_is_no_uri_is_no_key(here: Party, verb: str, key: str) -> None:
    """Bare words would mean different things to different agents."""
    assert here.guest().post(f"/locks/{verb}", resourceKey=key).status_code == 400


@pytest.mark.parametrize(
    "key", ["github://acme/shop/issues/1", "file:///tmp/x", "urn:isbn:0451450523", "s3+v2.x://b/k", "mailto:a@b.c",
            "linear://ENG-1?é=1"],
)  # fmt: skip
def test_any_scheme_will_do(here: Party, key: str) -> None:
    """RFC 3986, section 3.1."""
    assert here.guest().post("/locks/acquire", resourceKey=key).status_code == 200


def test_a_lock_request_without_a_key_is_a_bad_request(here: Party) -> None:
    answer = here.guest().post("/locks/acquire")
    assert (answer.status_code, answer.json()["error"]) == (400, "missing resourceKey")


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.LOST, RunState.SUCCEEDED])
def test_the_locks_of_a_run_that_has_ended_are_free(here: Party, state: RunState) -> None:
    """Before anybody has tidied up after it: however it ended, nobody waits for the lock's time."""
    one, two = here.guest(), here.guest()
    one.post("/locks/acquire", resourceKey=ISSUE)
    here.end(one.run.id, state)
    assert two.post("/locks/acquire", resourceKey=ISSUE).status_code == 200


def test_a_run_sees_its_own_locks_and_the_keys_holder_sees_all(here: Party) -> None:
    """Each with what it needs to know."""
    one, two = here.guest("alpha"), here.guest("beta")
    one.post("/locks/acquire", resourceKey=ISSUE, ttl=60)
    two.post("/locks/acquire", resourceKey=OTHER)
    (own,) = here.client.get(f"/locks/list?secret={one.token}").json()
    assert own == {
        "resourceKey": ISSUE, "holder": one.run.id, "heldSince": here.clock.ms, "expiresAt": here.clock.ms + 60_000,
    }  # fmt: skip
    everybody = here.client.get("/locks/status", headers=BEARER).json()["locks"]
    assert [(lock["resourceKey"], lock["agentName"]) for lock in everybody] == [
        (ISSUE, "alpha"),
        (OTHER, "beta"),
    ]
    assert set(everybody[0]) == {"resourceKey", "agentName", "holder", "heldSince"}
