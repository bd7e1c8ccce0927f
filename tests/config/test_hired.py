"""Which agents work in loops, with which values, and how what is wrong with one of them is told."""

from collections.abc import Callable

import pytest

from tests.config.conftest import Load
from toolkit.config.hired import in_cloud
from toolkit.config.lines import line_of
from toolkit.config.problems import ConfigErrors
from toolkit.core.agent import Hired

PLAIN = {"agents/dev/config.toml": ""}
SERVER = "[agents.dev]\nmodel = 'q'\nbase_url = 'http://10.0.0.1:8081'\n"
AWS = "[cloud]\nprovider = 'ecs'\nregion = 'eu-central-1'\naccountId = '123456789012'\n"


def hired(load: Load, text: str) -> Hired | None:
    project = load(PLAIN | {".env.toml": text}).project
    found: Hired | None = project.agents[0].hired
    return found


def test_a_server_of_its_own_is_enough_and_the_rest_has_defaults(load: Load) -> None:
    """60 seconds, the role dev, an account of its name and -bot; the key is a placeholder, the window 60 % full."""
    assert hired(load, SERVER) == Hired(roles=("dev",), forge_user="dev-bot", poll=60)
    (model,) = load(PLAIN | {".env.toml": SERVER}).project.agents[0].models
    assert model.auth_type == "none"


def test_every_field_is_honoured(load: Load) -> None:
    """In either spelling, and one role may stand alone."""
    text = f"{SERVER}roles = 'review'\nforgeUser = 'bot'\npoll_interval = 5\ncompact_pct = 45\n"
    assert hired(load, text) == Hired(roles=("review",), forge_user="bot", poll=5)
    (model,) = load(PLAIN | {".env.toml": text}).project.agents[0].models
    assert model.options["compact_pct"] == 45


def test_an_override_of_anything_else_hires_nobody(load: Load) -> None:
    """An agent with a schedule goes on as it was."""
    assert hired(load, "[agents.dev]\ntimeout = 5\n") is None


def test_an_agent_with_a_schedule_has_no_loop_besides(load: Load) -> None:
    """Unless its interval is written too."""
    timed = f"{SERVER}roles = ['dev']\nschedule = '@daily'\n"
    assert hired(load, timed) == Hired(forge_user="dev-bot", poll=None)
    assert hired(load, f"{timed}poll_interval = 9\n") == Hired(forge_user="dev-bot", poll=9)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("poll_interval = 0", ".env.toml:4: agents.dev.pollInterval: must be at least 1"),
        ("compact_pct = 101", ".env.toml:4: agents.dev.compactPct: must be at most 100"),
        ("compactPct = 0", ".env.toml:4: agents.dev.compactPct: must be at least 1"),
        ("roles = []", ".env.toml:4: agents.dev.roles: must not be empty"),
        ("roles = ['De v']", ".env.toml:4: agents.dev.roles[0]: 'De v' is no role"),
        ("poll_intervall = 3", ".env.toml:4: agents.dev.poll_intervall: unknown key"),
        ("base_url = 'gpu:8081'", ".env.toml:4: agents.dev.baseUrl: 'gpu:8081' is not a URL"),
    ],
)
def test_a_wrong_field_is_told_with_its_line(
    problems: Callable[..., list[str]], line: str, words: str
) -> None:
    """File, line, field and what is accepted."""
    text = f"[agents.dev]\nmodel = 'q'\n# a comment\n{line}\n"
    found = problems(PLAIN | {".env.toml": text})
    assert any(one.startswith(words) for one in found), found


def test_without_its_model_a_server_is_an_error(problems: Callable[..., list[str]]) -> None:
    """It is never ignored in silence."""
    found = problems(PLAIN | {".env.toml": "[agents.dev]\nbase_url = 'http://h:1'\n"})
    assert found[0].startswith(".env.toml:2: agents.dev.baseUrl: needs a model")


OTHERS = {"agents/ops/SKILL.md": "x", "agents/ops/config.toml": "models = ['m']\n"}


def test_the_others_load_when_one_is_to_be_left_out(load: Load) -> None:
    """Its problem becomes a warning."""
    files = OTHERS | {".env.toml": "[agents.dev]\npoll_interval = 0\n"}
    project = load(files, keep_going=True).project
    assert [str(agent.name) for agent in project.agents] == ["ops"]
    assert ".env.toml:2: agents.dev.pollInterval: must be at least 1" in project.warnings[0]


def test_an_agent_s_own_file_is_left_out_too(load: Load) -> None:
    """What is wrong there is wrong with it alone."""
    files = OTHERS | {"agents/dev/config.toml": "timeout = 'soon'\n"}
    assert len(load(files, keep_going=True).project.agents) == 1


def test_what_is_wrong_with_the_project_is_never_left_out(load: Load) -> None:
    """Nobody could work with it."""
    with pytest.raises(ConfigErrors, match="maxReruns"):
        load({".env.toml": "maxReruns = -1\n"}, keep_going=True)


def test_two_agents_of_one_name_are_told_with_both_places(
    problems: Callable[..., list[str]],
) -> None:
    """They would be one service."""
    found = problems({"dev/agent-config.toml": "models = ['m']\n", "dev/ACTIONS.md": "x"})
    assert "there are two agents of this name: agents/dev and dev" in " ".join(found)


@pytest.mark.parametrize(("poll", "seconds"), [(1, 60), (60, 60), (61, 120), (900, 900)])
def test_a_loop_in_a_cloud_is_of_whole_minutes(poll: int, seconds: int) -> None:
    """Rounded up: no timer of a cloud looks more often."""
    assert in_cloud(poll) == seconds


def test_a_loop_that_becomes_slower_in_a_cloud_is_told(load: Load) -> None:
    """At the load for that environment, not for this machine."""
    files = PLAIN | {
        ".env.toml": f"{SERVER.replace('10.0.0.1', '203.0.113.9')}poll_interval = 90\n",
        "environments/production.toml": AWS,
    }
    warnings = load(files, "production").project.warnings
    assert any("90 s become 120 s in a cloud" in warning for warning in warnings)
    assert not any("120 s" in warning for warning in load(files, "local").project.warnings)


LINES = """\
name = "shop"
[agents."my.dev"]
timeout = 5
[agents]
ops.timeout = 3 # [agents.x]
[[agents.dev.webhooks]]
source = "x"
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ('agents."my.dev".timeout', 3),
        ("agents.ops.timeout", 5),
        ("agents.ops.scale", 4),
        ("agents.dev.webhooks[0].source", 7),
        ("name", 1),
        ("local.timeout", None),
    ],
)
def test_a_key_is_found_where_it_is_written(key: str, line: int | None) -> None:
    """However the tables are written; of one that is not there, the nearest table above it."""
    assert line_of(LINES, key) == line
