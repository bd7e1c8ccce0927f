"""The dashboard's data: pages, and the stream that tells them when something has changed."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx

from gateway.live import invalidated
from gateway.recent import Recent
from gateway.routes.status_stream import Beat, digest
from gateway.sse import Pace
from tests.fakes import FakeClock
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.clock import iso
from toolkit.core.run import RunId, RunState, TriggerKind

from .place import Place, events
from .shop import Shop
from .test_stats import a_call, dead


def test_an_agent_is_told_as_it_stands(shop: Shop) -> None:
    """State, triggers, the last run and the next one."""
    shop.place.run(
        "dev-00000001", state=RunState.FAILED, reason="it broke", finished=iso(shop.clock())
    )
    status, told = shop.get("/api/dashboard/agents/dev")
    agent = told["agent"]
    assert (status, agent["state"], agent["lastError"]) == (200, "error", "it broke")
    assert (agent["triggers"], agent["description"]) == (["schedule", "hub issues"], "writes code")
    assert agent["nextRunAt"].endswith("T12:00:00.000Z")
    assert (told["totalHistorical"], told["summary"]["errors"], told["runningInstances"]) == (
        1,
        1,
        [],
    )
    assert told["agentConfig"]["webhooks"] == [{"source": "hub", "events": ["issues"]}]
    assert shop.get("/api/dashboard/agents/nobody")[0] == 404


def test_what_is_off_has_no_next_run(shop: Shop) -> None:
    """A paused or disabled schedule promises nothing."""
    shop.post("/control/agents/dev/disable")
    assert shop.get("/api/dashboard/agents/dev")[1]["agent"]["nextRunAt"] is None


def test_a_running_agent_says_what_it_does(shop: Shop) -> None:
    """Its own words, and why it runs."""
    shop.container(shop.place.run("dev-00000001")).note(status="reading the issue")
    agent = shop.get("/api/dashboard/status")[1]["agents"][0]
    assert (agent["state"], agent["statusText"], agent["runReason"]) == (
        "running",
        "reading the issue",
        "manual",
    )


def test_the_configuration_is_what_counts_now(shop: Shop) -> None:
    """The project's scale as it was turned, not as it was written."""
    shop.post("/control/project/scale", scale=9)
    told = shop.get("/api/dashboard/config")[1]
    assert told == {
        "projectName": "shop",
        "projectScale": 9,
        "gatewayPort": None,
        "webhooksActive": True,
    }


def test_an_instance_knows_what_started_it(shop: Shop) -> None:
    """While it runs and after; the caller of a call, the webhook of a webhook."""
    shop.ledger.deliveries.accept(dead(1), [])
    run = shop.place.run(
        "dev-00000001", trigger=TriggerKind.WEBHOOK, source="hub", delivery="receipt-1"
    )
    told = shop.get(f"/api/dashboard/agents/dev/instances/{run.id}")[1]
    assert (told["run"], told["runningInstance"]["trigger"]) == (None, "webhook (hub)")
    assert told["webhookReceipt"]["eventSummary"] == "issues opened"
    assert shop.get(f"/api/dashboard/agents/ops/instances/{run.id}")[0] == 404
    assert shop.get("/api/dashboard/agents/dev/instances/dev-0000000f")[0] == 404


def test_a_trigger_is_told_with_the_caller(shop: Shop) -> None:
    """What the caller said is the context."""
    call = a_call("dev-00000001", "ops", "ops-00000002")
    shop.ledger.calls.add(call)
    shop.place.run(
        "ops-00000002", trigger=TriggerKind.CALL, source=call.caller, call=call.id, depth=1
    )
    told = shop.get("/api/dashboard/triggers/ops-00000002")[1]["trigger"]
    assert (told["callerAgent"], told["callDepth"], told["triggerContext"]) == (
        "dev",
        1,
        "look at this",
    )
    assert shop.get("/api/dashboard/triggers/ops-0000000f")[0] == 404


def test_the_instructions_are_where_the_project_is(shop: Shop) -> None:
    """Beside the project's files; a deployed gateway says where they are."""
    assert shop.get("/api/dashboard/agents/dev/skill")[0] == 404
    directory = shop.place.services.context.project
    agent = Agent(name=AgentName("dev"), directory=directory, instructions="Write code.")
    project = Project(name="shop", directory=directory, agents=(agent,))
    shop.app.state.desk = replace(
        shop.app.state.desk, services=replace(shop.place.services, project=project)
    )
    assert shop.get("/api/dashboard/agents/dev/skill")[1]["body"] == "Write code."


def test_locks_are_told_with_their_holders(shop: Shop) -> None:
    """From the books, whoever asks."""
    shop.ledger.locks.acquire("git://roof", RunId("dev-00000001"), seconds=60, moment=shop.clock())
    (lock,) = shop.get("/dashboard/api/locks")[1]["locks"]
    assert (lock["resourceKey"], lock["agentName"], lock["heldSince"]) == (
        "git://roof",
        "dev",
        shop.clock.ms,
    )


# ------------------------------------------------------------------------------- the stream

