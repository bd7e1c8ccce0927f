"""/api/stats/*: what became of runs and webhooks, counted and in pages."""

from dataclasses import replace
from typing import Any

import pytest

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.run import Run, RunId, RunState, TriggerKind
from toolkit.core.work import Call, CallState, DeadReason, Delivery, DeliveryState
from toolkit.scheduler import past
from toolkit.scheduler.history import MOST_RUNS

from .shop import Shop

USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15, "cost": 0.25, "turnCount": 2}


def over(shop: Shop, name: str, *, ago: float = 60, seconds: float = 10, **changes: Any) -> Run:
    """A run that went on for so many seconds and is over."""
    made = shop.place.run(name, ago=ago)
    started = iso(shop.clock())
    shop.clock.sleep(seconds)
    usual = {"state": RunState.SUCCEEDED, "exit_code": 0, "started": started}
    run: Run = shop.ledger.update(made.id, finished=iso(shop.clock()), **{**usual, **changes})
    return run


def a_call(caller: str, target: str, run: str, depth: int = 1) -> Call:
    return Call(
        id=f"{caller}/{run}",
        caller=RunId(caller),
        target=AgentName(target),
        run=RunId(run),
        context="look at this",
        depth=depth,
        created="2026-11-20T12:00:00.000Z",
        finished="2026-11-20T12:00:04.000Z",
        state=CallState.COMPLETED,
    )


def dead(number: int) -> Delivery:
    return Delivery(
        id=f"receipt-{number}",
        source="hub",
        received="2026-11-20T12:00:00.000Z",
        delivery=str(number),
        summary="issues opened",
        headers={"x-event": "issues"},
        body=b'{"action": "opened"}',
        state=DeliveryState.DEAD,
        reason=DeadReason.UNWANTED,
    )


def test_a_run_is_told_with_its_result_time_and_usage(shop: Shop) -> None:
    """The exit code and the reason are the run's own, and never null where they are known."""
    over(
        shop,
        "dev-00000001",
        state=RunState.FAILED,
        exit_code=2,
        reason="exited with code 2",
        usage=USAGE,
    )
    run = shop.get("/api/stats/agents/dev/runs/dev-00000001")[1]["run"]
    assert (run["result"], run["exit_code"], run["error_message"]) == (
        "error",
        2,
        "exited with code 2",
    )
    assert (run["duration_ms"], run["total_tokens"], run["cost_usd"]) == (10_000, 15, 0.25)
    assert (run["trigger_type"], run["turn_count"]) == ("manual", 2)


@pytest.mark.parametrize(
    ("state", "code", "result"),
    [
        (RunState.SUCCEEDED, 0, "completed"), (RunState.SUCCEEDED, 42, "rerun"), (RunState.FAILED, 1, "error"),
        (RunState.TIMED_OUT, 124, "error"), (RunState.LOST, None, "error"), (RunState.STOPPED, 143, "killed"),
    ],
)  # fmt: skip
def test_each_end_has_its_result(
    shop: Shop, state: RunState, code: int | None, result: str
) -> None:
    """The words of the API for the states of a run."""
    over(shop, "dev-00000001", state=state, exit_code=code)
    assert shop.get("/api/stats/agents/dev/runs/dev-00000001")[1]["run"]["result"] == result


def test_an_unknown_run_is_null(shop: Shop) -> None:
    """Also one of another agent."""
    over(shop, "ops-00000001")
    assert shop.get("/api/stats/agents/dev/runs/dev-0000000f") == (200, {"run": None})
    assert shop.get("/api/stats/agents/dev/runs/ops-00000001") == (200, {"run": None})
    assert shop.get("/api/stats/agents/dev/runs/nonsense")[0] == 400


def test_an_agent_that_never_was_has_no_runs_to_show(shop: Shop) -> None:
    """404; one without runs has none, and of one that was removed they are still there."""
    over(shop, "gone-00000001")
    assert shop.get("/api/stats/agents/nix/runs")[0] == 404
    assert shop.get("/api/stats/agents/ops/runs")[1]["total"] == 0
    assert shop.get("/api/stats/agents/gone/runs")[1]["total"] == 1


