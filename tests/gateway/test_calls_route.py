"""POST /calls and GET /calls/{id}: who may call whom, how deep, and that every call has an end."""

import threading
from pathlib import Path
from typing import Any

import pytest

from toolkit.core.agent import AgentName
from toolkit.core.run import RunId, RunState, TriggerKind
from toolkit.core.work import Call, CallState
from toolkit.inside.signals import MOST_CONTEXT, MOST_RETURN
from toolkit.scheduler import switches
from toolkit.scheduler.calling import CALLER_ENDED
from toolkit.scheduler.roster import Post

from .party import Party, party

ID = "4b1e6f0a-0000-4000-8000-000000000001"


@pytest.fixture
def here(tmp_path: Path) -> Party:
    return party(tmp_path)


def test_a_call_queues_a_run_that_works_for_its_caller(here: Party) -> None:
    """The work says whose it is, for which call, and how deep; the context is in it whole."""
    caller = here.guest("alpha")
    context = 'quotes " and \n newlines and é'
    answer = caller.post("/calls", targetAgent="beta", context=context)
    assert (answer.status_code, set(answer.json())) == (200, {"ok", "callId"})
    (item,) = here.ledger.queue.waiting("beta")
    trigger = item.trigger
    assert (trigger.kind, trigger.source, trigger.depth) == (TriggerKind.CALL, caller.run.id, 1)
    assert (trigger.call, trigger.context) == (answer.json()["callId"], {"context": context})


@pytest.mark.parametrize(
    ("target", "reason"),
    [("alpha", "itself"), ("nobody", "no agent named"), ("Not A Name", "no agent named"), ("", "no agent named"),
     ("idle", "scale")],
)  # fmt: skip
def test_a_call_that_may_not_be_is_refused_with_the_reason(
    here: Party, target: str, reason: str
) -> None:
    """409, and nothing is queued."""
    answer = here.guest("alpha").post("/calls", targetAgent=target, context="")
    assert (answer.status_code, answer.json()["ok"]) == (409, False)
    assert reason in answer.json()["reason"]
    assert here.ledger.queue.lengths() == {}


def test_while_all_is_paused_nobody_calls(here: Party) -> None:
    """The caller hears it at once, and the call that was tried is over."""
    switches.pause(here.ledger)
    answer = here.guest("alpha").post("/calls", targetAgent="beta", context="")
    assert (answer.status_code, "paused" in answer.json()["reason"]) == (409, True)
    assert [call.state for call in here.ledger.calls.recent()] == [CallState.ERROR]


def test_agents_that_call_each_other_in_turn_come_to_an_end(here: Party) -> None:
    """alpha -> beta -> alpha -> beta, and no further: a run's depth is in its record."""
    guest = here.guest("alpha")
    for target in ("beta", "alpha", "beta"):
        guest = here.callee(guest.call(target))
    answer = guest.post("/calls", targetAgent="alpha", context="", depth=0)
    assert (answer.status_code, guest.run.depth) == (409, 3)
    assert "3 deep" in answer.json()["reason"]


def test_how_deep_calls_may_lead_is_the_projects_choice(here: Party) -> None:
    """With 1 who was called calls nobody; with 0 nobody does."""
    here.change(max_call_depth=1)
    callee = here.callee(here.guest("alpha").call("beta"))
    assert callee.post("/calls", targetAgent="gamma", context="").status_code == 409
    here.change(max_call_depth=0)
    assert here.guest().post("/calls", targetAgent="gamma", context="").status_code == 409


def test_a_call_is_pending_then_running_then_completed(here: Party) -> None:
    """Its value is what the other agent returned."""
    caller = here.guest()
    call = caller.call("beta")
    assert caller.standing(call) == {"status": "pending"}
    callee = here.callee(call)
    assert caller.standing(call) == {"status": "running"}
    assert callee.post("/signals/return", value="42").status_code == 200
    assert caller.standing(call) == {"status": "running"}
    here.end(callee.run.id)
    assert caller.standing(call) == {"status": "completed", "returnValue": "42"}


