"""`al stat` and `al stats` as text: from the gateway's JSON, whoever has made it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from toolkit.core.clock import from_iso
from toolkit.core.errors import NotFound
from toolkit.ui import Ui

Answer = Mapping[str, Any]
AGENTS = ("AGENT", "TRIGGER", "STATUS", "INSTANCES", "QUEUE")
INSTANCES = ("AGENT", "INSTANCE", "STATUS", "TRIGGER", "STARTED")
BACKENDS = ("BACKEND", "INSTANCE", "TURN", "FOR")
LOCKS = ("RESOURCE", "HOLDER", "HELD FOR")
SUMS = ("AGENT", "RUNS", "OK", "ERR", "AVG TIME", "TOKENS", "COST", "PRE HOOK", "POST HOOK")
RUNS = ("INSTANCE", "TRIGGER", "RESULT", "STARTED", "TIME", "TOKENS", "COST", "ERROR")
CALLS = ("CALLER", "TARGET", "CALLS", "AVG DEPTH", "AVG TIME")
LONGEST_ERROR = 60


def agent_of(told: Answer, name: str) -> dict[str, Any]:
    """The agent, what it runs and what it holds.  Raises NotFound."""
    found = next((a for a in told["agents"] if a["name"] == name), None)
    if found is None:
        known = ", ".join(a["name"] for a in told["agents"]) or "none"
        raise NotFound(f"no agent named {name!r}", hint=f"known agents: {known}")
    mine = [i for i in told["instances"] if i["agentName"] == name]
    locks = [lock for lock in told["locks"] if lock["agentName"] == name]
    backends = [b for b in told.get("backends", ()) if name in _at(b)]
    return {"agent": found, "instances": mine, "locks": locks, "backends": backends}


def _at(backend: Answer) -> set[str]:
    """The agents that have it or wait for it."""
    return {place["agentName"] for place in (*backend["holders"], *backend["waiting"])}


def of_all(ui: Ui, told: Answer, moment: datetime) -> None:
    _scheduler(ui, told["scheduler"])
    for agent in told["agents"]:
        if agent["description"]:
            ui.line(f"  {agent['name']}: {agent['description']}")
    ui.line()
    apart = any(
        agent.get("environment") for agent in told["agents"]
    )  # an older gateway says nothing of it
    where = ("RUNS IN",) if apart else ()
    ui.table((*AGENTS, *where), [_agent(agent, told, apart=apart) for agent in told["agents"]])
    _instances(ui, told["instances"], moment)
    _locks(ui, told["locks"], moment)
    _backends(ui, told.get("backends", ()), moment)


def of_agent(ui: Ui, told: Answer, moment: datetime) -> None:
    agent = told["agent"]
    facts = {
        agent["name"]: agent["description"],
        "Status": _state(agent),
        "Schedule": f"{agent['schedule']} ({agent['timezone']})" if agent["schedule"] else "none",
        "Next run": agent["nextRunAt"] or "none",
        "Webhooks": ", ".join(t for t in agent["triggers"] if t != "schedule") or "none",
        "Scale": f"{agent['runningCount']} of {agent['scale']} running",
        "Queue": agent["queuedWebhooks"],
        "Timeout": f"{agent['timeout']} s",
        "Runs in": agent.get("environment"),
        "Last run": _last(agent),
        "Last error": agent["lastError"],
        "Says": agent["statusText"],
    }
    _facts(ui, facts)
    _instances(ui, told["instances"], moment)
    _locks(ui, told["locks"], moment)
    _backends(ui, told["backends"], moment)


def _scheduler(ui: Ui, info: Answer) -> None:
    going = {True: "Running", False: "not running: `al start` starts it", None: "unknown"}
    status = going[info["running"]]
    if info["paused"]:
        status = f"PAUSED, {status}" if info["running"] is False else "PAUSED"
    _facts(
        ui,
        {
            "Scheduler": status,
            "Project": info["projectName"],
            "Mode": info["mode"],
            "Runtime": info.get("runtime"),
            "Gateway": info.get("gateway"),
            "Scale": info["projectScale"],
        },
    )


def _facts(ui: Ui, facts: Mapping[str, Any]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        if value is not None:
            ui.line(f"{name.ljust(width)}  {value}".rstrip())


def _agent(agent: Answer, told: Answer, *, apart: bool) -> Sequence[object]:
    kinds = dict.fromkeys("cron" if t == "schedule" else "webhook" for t in agent["triggers"])
    instances = f"{agent['runningCount']}/{agent['scale']}"
    trigger = ", ".join((*kinds, "manual"))
    shown = (agent["name"], trigger, _state(agent), instances, agent["queuedWebhooks"])
    return (*shown, agent["environment"] or told["scheduler"]["mode"]) if apart else shown


def _state(agent: Answer) -> str:
    return str(agent["state"]) if agent["enabled"] else f"{agent['state']}, paused"


def _last(agent: Answer) -> str:
    took = f", {_time(agent['lastRunDuration'])}" if agent["lastRunDuration"] is not None else ""
    return f"{agent['lastRunAt']}{took}" if agent["lastRunAt"] else "none"


def _instances(ui: Ui, instances: Sequence[Answer], moment: datetime) -> None:
    if instances:
        ui.line()
        rows = [
            (i["agentName"], i["id"], i["status"], i["trigger"], _ago(i["startedAt"], moment))
            for i in instances
        ]
        ui.table(INSTANCES, rows)


def _locks(ui: Ui, locks: Sequence[Answer], moment: datetime) -> None:
    if locks:
        ui.line()
        now = moment.timestamp() * 1000
        ui.table(
            LOCKS, [(k["resourceKey"], k["holder"], _time(now - k["heldSince"])) for k in locks]
        )


def _backends(ui: Ui, backends: Sequence[Answer], moment: datetime) -> None:
    """Models' servers with a limit: whose turn it is, and who waits for it."""
    rows = [
        (found["id"], one["instance"], _turn(one), _time(moment.timestamp() * 1000 - one["since"]))
        for found in backends
        for one in (*found["holders"], *found["waiting"])
    ]
    if rows:
        ui.line()
        ui.table(BACKENDS, rows)


