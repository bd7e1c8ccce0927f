"""What `al start` shows: rows and lines, as values."""

from dataclasses import replace
from datetime import UTC, datetime

from toolkit.core.agent import AgentName
from toolkit.core.run import Run, RunId, RunState, TriggerKind
from toolkit.ops.start.table import COLUMNS, Table, as_found, changes, table
from toolkit.scheduler.roster import Post, Roster
from toolkit.scheduler.status import Seen
from toolkit.scheduler.switches import Switches

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHOP = Roster(
    project="shop",
    total=4,
    posts={
        "dev": Post(agent=AgentName("dev"), schedule="30 12 * * *", scale=2),
        "ops": Post(agent=AgentName("ops")),
    },
)
NOTHING = Seen(moment=NOON, roster=SHOP, switches=Switches())


def run(name: str, state: RunState, **more: object) -> Run:
    known = {"started": "2026-11-20T11:59:50.000Z", "trigger": TriggerKind.SCHEDULE, **more}
    return Run(
        id=RunId(name),
        agent=RunId(name).agent,
        runtime="local",
        created="2026-11-20T11:59:00.000Z",
        state=state,
        **known,  # type: ignore[arg-type]
    )


GOING = run("dev-00000001", RunState.RUNNING)
DONE = run(
    "ops-00000001",
    RunState.SUCCEEDED,
    finished="2026-11-20T11:59:52.500Z",
    usage={"totalTokens": 1200, "cost": 0.25},
    exit_code=0,
)


def shown(seen: Seen, **more: object) -> Table:
    usual = {"about": "shop", "lines": ["a line"], "troubles": {}, "most": 10}
    return table(seen, **{**usual, **more})  # type: ignore[arg-type]


def row(seen: Seen, agent: str, **more: object) -> dict[str, str]:
    (found,) = (r for r in shown(seen, **more).rows if r[0] == agent)
    return dict(zip(COLUMNS, found, strict=True))


def test_an_agent_at_work_shows_its_places_its_words_and_its_next_run() -> None:
    """And how much of it waits."""
    seen = replace(NOTHING, active=[GOING], said={GOING.id: "reading"}, lengths={"dev": 3})
    told = row(seen, "dev")
    assert (told["STATE"], told["DETAIL"], told["QUEUE"]) == ("running 1/2", "reading", "3")
    assert told["NEXT RUN"] == "in 30 min 0 s"


def test_what_was_used_and_how_long_it_took_is_shown() -> None:
    """Tokens and money of the runs that are over."""
    told = row(replace(NOTHING, recent=[DONE]), "ops")
    assert (told["TOKENS"], told["COST"]) == ("1,200", "$0.25")
    assert told["LAST RUN"].endswith(" 2.5 s")


def test_an_agent_whose_runs_are_elsewhere_says_where() -> None:
    """As the records of its runs do."""
    posts = {"ops": Post(agent=AgentName("ops"), environment="production")}
    seen = replace(NOTHING, roster=replace(SHOP, posts=posts))
    assert row(seen, "ops@production")["STATE"] == "idle"


def test_an_agent_in_trouble_says_why() -> None:
    """One that could not be made ready is no idle one."""
    told = row(NOTHING, "ops", troubles={"ops": "missing credentials: x"})
    assert (told["STATE"], told["DETAIL"]) == ("not ready", "missing credentials: x")


def test_a_pause_is_in_the_header_and_keeps_the_next_run_from_being_shown() -> None:
    """A time at which nothing will happen is not announced."""
    seen = replace(NOTHING, switches=Switches(paused=True, disabled=("ops",)))
    assert shown(seen).head == ["shop", "2 agents, 1 with a schedule, 0 of 4 at work  PAUSED"]
    assert (row(seen, "dev")["NEXT RUN"], row(seen, "ops")["STATE"]) == ("", "paused")


def test_where_not_all_agents_fit_those_at_work_come_first() -> None:
    """And it is said how many are left out."""
    made = shown(
        replace(NOTHING, active=[replace(GOING, id=RunId("ops-00000009"), agent=AgentName("ops"))]),
        most=1,
    )
    assert [r[0] for r in made.rows] == ["ops"]
    assert made.foot == ["... and 1 more agents", "a line"]


def test_each_change_is_one_line() -> None:
    """A beginning, an end, and what people turned; nothing twice."""
    begun = replace(NOTHING, active=[GOING])
    assert list(changes(NOTHING, begun)) == ["dev-00000001 started on local (schedule)"]
    assert list(changes(begun, begun)) == []
    over = replace(
        GOING,
        state=RunState.FAILED,
        reason="exited with code 3",
        finished="2026-11-20T12:00:00.000Z",
    )
    ended = replace(NOTHING, recent=[over])
    assert list(changes(begun, ended)) == ["dev-00000001 failed after 10.0 s: exited with code 3"]
    turned = replace(NOTHING, switches=Switches(paused=True, disabled=("dev",)))
    assert list(changes(NOTHING, turned)) == ["paused: nothing starts", "dev is paused"]


def test_a_run_that_was_taken_over_and_is_over_by_the_first_look_has_its_line() -> None:
    """Its end, and nothing of those that were over before."""
    before = replace(DONE, state=RunState.RUNNING, finished=None)
    older = replace(DONE, id=RunId("ops-00000002"))
    first = replace(NOTHING, active=[GOING], recent=[DONE, older])
    found = as_found(first, [before, GOING])
    assert list(changes(found, first)) == ["ops-00000001 succeeded after 2.5 s"]
    assert as_found(None, [GOING]) is None


def test_a_run_that_began_and_ended_between_two_looks_is_told() -> None:
    """A short run is not overlooked; those before the first look are not told again."""
    assert list(changes(NOTHING, replace(NOTHING, recent=[DONE]))) == [
        "ops-00000001 started on local (schedule)",
        "ops-00000001 succeeded after 2.5 s",
    ]
    assert list(changes(None, replace(NOTHING, recent=[DONE]))) == []