def test_an_agent_that_returns_nothing_completes_with_null(here: Party) -> None:
    """That is an answer, too."""
    caller = here.guest()
    call = caller.call("beta")
    here.end(here.callee(call).run.id)
    assert caller.standing(call) == {"status": "completed", "returnValue": None}


def test_the_report_of_a_run_completes_its_call_before_anybody_settles_it(here: Party) -> None:
    """The run's own last word is enough, and its value, which is masked, wins over what came first."""
    caller = here.guest()
    call = caller.call("beta")
    callee = here.callee(call)
    callee.post("/signals/return", value="the key is hunter2")
    report = {
        "exit_code": 0, "state": "succeeded", "reason": "", "finished": "2026-11-20T12:00:00.000Z",
        "return_value": "the key is ***",
    }  # fmt: skip
    here.ledger.note(callee.run.id, report=report)
    assert caller.standing(call) == {"status": "completed", "returnValue": "the key is ***"}


@pytest.mark.parametrize("state", [s for s in RunState if s.final and s is not RunState.SUCCEEDED])
def test_a_call_whose_run_fails_ends_in_error_with_the_reason(here: Party, state: RunState) -> None:
    """However it failed, the caller need not wait for a timeout."""
    caller = here.guest()
    call = caller.call("beta")
    here.end(here.callee(call).run.id, state, reason="out of cheese")
    answer = caller.standing(call)
    assert (answer["status"], "out of cheese" in answer["errorMessage"]) == ("error", True)


def test_work_that_was_dropped_for_newer_ends_its_call(here: Party) -> None:
    """A full queue gives up the oldest: its caller hears of it."""
    caller = here.guest()
    here.change(posts={"beta": Post(agent=AgentName("beta"), max_queue=1)})
    first = caller.call("beta")
    here.clock.sleep(1)
    second = caller.call("beta")
    assert [caller.standing(call)["status"] for call in (first, second)] == ["error", "pending"]


def test_a_call_answers_nobody_but_its_caller(here: Party) -> None:
    """Not another run of the same agent, not the callee, and not for a made up id."""
    caller = here.guest("alpha")
    call = caller.call("beta")
    strangers = (here.guest("alpha"), here.callee(call))
    assert {guest.get(f"/calls/{call}").status_code for guest in strangers} == {404}
    assert caller.get("/calls/nothing").status_code == 404
    assert caller.get("/calls/%00%F0%9F%92%A9").status_code == 404