def _turn(place: Answer) -> str:
    return f"waits, number {place['position']}" if "position" in place else "has it"


def _ago(when: str, moment: datetime) -> str:
    passed = (moment - from_iso(when)).total_seconds()
    return f"{_time(max(1.0, passed) * 1000)} ago"


def _time(milliseconds: float | None) -> str:
    """The two largest units."""
    if milliseconds is None:
        return "-"
    seconds = max(0, round(milliseconds / 1000))
    for size, small, large, rest in (
        (86400, 3600, "d", "h"),
        (3600, 60, "h", "m"),
        (60, 1, "m", "s"),
    ):
        if seconds >= size:
            return f"{seconds // size}{large} {seconds % size // small}{rest}"
    return f"{seconds}s" if milliseconds >= 1000 else f"{round(max(0, milliseconds))}ms"


# --------------------------------------------------------------------------------- al stats


def sums(ui: Ui, told: Answer) -> None:
    """The totals in a line, then each agent."""
    total = told["totals"]
    ui.line(
        f"{counted(total['runs'], 'run')}, {total['ok']} ok, {counted(total['errors'], 'error')}, "
        f"{total['totalTokens']:,} tokens, ${total['cost']:.2f}"
    )
    if told["agents"]:
        ui.line()
        ui.table(SUMS, [_sum(agent) for agent in told["agents"]])


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sum(agent: Answer) -> Sequence[object]:
    return (
        agent["name"], agent["runs"], agent["ok"], agent["errors"], _time(agent["avgDurationMs"]),
        f"{agent['totalTokens']:,}", f"${agent['cost']:.2f}",
        _time(agent["avgPreHookMs"]), _time(agent["avgPostHookMs"]),
    )  # fmt: skip


def runs(ui: Ui, rows: Sequence[Answer]) -> None:
    """An agent's runs, newest first."""
    ui.line()
    ui.table(RUNS, [_run(row) for row in rows])


def _run(row: Answer) -> Sequence[object]:
    source = f" ({row['trigger_source']})" if row["trigger_source"] else ""
    started = datetime.fromtimestamp(row["started_at"] / 1000, UTC)
    return (
        row["instance_id"], f"{row['trigger_type']}{source}", row["result"],
        f"{started:%Y-%m-%d %H:%M:%S}Z", _time(row["duration_ms"]),
        f"{row['total_tokens']:,}", f"${row['cost_usd']:.2f}",
        " ".join((row["error_message"] or "").split())[:LONGEST_ERROR],
    )  # fmt: skip


def calls(ui: Ui, edges: Sequence[Answer]) -> None:
    """Who called whom."""
    ui.line()
    if not edges:
        ui.line("no agent has called another")
        return
    rows = [
        (e["caller"], e["target"], e["count"], e["avgDepth"], _time(e["avgDurationMs"]))
        for e in edges
    ]
    ui.table(CALLS, rows)