def test_runs_come_in_pages(shop: Shop) -> None:
    """Newest first, with how many there are; those that go on are not among them."""
    for number in range(1, 4):
        over(shop, f"dev-0000000{number}", ago=60 - number)
    shop.place.run("dev-0000000f")
    told = shop.get("/api/stats/agents/dev/runs?page=2&limit=2")[1]
    assert ([r["instance_id"] for r in told["runs"]], told["total"], told["page"]) == (
        ["dev-00000001"],
        3,
        2,
    )
    assert shop.get("/api/stats/agents/dev/runs?page=9")[1]["runs"] == []
    assert shop.get("/api/stats/agents/dev/runs?page=x")[0] == 400


def test_a_run_that_never_started_took_no_time(shop: Shop) -> None:
    """One that was dropped after an hour in the queue worked for no second of it, and is in no average."""
    over(shop, "dev-00000001", seconds=20)
    over(shop, "dev-00000002", seconds=3600, started=None, state=RunState.FAILED)
    (dev,) = shop.get("/api/stats/summary")[1]["agents"]
    assert (dev["runs"], dev["avgDurationMs"]) == (2, 20_000)
    row = shop.get("/api/stats/agents/dev/runs/dev-00000002")[1]["run"]
    assert row["duration_ms"] is None


def test_sums_count_errors_apart(shop: Shop) -> None:
    """Completed and rerun are good; who was killed is neither."""
    over(shop, "dev-00000001", usage=USAGE)
    over(shop, "dev-00000002", exit_code=42, seconds=20, usage=USAGE)
    over(shop, "ops-00000003", state=RunState.FAILED)
    over(shop, "ops-00000004", state=RunState.STOPPED)
    told = shop.get("/api/stats/summary")[1]
    totals = told["totals"]
    assert [totals[k] for k in ("runs", "ok", "errors", "killed", "totalTokens", "cost")] == [
        4,
        2,
        1,
        1,
        30,
        0.5,
    ]
    assert [(a["name"], a["runs"], a["ok"], a["avgDurationMs"]) for a in told["agents"]] == [
        ("dev", 2, 2, 15_000),
        ("ops", 2, 0, 10_000),
    ]
    assert shop.get("/api/stats/summary?agent=ops")[1]["totals"]["runs"] == 2


def test_sums_begin_at_a_time(shop: Shop) -> None:
    """`since` is epoch milliseconds or ISO 8601."""
    over(shop, "dev-00000001", ago=7200)
    over(shop, "dev-00000002", ago=60)
    hour_ago = int((shop.clock.ms / 1000 - 3600) * 1000)
    assert shop.get(f"/api/stats/summary?since={hour_ago}")[1]["totals"]["runs"] == 1
    assert shop.get("/api/stats/summary?since=yesterday")[0] == 400


def test_the_call_graph_is_that_of_the_calls(shop: Shop) -> None:
    """Each pair once, with how often, how deep and how long."""
    shop.ledger.calls.add(a_call("dev-00000001", "ops", "ops-00000002"))
    shop.ledger.calls.add(a_call("dev-00000001", "ops", "ops-00000003", depth=2))
    shop.ledger.calls.add(a_call("ops-00000002", "dev", "dev-00000004", depth=2))
    edges = shop.get("/api/stats/summary")[1]["calls"]
    assert edges[0] == {
        "caller": "dev",
        "target": "ops",
        "count": 2,
        "avgDepth": 1.5,
        "avgDurationMs": 4000,
    }
    assert len(edges) == 2


