"""What a changed project is told of: each thing once."""

import logging
from pathlib import Path

import pytest

from tests.scheduler.served import made
from toolkit.core.agent import AgentName
from toolkit.ops.load import load_files
from toolkit.ops.start.change import become
from toolkit.ops.start.crew import Crew
from toolkit.scheduler.desk import Desk

GOOD, ODD = AgentName("good"), AgentName("odd")


def test_what_is_wrong_with_an_agent_is_said_once_whatever_else_is_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither its change nor its trouble is told again with each edit of another; its own edit tells it anew."""
    caplog.set_level(logging.INFO, "al.start")
    with made(tmp_path) as served:
        served.agent(GOOD, "true")
        served.agent(ODD, "true")
        crew = Crew(served.services, load_files(served.directory, "local")[0])
        crew.prepare([GOOD, ODD], print)
        desk = Desk(services=served.services, roster=crew.roster)

        def edited(agent: AgentName, settings: str) -> list[str]:
            caplog.clear()
            served.agent(agent, "true", settings)
            project, _ = load_files(served.directory, "local")
            become(desk, crew, project, frozenset({f"agents/{agent}/config.toml"}))
            return [record.getMessage().partition(":")[0] for record in caplog.records]

        asks = 'credentials = ["github_token"]'
        assert edited(ODD, asks) == ["odd was changed", "odd cannot run"]
        assert edited(GOOD, "scale = 2") == ["good was changed"]
        assert edited(ODD, f"{asks}\nscale = 3") == ["odd was changed", "odd cannot run"]
        assert edited(ODD, "scale = 3") == ["odd was changed"]
        assert crew.troubles == {}
