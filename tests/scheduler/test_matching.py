"""Which agents want an event, and why the others do not."""

from typing import Any

import pytest

from toolkit.config.triggers import SOURCES
from toolkit.core.agent import AgentName, WebhookTrigger
from toolkit.core.webhook import WebhookContext
from toolkit.scheduler.matching import Wants, judge, judged
from toolkit.scheduler.roster import Post, Roster

EVENT = WebhookContext(
    source="github",
    event="issues",
    action="opened",
    repo="acme/shop",
    sender="ada",
    author="ada",
    assignee="bob",
    labels=("bug", "big"),
    branch="main",
    channel="C1",
    conclusion="failure",
)
BARE = WebhookContext(source="github", event="issues", sender="ada")
FILTERS = sorted({name for source in SOURCES.values() for name in source.filters})


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("events", "issues"),
        ("resources", "issues"),
        ("actions", "opened"),
        ("commands", "opened"),
        ("repos", "acme/shop"),
        ("organizations", "acme/shop"),
        ("guilds", "acme/shop"),
        ("team_ids", "acme/shop"),
        ("org", "acme"),
        ("orgs", "acme"),
        ("labels", "big"),
        ("author", "ada"),
        ("assignee", "bob"),
        ("branches", "main"),
        ("conclusions", "failure"),
        ("channels", "C1"),
    ],
)
def test_each_filter_looks_at_its_part_of_the_event(name: str, right: str) -> None:
    """One text or a list, of which one is enough."""
    assert judge(EVENT, {name: right}).passed
    assert judge(EVENT, {name: ["other", right]}).passed
    hook = WebhookTrigger(source="hub", filters={name: right})
    assert Wants(roster(dev=[hook])).wanting("hub", EVENT)
    assert not judge(EVENT, {name: ["other"]}).passed


@pytest.mark.parametrize("name", FILTERS)
def test_an_event_without_what_a_filter_wants_does_not_pass(name: str) -> None:
    """But for branch and conclusion, which narrow only events that have one."""
    expected = name in ("branches", "conclusions")
    assert judge(BARE, {name: ["something"]}).passed is expected


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_that_the_configuration_takes_is_known_here(name: str) -> None:
    """One that looks at nothing would let nothing through."""
    assert judge(EVENT, {name: ["something"]}).reasons[0].found


@pytest.mark.parametrize("value", [None, 3, [], [None], {"a": 1}, [["issues"]]])
def test_a_filter_that_is_no_text_lets_nothing_through(value: Any) -> None:
    """What a newer version recorded may be read by an older one."""
    assert not judge(EVENT, {"events": value}).passed
    assert not judge(EVENT, {"a filter of the future": ["issues"]}).passed


def test_every_filter_must_pass_and_says_what_it_saw() -> None:
    """The reasons are for whoever wonders why nothing starts."""
    verdict = judge(EVENT, {"events": ["issues"], "labels": ["urgent"]})
    assert not verdict.passed
    assert [(r.filter, r.passed, r.found) for r in verdict.reasons] == [
        ("events", True, ("issues",)),
        ("labels", False, ("bug", "big")),
    ]


def roster(**agents: list[WebhookTrigger]) -> Roster:
    posts = {n: Post(agent=AgentName(n), webhooks=tuple(hooks)) for n, hooks in agents.items()}
    return Roster(posts=posts)


def test_an_agent_is_wanted_once_and_only_by_its_own_source() -> None:
    """Two triggers that match make one run; another source's trigger none."""
    every, other = WebhookTrigger(source="hub"), WebhookTrigger(source="other")
    found = roster(dev=[every, every, other], ops=[other], idle=[])
    assert [post.agent for post in Wants(found).wanting("hub", EVENT)] == ["dev"]
    assert [(m.post.agent, m.number) for m in judged(found, "hub", EVENT)] == [
        ("dev", 0),
        ("dev", 1),
    ]