@pytest.mark.parametrize(
    "text", ["x" * MOST_RETURN, "\u0001" * MOST_RETURN, "€" * (MOST_RETURN // 3)]
)
def test_a_return_value_is_kept_whole(here: Party, text: str) -> None:
    """As many bytes as are promised, also where JSON writes six for one."""
    caller = here.guest()
    call = caller.call("beta")
    callee = here.callee(call)
    assert callee.post("/signals/return", value=text).status_code == 200
    here.end(callee.run.id)
    assert caller.standing(call)["returnValue"] == text


def test_what_is_too_large_is_refused_and_not_cut(here: Party) -> None:
    """413 says how much there may be."""
    guest = here.guest()
    value = guest.post("/signals/return", value="x" * (MOST_RETURN + 1))
    context = guest.post("/calls", targetAgent="beta", context="x" * (MOST_CONTEXT + 1))
    body = guest.post("/locks/acquire", resourceKey="a:" + "x" * 20_000)
    assert [answer.status_code for answer in (value, context, body)] == [413, 413, 413]
    assert "262,144 bytes" in value.json()["error"]


def test_a_caller_that_ends_leaves_no_call_open(here: Party) -> None:
    """Its calls end in error; what they started goes on, and completes nothing any more."""
    caller = here.guest()
    call = caller.call("beta")
    callee = here.callee(call)
    here.end(caller.run.id)
    here.tidy(caller.run.id)
    assert (here.placed(call).state, here.placed(call).error) == (CallState.ERROR, CALLER_ENDED)
    assert callee.post("/signals/return", value="late").status_code == 200
    here.end(callee.run.id)
    here.tidy(callee.run.id)
    assert here.placed(call).state is CallState.ERROR


def test_a_run_that_ends_completes_its_call_for_whoever_looks(here: Party) -> None:
    """Also when its caller never asks."""
    call = here.guest().call("beta")
    callee = here.callee(call)
    here.end(callee.run.id, return_value="done")
    here.tidy(callee.run.id)
    here.tidy(callee.run.id)
    found = here.placed(call)
    assert (found.state, found.return_value) == (CallState.COMPLETED, "done")


def test_who_waits_hears_of_the_end_as_soon_as_it_is_there(here: Party) -> None:
    """One question instead of many."""
    caller = here.guest()
    call = caller.call("beta")
    callee = here.callee(call)
    ending = threading.Timer(0.1, here.end, (callee.run.id,))
    ending.start()
    answer = caller.get(f"/calls/{call}?wait=20")
    ending.join()
    assert answer.json()["status"] == "completed"


def test_who_waits_is_not_held_for_longer_than_it_asks(here: Party) -> None:
    """Then it hears how the call stands."""
    caller = here.guest()
    call = caller.call("beta")
    assert caller.get(f"/calls/{call}?wait=0.05").json() == {"status": "pending"}
    assert caller.get(f"/calls/{call}?wait=soon").status_code == 400


@pytest.mark.parametrize(
    "body",
    [{}, {"targetAgent": "beta"}, {"targetAgent": 1, "context": ""}, {"targetAgent": "beta", "context": None},
     {"targetAgent": ["beta"], "context": {}}],
)  # fmt: skip
def test_a_call_that_lacks_something_is_a_bad_request(here: Party, body: dict[str, Any]) -> None:
    """400 names the field."""
    answer = here.guest().post("/calls", **body)
    assert (answer.status_code, "missing" in answer.json()["error"]) == (400, True)


def test_a_call_that_is_sent_twice_is_placed_once(here: Party) -> None:
    """Who did not hear the answer asks again with the same callId."""
    caller = here.guest()
    body = {"targetAgent": "beta", "context": "x", "callId": ID}
    answers = [caller.post("/calls", **body).json() for _ in range(2)]
    assert answers == [{"ok": True, "callId": ID}] * 2
    assert here.ledger.queue.lengths() == {"beta": 1}
    here.end(here.callee(ID).run.id)
    assert caller.standing(ID)["status"] == "completed"
    assert caller.post("/calls", **body).json() == {"ok": True, "callId": ID}


def test_a_call_whose_gateway_died_before_it_was_queued_is_queued_by_the_next_try(
    here: Party,
) -> None:
    """The record comes first; the run's id is in it, and is queued once."""
    caller = here.guest()
    body = {"targetAgent": "beta", "context": "x", "callId": ID}
    call = Call(
        id=ID,
        caller=caller.run.id,
        target=AgentName("beta"),
        run=RunId("beta-00000001"),
        context="x",
        depth=1,
        created="2026-11-20T12:00:00.000Z",
    )
    here.ledger.calls.add(call)
    caller.post("/calls", **body)
    (item,) = here.ledger.queue.waiting("beta")
    assert item.run == call.run


def test_a_call_id_is_one_calls(here: Party) -> None:
    """Not another caller's, not one with other words, and nothing but a UUID."""
    caller, other = here.guest(), here.guest("gamma")
    body = {"targetAgent": "beta", "context": "x", "callId": ID}
    caller.post("/calls", **body)
    assert other.post("/calls", **body).status_code == 409
    assert caller.post("/calls", **(body | {"context": "y"})).status_code == 409
    assert caller.post("/calls", **(body | {"callId": "../x"})).status_code == 400
    assert caller.post("/calls", **(body | {"callId": 7})).status_code == 400
