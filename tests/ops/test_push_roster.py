"""What a push tells the scheduler: the project's roster, written when it changes and shown in the plan."""

from pathlib import Path
from typing import Any

from tests.services import FakeServices
from toolkit.core.agent import Agent, AgentName, Hired, Project, WebhookTrigger
from toolkit.ops.images import Images
from toolkit.ops.push import Extent, Push, roster
from toolkit.scheduler.roster import FACT, Roster

HUB = {"type": "github", "credentials": ["github_webhook_secret"]}


def agent(name: str, **more: Any) -> Agent:
    return Agent(name=AgentName(name), directory=Path(name), instructions="", **more)


def pushed(directory: Path, *agents: Agent, only: str | None = None, **facts: Any) -> Push:
    """A push of these agents, or of one of them, after others that left these facts."""
    project = Project(
        name="shop", directory=directory, agents=agents, webhook_sources={"hub": HUB, "other": HUB}
    )
    services = FakeServices(directory, project)
    about = tuple(one for one in agents if only in (None, one.name))
    images = Images(services, project, about, again=False)
    extent = Extent(agent=only)
    return Push(
        services=services, project=project, extent=extent, images=images, facts=facts, values={}
    )


def test_a_first_push_records_every_agent_and_source(tmp_path: Path) -> None:
    """What a scheduler reads is what the files say."""
    push = pushed(tmp_path, agent("dev", schedule="0 9 * * *", scale=2), agent("qa"))
    found = Roster.from_fact(roster.wanted(push, push.facts))
    assert roster.due(push)
    assert (found.posts["dev"].schedule, found.posts["dev"].scale) == ("0 9 * * *", 2)
    assert (sorted(found.posts), sorted(found.sources)) == (["dev", "qa"], ["hub", "other"])


def test_an_unchanged_roster_is_not_due_and_a_changed_one_is(tmp_path: Path) -> None:
    """Compared as the ledger gives it back: plain JSON."""
    known = {FACT: dict(roster.wanted(pushed(tmp_path, agent("dev")), {}))}
    assert not roster.due(pushed(tmp_path, agent("dev"), **known))
    assert roster.due(pushed(tmp_path, agent("dev", jitter=5), **known))


def test_a_push_of_one_agent_leaves_the_others_entries_as_they_are(tmp_path: Path) -> None:
    """Their files may have changed, and are not what this push is about."""
    known = {FACT: dict(roster.wanted(pushed(tmp_path, agent("dev"), agent("qa")), {}))}
    hook = (WebhookTrigger(source="hub"),)
    push = pushed(
        tmp_path, agent("dev", scale=3, webhooks=hook), agent("qa", scale=9), only="dev", **known
    )
    found = Roster.from_fact(roster.wanted(push, push.facts))
    assert (found.posts["dev"].scale, found.posts["qa"].scale) == (3, 1)
    first = pushed(tmp_path, agent("dev", webhooks=hook), agent("qa"), only="dev")
    only = Roster.from_fact(roster.wanted(first, {}))
    assert (list(only.posts), list(only.sources)) == (["dev"], ["hub"])


def test_a_loop_is_pushed_in_whole_minutes(tmp_path: Path) -> None:
    """A cloud looks once a minute; the roles go along, so that its gateway knows who has to be up."""
    dev = agent("dev", hired=Hired(roles=("review",), poll=90))
    found = Roster.from_fact(roster.wanted(pushed(tmp_path, dev), {}))
    assert (found.posts["dev"].every, found.posts["dev"].roles) == (120, ("review",))
