"""What a push tells the scheduler and the gateway: the fact `roster`, from the project's files.  Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.config import hired
from toolkit.scheduler.roster import FACT, Roster, of_agent, of_project

if TYPE_CHECKING:
    from toolkit.ops.push import Push

KIND = "schedules and webhooks"


def wanted(push: "Push", facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fact as this push is to leave it.  A push of one agent leaves the other agents' entries as they are."""
    whole = in_cloud(of_project(push.project)).to_fact()
    if push.extent.agent is None:
        return whole
    known = facts.get(FACT) or {}
    (agent,) = push.agents
    sources = {trigger.source for trigger in of_agent(agent).webhooks}
    return {
        **whole,
        "posts": {**known.get("posts", {}), agent.name: whole["posts"][agent.name]},
        "sources": {
            **known.get("sources", {}),
            **{name: whole["sources"][name] for name in sources},
        },
    }


def in_cloud(roster: Roster) -> Roster:
    """With loops of whole minutes: the gateway is woken no more often."""
    posts = {
        name: replace(post, every=hired.in_cloud(post.every)) if post.every else post
        for name, post in roster.posts.items()
    }
    return replace(roster, posts=posts)


def due(push: "Push") -> bool:
    return push.extent.files and push.facts.get(FACT) != wanted(push, push.facts)
