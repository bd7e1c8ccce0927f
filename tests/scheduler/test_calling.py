"""Placing a call where the queue does not do what it should, and what a run is launched with for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import Play
from tests.gateway.party import Party, party
from toolkit.core.agent import AgentName
from toolkit.core.errors import AlError, Conflict, NotFound, Throttled
from toolkit.core.run import RunId, Trigger, TriggerKind
from toolkit.core.work import Added, CallState
from toolkit.scheduler import calling
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import dispatch
from toolkit.scheduler.roster import FACT as ROSTER
from toolkit.scheduler.submit import submit
from toolkit.scheduler.tokens import run_of

ID = "4b1e6f0a-0000-4000-8000-000000000001"


class Refusing:
    """A door that refuses with this error."""

    def __init__(self, error: AlError) -> None:
        self._error = error

    def __call__(self, desk: Desk, trigger: Trigger, *, run: RunId | None = None) -> Added:
        raise self._error


@pytest.fixture
def here(tmp_path: Path) -> Party:
    return party(tmp_path)


def test_a_call_that_could_not_be_queued_is_over(here: Party) -> None:
    """It is not left open for ever, and asking for it again gets the same reason."""
    caller, desk = here.guest().run, here.app.state.desk
    refusing = Refusing(NotFound("beta was not pushed", hint="push it"))
    with pytest.raises(NotFound):
        calling.place(desk, caller, "beta", "x", refusing, call_id=ID)
    assert (here.placed(ID).state, here.placed(ID).error) == (
        CallState.ERROR,
        "beta was not pushed",
    )
    with pytest.raises(Conflict, match="beta was not pushed"):
        calling.place(desk, caller, "beta", "x", submit, call_id=ID)
    assert here.ledger.queue.lengths() == {}


def test_a_call_that_is_refused_for_a_moment_can_be_asked_for_again(here: Party) -> None:
    """With the same id it is the same call, and its run is queued once."""
    caller, desk = here.guest().run, here.app.state.desk
    with pytest.raises(Throttled):
        calling.place(
            desk, caller, "beta", "x", Refusing(Throttled("busy", hint="wait")), call_id=ID
        )
    assert here.placed(ID).state is CallState.PENDING
    first = calling.place(desk, caller, "beta", "x", submit, call_id=ID)
    second = calling.place(desk, caller, "beta", "x", submit, call_id=ID)
    assert first.run == second.run == here.placed(ID).run
    assert here.ledger.queue.lengths() == {"beta": 1}


def test_a_launched_run_has_a_token_that_opens_the_gateway_and_knows_whom_it_may_call(
    here: Party,
) -> None:
    """The hash is recorded before the launch, so that no container is faster than its token."""
    services: Any = here.services
    services.runtime("memory").script["alpha"] = Play(reports=False, exit_code=None)
    here.ledger.set_fact("gateway", {"url": "https://gateway.example"})
    here.ledger.set_fact(ROSTER, here.roster.to_fact())
    run = dispatch(services, Trigger(agent=AgentName("alpha"), kind=TriggerKind.MANUAL))
    (spec,) = services.runtime("memory").launched
    payload = json.loads(services.run_secrets.get(spec.lease.ref.name).reveal())
    assert run_of(here.ledger, payload["token"]).id == run.id
    assert payload["gateway"] == "https://gateway.example"
    assert payload["sharing"]["agents"] == {"beta": "does beta", "gamma": "does gamma"}


def test_a_run_without_a_gateway_has_no_token(here: Party) -> None:
    """Nothing that it could present anywhere."""
    run = dispatch(here.services, Trigger(agent=AgentName("alpha"), kind=TriggerKind.MANUAL))
    assert here.ledger.get(run.id).token == ""
