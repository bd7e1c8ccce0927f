"""/control/*: whoever holds the key steers what runs, and every answer is true."""

import pytest

from toolkit.core.clock import iso
from toolkit.core.run import RunId, RunState
from toolkit.core.work import Rooms
from toolkit.scheduler import switches

from .place import BEARER
from .shop import Shop


def test_a_triggered_run_has_the_id_that_was_answered(shop: Shop) -> None:
    """The run is queued under `instanceId`, with its prompt, and the scheduler is woken."""
    status, told = shop.post("/control/trigger/dev", prompt="fix the roof")
    run = shop.ledger.get(RunId(told["instanceId"]))
    assert (status, told["success"], run.state, run.prompt) == (
        200,
        True,
        RunState.QUEUED,
        "fix the roof",
    )
    assert [item.run for item in shop.ledger.queue.waiting("dev")] == [told["instanceId"]]
    assert shop.woken == ["woken"]


def test_a_trigger_without_a_body_has_no_prompt(shop: Shop) -> None:
    """As a plain button sends it."""
    answer = shop.client.post("/control/trigger/dev")
    assert answer.status_code == 200
    assert shop.ledger.get(RunId(answer.json()["instanceId"])).prompt is None


def test_an_unknown_agent_is_not_triggered(shop: Shop) -> None:
    """404, and nothing is queued for it."""
    assert shop.post("/control/trigger/nobody")[0] == 404
    assert shop.ledger.queue.lengths() == {}


def test_a_paused_scheduler_takes_no_manual_work(shop: Shop) -> None:
    """409 with the way out; after the resumption it is taken."""
    assert shop.post("/control/pause")[0] == 200
    status, told = shop.post("/control/trigger/dev")
    assert (status, "resume" in told["hint"]) == (409, True)
    assert shop.post("/control/resume")[0] == 200
    assert shop.post("/control/trigger/dev")[0] == 200


def test_a_pause_outlives_the_process(shop: Shop) -> None:
    """It is kept with the environment, not in the gateway."""
    shop.post("/control/pause")
    shop.post("/control/agents/dev/disable")
    assert switches.read(shop.ledger) == switches.Switches(paused=True, disabled=("dev",))


def test_a_resumption_wakes_who_drains_the_queue(shop: Shop) -> None:
    """Nothing has to end before what has waited starts."""
    shop.post("/control/pause")
    assert shop.woken == []
    shop.post("/control/resume")
    shop.post("/control/agents/dev/enable")
    assert shop.woken == ["woken", "woken"]


@pytest.mark.parametrize("off", ["disable", "pause"])
@pytest.mark.parametrize("on", ["enable", "resume"])
def test_an_agent_is_turned_off_and_on(shop: Shop, off: str, on: str) -> None:
    """Under both names, and answered in the words of what was asked; only that agent."""
    assert shop.post(f"/control/agents/dev/{off}")[1]["message"].startswith(f"dev is {off}d")
    agents = {a["name"]: a["enabled"] for a in shop.get("/control/status")[1]["agents"]}
    assert agents == {"dev": False, "ops": True}
    assert shop.post(f"/control/agents/dev/{on}")[1]["message"] == f"dev is {on}d"
    assert switches.read(shop.ledger).disabled == ()


@pytest.mark.parametrize("verb", ["disable", "enable", "pause", "resume", "kill", "scale"])
def test_an_unknown_agent_is_told_with_the_known_ones(shop: Shop, verb: str) -> None:
    """404 for every verb."""
    status, told = shop.post(f"/control/agents/nobody/{verb}", scale=1)
    assert (status, told["hint"]) == (404, "known agents: dev, ops")


def test_a_scale_takes_effect(shop: Shop) -> None:
    """Of an agent and of all; it is kept, and whoever dispatches reads it."""
    of_dev = shop.post("/control/agents/dev/scale", scale=3)[1]["message"]
    of_all = shop.post("/control/project/scale", scale=1)[1]["message"]
    assert (of_dev, of_all) == ("at most 3 runs of dev at once", "at most 1 run at once")
    now = switches.read(shop.ledger)
    assert (now.scales, now.total) == ({"dev": 3}, 1)
    told = shop.get("/control/status")[1]
    assert (told["agents"][0]["scale"], told["scheduler"]["projectScale"]) == (3, 1)


@pytest.mark.parametrize("scale", [0, -1, 1.5, "2", True, None, [], 10**6])
@pytest.mark.parametrize("path", ["/control/project/scale", "/control/agents/dev/scale"])
def test_a_scale_is_a_whole_number_from_one(shop: Shop, path: str, scale: object) -> None:
    """Whatever else is sent, nothing changes."""
    assert shop.post(path, scale=scale)[0] == 400
    assert switches.read(shop.ledger) == switches.Switches()


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[1]",
        b"{",
        b'"x"',
        b'{"prompt": 1}',
        b'{"prompt": "\\ud800"}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_bad_body_is_refused(shop: Shop, body: bytes) -> None:
    """400 with what to send instead, never a failure."""
    answer = shop.client.post("/control/trigger/dev", content=body)
    assert (answer.status_code, set(answer.json())) == (400, {"error", "hint"})


