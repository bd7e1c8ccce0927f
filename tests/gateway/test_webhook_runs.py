"""Runs that webhooks started: what they may do, and what is told of them afterwards."""

from collections.abc import Iterator

import pytest

from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, PostOffice, opened, signed
from toolkit.core.clock import iso
from toolkit.core.run import RunId, RunState
from toolkit.scheduler import tokens


@pytest.fixture
def office(place: Place) -> Iterator[PostOffice]:
    with opened(place) as office:
        office.source("hub", "github", signed("github"))
        office.agent("dev", "hub")
        yield office


def begun(office: PostOffice, run: RunId) -> str:
    """The token of the run, which works from now on."""
    token, digest = tokens.new(run)
    ledger, since = office.place.services.ledger, iso(office.clock())
    ledger.update(run, state=RunState.RUNNING, token=digest, started=since)
    return token.reveal()


def test_it_may_call_another_agent(office: PostOffice) -> None:
    """As deep as any other run that nobody called: the chain begins with it."""
    office.agent("ops", "elsewhere")
    office.send("github", ISSUE)
    (item,) = office.waiting
    body = {"targetAgent": "ops", "context": "look"}
    headers = {"Authorization": f"Bearer {begun(office, item.run)}"}
    assert office.client.post("/calls", json=body, headers=headers).status_code == 200
    (called,) = (other.trigger for other in office.waiting if other.agent == "ops")
    assert (called.source, called.depth, called.context) == (item.run, 1, {"context": "look"})


def test_its_record_leads_back_to_the_webhook_and_says_how_it_went(office: PostOffice) -> None:
    """The receipt, the source, the exit code with its reason, and how long the hooks took."""
    receipt = office.send("github", ISSUE).json()["receipt"]
    (item,) = office.waiting
    begun(office, item.run)
    office.clock.sleep(3)
    office.place.services.ledger.update(
        item.run,
        state=RunState.FAILED,
        exit_code=3,
        reason="exited with code 3",
        finished=iso(office.clock()),
        usage={"preHookMs": 5, "postHookMs": 7},
    )
    told = office.client.get(f"/api/stats/agents/dev/runs/{item.run}").json()["run"]
    assert (told["trigger_type"], told["trigger_source"]) == ("webhook", "hub")
    assert (told["webhook_receipt_id"], told["duration_ms"]) == (receipt, 3000)
    assert (told["exit_code"], told["error_message"]) == (3, "exited with code 3")
    assert (told["pre_hook_ms"], told["post_hook_ms"]) == (5, 7)
