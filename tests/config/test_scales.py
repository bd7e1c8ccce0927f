"""How many runs of an agent there may be at once, and how many may wait: its own word, then the project's, then ours."""

import pytest

from toolkit.scheduler.roster import Post, of_project

from .conftest import AGENT, Load

PROJECT, DEV = "config.toml", "agents/dev/config.toml"


def post(load: Load, project: str, own: str) -> Post:
    """What the scheduler goes by."""
    files = {PROJECT: f"{project}\n{AGENT[PROJECT]}", DEV: f"{AGENT[DEV]}{own}\n"}
    return of_project(load(files).project).posts["dev"]


@pytest.mark.parametrize(
    ("project", "own", "scale"),
    [
        ("", "", 1),
        ("defaultAgentScale = 3", "", 3),
        ("defaultAgentScale = 3", "scale = 2", 2),
        ("defaultAgentScale = 3", "scale = 0", 0),
    ],
)
def test_an_agents_scale_is_its_own_or_the_projects_or_one(
    load: Load, project: str, own: str, scale: int
) -> None:
    """0 is a word of its own: the agent is off."""
    assert post(load, project, own).scale == scale


@pytest.mark.parametrize(
    ("project", "own", "most"),
    [
        ("", "", 20),
        ("workQueueSize = 7", "", 7),
        ("webhookQueueSize = 7", "", 7),
        ("workQueueSize = 7", "maxWorkQueueSize = 3", 3),
    ],
)
def test_an_agents_queue_is_its_own_or_the_projects_or_twenty(
    load: Load, project: str, own: str, most: int
) -> None:
    """Under the older name, too."""
    assert post(load, project, own).max_queue == most