def test_activity_goes_from_what_waits_to_what_is_over(shop: Shop) -> None:
    """Each run once, dead letters among those that are over; all count in the total."""
    over(shop, "dev-00000001", ago=10)
    shop.place.run("ops-00000002", ago=30)
    waiting = shop.post("/control/trigger/dev")[1]["instanceId"]
    shop.ledger.deliveries.accept(dead(1), [])
    told = shop.get("/api/stats/activity")[1]
    assert [(r["instanceId"], r["status"]) for r in told["rows"]] == [
        (waiting, "pending"),
        ("ops-00000002", "running"),
        ("dev-00000001", "completed"),
        (None, "dead-letter"),
    ]
    assert (told["total"], told["pendingCount"]) == (4, 1)
    second = shop.get("/api/stats/activity?limit=1&offset=1")[1]
    assert ([r["instanceId"] for r in second["rows"]], second["total"]) == (["ops-00000002"], 4)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("status=pending,running", ["ops-00000002"]),
        ("status=all", ["ops-00000002", "dev-00000001", None]),
        ("status=dead-letter", [None]),
        ("agent=dev", ["dev-00000001"]),
        ("agent=dev,ops", ["ops-00000002", "dev-00000001"]),
        ("triggerType=webhook", [None]),
        ("triggerType=manual&status=completed", ["dev-00000001"]),
        ("since=2999-01-01", []),
    ],
)
def test_activity_is_filtered(shop: Shop, query: str, ids: list[str | None]) -> None:
    """By agent, trigger, status and time, alone and together."""
    over(shop, "dev-00000001", ago=10)
    shop.place.run("ops-00000002", ago=30)
    shop.ledger.deliveries.accept(dead(1), [])
    told = shop.get(f"/api/stats/activity?{query}")[1]
    assert ([r["instanceId"] for r in told["rows"]], told["total"]) == (ids, len(ids))


@pytest.mark.parametrize(
    "query",
    ["status=nonsense", "triggerType=cron", "agent=A%20B", "limit=0", "offset=-1", "since=x"],
)
@pytest.mark.parametrize("route", ["activity", "jobs", "triggers"])
def test_bad_filters_are_refused_in_words(shop: Shop, route: str, query: str) -> None:
    """400 with what may be written."""
    status, told = shop.get(f"/api/stats/{route}?{query}")
    assert (status, set(told)) == (400, {"error", "hint"})


def test_jobs_count_what_waits_by_agent(shop: Shop) -> None:
    """Beside those that have started."""
    over(shop, "dev-00000001")
    shop.post("/control/trigger/dev")
    shop.post("/control/trigger/ops")
    told = shop.get("/api/stats/jobs")[1]
    assert (told["total"], told["pending"], told["totalPending"]) == (1, {"dev": 1, "ops": 1}, 2)


def test_triggers_name_an_agents_call(shop: Shop) -> None:
    """`agent`, with the run that called."""
    made = replace(
        shop.place.run("dev-00000001"),
        id=RunId("ops-00000002"),
        agent=AgentName("ops"),
        trigger=TriggerKind.CALL,
        source="dev-00000001",
        depth=1,
    )
    shop.ledger.add(made)
    row = shop.get("/api/stats/triggers?triggerType=agent")[1]["triggers"][0]
    assert (row["triggerType"], row["triggerSource"]) == ("agent", "dev-00000001")


def test_triggers_have_dead_letters_when_all_are_wanted(shop: Shop) -> None:
    """Only then."""
    shop.ledger.deliveries.accept(dead(1), [])
    assert shop.get("/api/stats/triggers")[1]["total"] == 0
    assert shop.get("/api/stats/triggers?all=1")[1]["total"] == 1


def test_a_webhook_is_told_with_its_body(shop: Shop) -> None:
    """By its receipt; an unknown one is 404."""
    shop.ledger.deliveries.accept(dead(1), [])
    receipt = shop.get("/api/stats/webhooks/receipt-1")[1]["receipt"]
    assert (receipt["body"], receipt["deadLetterReason"]) == ('{"action": "opened"}', "no_match")
    assert shop.get("/api/stats/webhooks/nothing")[0] == 404


@pytest.mark.parametrize("route", ["triggers", "jobs", "activity"])
def test_a_page_says_whether_all_runs_were_looked_at(shop: Shop, route: str) -> None:
    """A filter sees the newest only: where there may be more, what is not in the page may still have been."""
    run = over(shop, "dev-00000001")
    assert shop.get(f"/api/stats/{route}?triggerType=webhook")[1]["complete"] is True
    assert past.complete([run] * (MOST_RUNS - 1))
    assert not past.complete([run] * MOST_RUNS)


def test_before_anything_has_run_there_is_nothing(shop: Shop) -> None:
    """Zeros and empty lists, no failure."""
    assert shop.get("/api/stats/summary")[1]["totals"]["runs"] == 0
    assert shop.get("/api/stats/activity")[1]["rows"] == []
    assert shop.get("/api/stats/jobs")[1]["pending"] == {}
