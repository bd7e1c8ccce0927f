"""What a run is told of the others."""

from toolkit.core.agent import AgentName
from toolkit.core.run import Run, RunId, TriggerKind
from toolkit.scheduler.roster import Post, Roster
from toolkit.scheduler.sharing import MOST_AGENTS, MOST_WORDS, sharing

DEV = Run(
    id=RunId("dev-00000001"),
    agent=AgentName("dev"),
    runtime="memory",
    trigger=TriggerKind.MANUAL,
    created="2026-11-20T12:00:00.000Z",
)


def posts(*names: str, **fields: object) -> dict[str, Post]:
    return {name: Post(agent=AgentName(name), **fields) for name in names}  # type: ignore[arg-type]


def test_a_run_may_call_every_other_agent_that_may_work() -> None:
    """Not itself, and none of scale 0; descriptions are one line."""
    roster = Roster(posts=posts("dev", "ops", description=" a\n b ") | posts("idle", scale=0))
    told = sharing(roster, DEV)
    assert told == {"agents": {"ops": "a b"}, "lock_seconds": 1800, "one_lock": False}


def test_a_run_that_is_as_deep_as_calls_may_lead_calls_nobody() -> None:
    """It is not told of what would be refused."""
    roster = Roster(posts=posts("dev", "ops"), max_call_depth=0)
    assert sharing(roster, DEV)["agents"] == {}


def test_what_is_told_fits_into_a_secret() -> None:
    """However many agents there are, and however much they say of themselves."""
    names = (f"agent-{number}" for number in range(MOST_AGENTS + 1))
    told = sharing(Roster(posts=posts(*names, description="x" * 1000)), DEV)["agents"]
    assert (len(told), {len(text) for text in told.values()}) == (MOST_AGENTS, {MOST_WORDS})