STILL: dict[str, Any] = {
    "agents": [
        {"name": "dev", "lastRunAt": None, "lastRunDuration": None, "queuedWebhooks": 0, "enabled": True,
         "scale": 1, "triggers": [], "schedule": None}
    ],
    "schedulerInfo": {"paused": False},
    "recentLogs": [],
    "instances": [],
}  # fmt: skip
ONE = STILL | {"instances": [{"id": "dev-00000001", "agentName": "dev"}]}


async def taken(events: AsyncIterator[str], count: int) -> list[str]:
    return [await anext(events) for _ in range(count)]


def beat(clock: FakeClock, states: list[dict[str, Any]], wait: float | None = None) -> Beat:
    """Looks at one state after another, the last again and again."""

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    def look() -> dict[str, Any]:
        return states.pop(0) if len(states) > 1 else states[0]

    return Beat(look=look, wait=wait, pace=Pace(), clock=clock.monotonic, sleep=sleep)


def data(event: str) -> Any:
    return json.loads(event.split("data: ", 1)[1])


def test_a_change_is_told_and_what_it_makes_stale() -> None:
    """At once on connecting, then only when something has changed."""
    stream = beat(FakeClock(), [STILL, STILL, STILL, ONE]).events("")
    _, first, second = asyncio.run(taken(stream, 3))
    assert (data(first)["invalidated"], data(first)["instances"]) == ([], [])
    assert data(second)["invalidated"] == [
        {"type": "runs"},
        {"type": "instance", "agent": "dev", "instanceId": "dev-00000001"},
    ]


def test_changes_are_told_no_more_often_than_twice_a_second() -> None:
    """However fast they come."""
    clock = FakeClock()
    states = [STILL | {"recentLogs": [n]} for n in range(10)]
    asyncio.run(taken(beat(clock, states).events(""), 5))
    assert clock.monotonic() == 1.5


def test_silence_is_broken_by_a_heartbeat() -> None:
    """Every 15 s, so that nobody in between ends the connection."""
    clock = FakeClock()
    told = asyncio.run(taken(beat(clock, [STILL]).events(""), 4))
    assert told[2:] == ["event: heartbeat\ndata: {}\n\n"] * 2
    assert clock.monotonic() == 30


def test_a_held_back_answer_ends_with_the_first_change() -> None:
    """Where answers are buffered: at once for who knows nothing, else with a change, else after the wait."""

    async def all_of(known: str, *states: dict[str, Any]) -> list[str]:
        return [e async for e in beat(FakeClock(), list(states), wait=20).events(known)]

    assert len(asyncio.run(all_of("", STILL))) == 2
    changed = asyncio.run(all_of(digest(STILL), STILL, STILL, ONE))
    assert data(changed[-1])["instances"] == ONE["instances"]
    assert asyncio.run(all_of(digest(STILL), STILL))[1:] == ["event: heartbeat\ndata: {}\n\n"]


def test_a_failing_look_ends_the_stream_in_words() -> None:
    """What is wrong can only be said in it."""

    def broken() -> dict[str, Any]:
        raise RuntimeError("boom")

    failing = replace(beat(FakeClock(), [STILL]), look=broken)
    told = asyncio.run(taken(failing.events(""), 2))
    assert told[1].startswith("event: error\n")
    assert "boom" not in told[1]


def test_the_stream_is_served(served: str, place: Place) -> None:
    """Under uvicorn, for who has the key, with headers that keep proxies from holding it back."""
    headers = {"Authorization": f"Bearer {'k' * 43}"}
    url = f"{served}/dashboard/api/status-stream"
    with httpx.stream("GET", url, headers=headers, trust_env=False) as answer:
        text = ""
        for chunk in answer.iter_text():
            text += chunk
            if "data: " in text:
                break
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (
        answer.headers["x-accel-buffering"],
        "no-transform" in answer.headers["cache-control"],
    ) == ("no", True)
    assert json.loads(events(text)[1]["data"])["schedulerInfo"]["projectName"] == "shop"
    assert httpx.get(url, trust_env=False).status_code == 401


def test_only_what_has_changed_is_stale() -> None:
    """By the part that changed."""
    paused = STILL | {"schedulerInfo": {"paused": True}}
    ended = STILL | {"agents": [STILL["agents"][0] | {"lastRunAt": "now"}]}
    queued = STILL | {"agents": [STILL["agents"][0] | {"queuedWebhooks": 1}]}
    kinds = [[i["type"] for i in invalidated(STILL, new)] for new in (STILL, paused, ended, queued)]
    assert kinds == [[], ["config"], ["stats"], ["triggers"]]


def test_recent_lines_are_a_ring() -> None:
    """The last ones, with level and time."""
    import logging

    ring, log = Recent(3), logging.getLogger("al.test-ring")
    log.addHandler(ring)
    for number in range(5):
        log.warning("line %s", number)
    log.removeHandler(ring)
    assert [(line["level"], line["message"]) for line in ring.last(2)] == [
        ("warning", "line 3"),
        ("warning", "line 4"),
    ]
    assert len(ring.last(100)) == 3
