"""What `al start` serves while some of it is in trouble."""

from pathlib import Path

from tests.scheduler.served import made
from toolkit.core.agent import AgentName
from toolkit.ops.load import load_files
from toolkit.ops.start.crew import Crew

GOOD, ODD = AgentName("good"), AgentName("odd")


def test_an_agent_that_cannot_be_made_ready_keeps_no_other_back(tmp_path: Path) -> None:
    """The others start; its own work waits, and whoever looks reads why."""
    with made(tmp_path) as served:
        served.agent(GOOD, "true")
        served.agent(ODD, "true", 'credentials = ["github_token"]')
        crew = Crew(served.services, load_files(served.directory, "local")[0])
        failed = crew.prepare([GOOD, ODD], print)
    assert failed.keys() == crew.troubles.keys() == {ODD}
    assert "github_token" in crew.troubles[ODD]
    assert (crew.ready(GOOD), crew.ready(ODD)) == (True, False)