def test_a_body_has_a_bound(shop: Shop) -> None:
    """413, also when its length is not declared."""
    answer = shop.client.post(
        "/control/trigger/dev", content=iter([b'{"prompt": "', b"x" * 70_000])
    )
    assert answer.status_code == 413


def test_a_waiting_run_is_killed(shop: Shop) -> None:
    """Before any container exists: it never starts."""
    run = shop.post("/control/trigger/dev")[1]["instanceId"]
    assert shop.post(f"/control/kill/{run}")[0] == 200
    assert shop.ledger.get(RunId(run)).state is RunState.STOPPED
    assert shop.ledger.queue.lengths() == {}


def test_a_run_that_is_being_launched_is_asked_to_stop(shop: Shop) -> None:
    """Its launcher and its container both find the flag."""
    run = RunId(shop.post("/control/trigger/dev")[1]["instanceId"])
    rooms = Rooms(agents={"dev": 1})
    assert shop.ledger.queue.take("me", rooms, seconds=60, moment=shop.clock()).run == run
    assert shop.post(f"/control/kill/{run}")[0] == 200
    assert shop.ledger.mailbox(run).stop


def test_what_does_not_run_cannot_be_killed(shop: Shop) -> None:
    """404 for an unknown run and for one that is over; 400 for what is no run's id."""
    over = shop.place.run("dev-00000001", state=RunState.SUCCEEDED, finished=iso(shop.clock()))
    status, told = shop.post(f"/control/kill/{over.id}")
    assert (status, told["error"]) == (404, "dev-00000001 is not running: it succeeded")
    assert shop.post("/control/kill/dev-0000000f")[0] == 404
    assert shop.post("/control/kill/dev")[0] == 400


def test_an_agents_runs_are_killed_and_its_queue_stays(shop: Shop) -> None:
    """`killed` counts what was launched or is being launched."""
    shop.place.run("dev-00000001", handle=None, state=RunState.STARTING)
    shop.place.run("ops-00000002", handle=None, state=RunState.STARTING)
    waiting = shop.post("/control/trigger/dev")[1]["instanceId"]
    status, told = shop.post("/control/agents/dev/kill")
    assert (status, told["killed"]) == (200, 1)
    assert shop.ledger.mailbox(RunId("dev-00000001")).stop
    assert not shop.ledger.mailbox(RunId("ops-00000002")).stop
    assert shop.ledger.get(RunId(waiting)).state is RunState.QUEUED


def test_stop_answers_before_it_ends_the_process(shop: Shop) -> None:
    """The caller hears of it."""
    assert shop.post("/control/stop") == (200, {"success": True, "message": "stopping"})
    assert shop.stopped == ["stopped"]


def test_a_gateway_without_a_scheduler_cannot_be_stopped(shop: Shop) -> None:
    """503 with what to do instead: success would be a lie."""
    shop.app.state.stop = None
    status, told = shop.post("/control/stop")
    assert (status, "`al pause`" in told["hint"]) == (503, True)


def test_what_is_not_there_says_where_the_list_is(shop: Shop) -> None:
    """A client that guessed an address wrong is sent to the one document that has them all."""
    status, told = shop.get("/control/nothing")
    assert (status, "/api/openapi.json" in told["hint"]) == (404, True)


def test_the_status_counts_what_runs_and_what_waits(shop: Shop) -> None:
    """Runs that are over are no instances, and queued ones are in the queue."""
    shop.place.run("ops-00000001")
    shop.place.run("ops-00000002", state=RunState.FAILED, finished=iso(shop.clock()))
    shop.post("/control/trigger/dev")
    told = shop.get("/control/status")[1]
    assert (told["running"], told["queueSizes"]) == (1, {"dev": 1, "ops": 0})
    assert [i["id"] for i in told["instances"]] == ["ops-00000001"]
    assert shop.get("/control/instances")[1]["instances"] == told["instances"]


def test_a_run_that_has_reported_its_end_runs_no_more(shop: Shop) -> None:
    """Though nobody has closed its record yet."""
    run = shop.place.run("ops-00000001")
    report = {"exit_code": 0, "state": "succeeded", "finished": iso(shop.clock())}
    shop.container(run).note(report=report)
    assert shop.get("/control/status")[1]["running"] == 0


def test_control_needs_the_key(shop: Shop) -> None:
    """A stranger turns nothing."""
    answer = shop.client.post("/control/pause", headers=BEARER | {"Authorization": "Bearer no"})
    assert answer.status_code == 401
    assert not switches.read(shop.ledger).paused
