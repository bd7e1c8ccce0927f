"""What a container sends, at the gateway: who may, what becomes of it, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.relayed import MOST_OF_RUN, RelayedLines
from tests.gateway.party import ISSUE, Guest, Party, party
from tests.gateway.place import BEARER, STREAM
from tests.gateway.test_stream import said
from toolkit.core.run import RunHandle, RunId, RunState
from toolkit.core.run_token import for_agent

REPORT = {
    "exit_code": 0,
    "state": "succeeded",
    "reason": "",
    "finished": "2026-11-20T12:00:09.000Z",
    "return_value": "42 apples",
    "usage": {"totalTokens": 7, "cost": 0.5},
    "rerun": False,
}


@pytest.fixture
def here(tmp_path: Path) -> Party:
    return party(tmp_path)


def at_work(here: Party, agent: str = "alpha") -> Guest:
    """A run whose launch is recorded."""
    guest = here.guest(agent)
    handle = RunHandle(runtime="memory", run=guest.run.id, agent=guest.run.agent)
    here.ledger.update(guest.run.id, handle=handle)
    return guest


def a_line(number: int, text: str = "x") -> dict[str, Any]:
    return {"_log": True, "level": "info", "msg": text, "ts": 1_700_000_000_000, "line": number}


def read(here: Party, run: RunId) -> list[str]:
    path = f"/api/logs/agents/{run.agent}/{run}"
    first = here.client.get(path, headers=BEARER).json()
    page = here.client.get(path, headers=BEARER, params={"cursor": first["cursor"]}).json()
    return [entry["msg"] for entry in page["entries"]]


def test_lines_are_there_for_whoever_follows_the_run(here: Party) -> None:
    """Before any log service has them; a batch that is sent twice is there once."""
    guest = at_work(here)
    batch = [a_line(1, "one"), a_line(2, "two")]
    answers = [guest.post("/relay", lines=batch) for _ in range(2)]
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"ok": True, "every": 0.3})] * 2
    assert read(here, guest.run.id) == ["one", "two"]


def test_all_followers_of_a_run_get_what_it_sends(here: Party) -> None:
    """On connections of their own, while the log service shows nothing."""
    guest = at_work(here)
    path = f"/api/logs/agents/alpha/{guest.run.id}"
    with here.serving() as address, ThreadPoolExecutor(20) as pool:
        found = [pool.submit(followed, address + path, "two") for _ in range(20)]
        guest.post("/relay", lines=[a_line(1, "one")])
        guest.post("/relay", lines=[a_line(2, "two")])
        read = [one.result(timeout=60) for one in found]
    assert read == [["one", "two"]] * 20


def followed(address: str, last: str) -> list[str]:
    """The messages of a stream, from the first line to `last`."""
    with httpx.stream("GET", address, headers=STREAM, timeout=60) as answer:
        return said(answer.iter_lines(), last)


def test_lines_are_the_runs_of_the_token_whatever_they_say(here: Party) -> None:
    """A run cannot speak for another."""
    guest, other = at_work(here), at_work(here)
    guest.post("/relay", lines=[{**a_line(1, "mine"), "run": other.run.id}])
    assert (read(here, guest.run.id), read(here, other.run.id)) == (["mine"], [])


def test_the_agents_own_token_does_not_open_this_door(here: Party) -> None:
    """An agent may lock and call with it, but neither invent lines nor end its run before its time."""
    guest = at_work(here)
    agent = Guest(guest.run, for_agent(guest.token), guest.client)
    refused = agent.post("/relay", lines=[a_line(1)], report=REPORT)
    assert (refused.status_code, agent.post("/signals/rerun").status_code) == (403, 200)
    assert here.ledger.get(guest.run.id).state is RunState.RUNNING
    assert read(here, guest.run.id) == []


def test_the_report_settles_the_run_at_once(here: Party) -> None:
    """Its end, its usage and what it returns are recorded, its locks are free, and its token is not good any more."""
    guest = at_work(here)
    guest.post("/locks/acquire", resourceKey=ISSUE)
    answer = guest.post("/relay", lines=[a_line(1)], report=REPORT, read="2026-11-20T12:00:01.000Z")
    run = here.ledger.get(guest.run.id)
    assert answer.status_code == 200
    assert (run.state, run.exit_code, run.return_value) == (RunState.SUCCEEDED, 0, "42 apples")
    assert (run.finished, run.usage) == (REPORT["finished"], REPORT["usage"])
    assert here.ledger.locks.held(run.id, moment=here.clock()) == ()
    assert guest.post("/relay", report={**REPORT, "exit_code": 1}).status_code == 403
    assert here.ledger.get(guest.run.id).exit_code == 0


def test_what_comes_after_the_end_is_refused_without_a_warning(
    here: Party, caplog: pytest.LogCaptureFixture
) -> None:
    """It was on its way, and the run ends quietly; a wrong token is still told of."""
    guest = at_work(here)
    guest.post("/relay", report=REPORT)
    assert guest.post("/relay", lines=[a_line(1)]).status_code == 403
    assert caplog.messages == []
    replace(guest, token=f"{guest.run.id}.wrong").post("/relay")
    assert len(caplog.messages) == 1


def test_the_answer_of_a_call_is_there_with_the_report(here: Party) -> None:
    """Its caller need not wait for anybody to look, and gets all of it."""
    caller = at_work(here)
    call = caller.call("beta")
    callee = here.callee(call)
    handle = RunHandle(runtime="memory", run=callee.run.id, agent=callee.run.agent)
    here.ledger.update(callee.run.id, handle=handle)
    callee.post("/relay", report={**REPORT, "return_value": "x" * 200_000})
    assert caller.standing(call)["returnValue"] == "x" * 200_000


def test_a_report_before_the_launch_is_recorded_is_left_to_the_mailbox(here: Party) -> None:
    """The record of where it ran would be lost."""
    guest = here.guest()
    assert guest.post("/relay", report=REPORT).status_code == 200
    assert here.ledger.get(guest.run.id).state is RunState.RUNNING


def test_a_stop_that_nobody_asked_for_is_left_to_who_knows_why(here: Party) -> None:
    """A container knows SIGTERM, not who sent it."""
    guest = at_work(here)
    guest.post("/relay", report={**REPORT, "state": "stopped", "exit_code": 143})
    assert here.ledger.get(guest.run.id).state is RunState.RUNNING


def test_usage_is_recorded_while_the_run_goes_on(here: Party) -> None:
    """Tokens and money so far."""
    guest = at_work(here)
    guest.post("/relay", usage={"totalTokens": 3, "cost": None})
    assert here.ledger.get(guest.run.id).usage == {"totalTokens": 3, "cost": None}


def test_what_a_run_says_of_itself_is_shown(here: Party) -> None:
    """Also where its container cannot write into the ledger."""
    guest = at_work(here)
    guest.post("/relay", status="half way")
    told = here.client.get("/control/status", headers=BEARER).json()
    (alpha,) = (agent for agent in told["agents"] if agent["name"] == "alpha")
    assert alpha["statusText"] == "half way"


@pytest.mark.parametrize(
    "body",
    [
        {"lines": "x"},
        {"lines": ["x"]},
        {"status": 1},
        {"usage": [1]},
        {"usage": {"x": "y" * 20_000}},
        {"report": "done"},
        {"report": {}},
        {"report": {**REPORT, "state": "running"}},
        {"report": {**REPORT, "state": "nonsense"}},
        {"report": {**REPORT, "exit_code": "0"}},
        {"report": {**REPORT, "finished": "soon"}},
        {"report": {**REPORT, "return_value": 7}},
        {"report": {**REPORT, "usage": 7}},
    ],
)
def test_what_no_container_sends_is_refused_and_changes_nothing(
    here: Party, body: dict[str, Any]
) -> None:
    """400, never 500: and not half of it is taken."""
    guest = at_work(here)
    before = here.ledger.get(guest.run.id)
    assert guest.post("/relay", **{"lines": [a_line(1)], **body}).status_code == 400
    assert (here.ledger.get(guest.run.id), read(here, guest.run.id)) == (before, [])


@pytest.mark.parametrize(
    "line",
    [{}, {"line": 1}, {**a_line(1), "line": "1"}, {**a_line(1), "line": 0}, {**a_line(1), "ts": "x"},
     {**a_line(1), "_log": "yes"}],
)  # fmt: skip
def test_lines_that_no_container_counted_are_passed_over(here: Party, line: dict[str, Any]) -> None:
    """The others of the batch are taken."""
    guest = at_work(here)
    guest.post("/relay", lines=[line, a_line(1, "good")])
    assert read(here, guest.run.id) == ["good"]


def test_too_much_at_once_is_refused(here: Party) -> None:
    """413; a batch holds 64 KiB of lines and one report."""
    guest = at_work(here)
    assert guest.post("/relay", lines=[a_line(1, "x" * 2**20)]).status_code == 413


def test_one_runs_lines_are_bounded_and_the_oldest_go_first() -> None:
    """Whoever needs those reads them in the log service."""
    relayed, run = RelayedLines(), RunId("dev-00000001")
    for number in range(1, 301):
        relayed.add(run, [a_line(number, "x" * 10_000)])
    lines = relayed.of(run)
    assert (lines.line(1), lines.line(300) is not None) == (None, True)
    assert lines.size <= MOST_OF_RUN
    assert lines.first(0) == lines.first(100)


def test_the_lines_of_all_runs_are_bounded_and_the_silent_ones_go_first() -> None:
    """A gateway that lives for months stays as small."""
    relayed = RelayedLines(most=50_000)
    runs = [RunId(f"dev-{n:08x}") for n in range(10)]
    for run in runs:
        relayed.add(run, [a_line(1, "x" * 10_000)])
    assert [relayed.of(run).line(1) is not None for run in runs] == [False] * 6 + [True] * 4


def test_runs_that_say_nothing_are_forgotten_too() -> None:
    """Each takes some room."""
    relayed = RelayedLines(most=50_000)
    for n in range(1000):
        relayed.say(RunId(f"dev-{n:08x}"), "busy")
    assert list(relayed.said())[-1] == "dev-000003e7"
    assert len(relayed.said()) < 50
