"""Projects written for the predecessor load unchanged, in each of its formats."""

import shutil
from pathlib import Path

import pytest

from toolkit.config.load import load, load_project
from toolkit.core.agent import CredentialRef, Project
from toolkit.core.environment import AwsCloud

PROJECTS = Path(__file__).parent.parent / "fixtures" / "projects"
DAY = '[cloud]\nprovider = "ecs"\nawsRegion = "us-east-1"\naccountId = "210987654321"\n'


@pytest.fixture
def skills() -> Project:
    return load_project(PROJECTS / "skills")


@pytest.fixture
def actions() -> Project:
    return load_project(PROJECTS / "actions")


@pytest.mark.parametrize("name", ["skills", "actions", "oldest"])
@pytest.mark.parametrize("environment", ["local", "sandbox"])
def test_it_loads_for_every_built_in_environment(
    name: str, environment: str, tmp_path: Path
) -> None:
    """No file has to be touched to try it out."""
    project, found = load(PROJECTS / name, environment, home=tmp_path, variables={})
    assert project.agents
    assert found.name == environment


def test_agents_of_both_formats_are_found(skills: Project, actions: Project) -> None:
    """SKILL.md with config.toml, and agent-config.toml with ACTIONS.md."""
    assert [a.name for a in skills.agents] == ["dev", "off", "triage"]
    assert [a.name for a in actions.agents] == ["dev", "reviewer"]


def test_the_oldest_layout_is_found() -> None:
    """Agents directly in the project's directory."""
    assert [a.name for a in load_project(PROJECTS / "oldest").agents] == ["dev"]


def test_a_skill_has_its_whole_configuration(skills: Project) -> None:
    """Every key of config.toml arrives where the core has it."""
    agent = skills.agent("dev")
    assert agent.description == 'Implements issues that are labelled "ready".'
    assert agent.instructions.startswith("# Dev")
    assert [m.name for m in agent.models] == ["sonnet", "gpt-4.1"]
    assert agent.credentials[1] == CredentialRef(type="git_ssh", instance="acme")
    assert (agent.scale, agent.timeout, agent.max_queue) == (2, 600, 5)
    assert agent.webhooks[0].source == "my-github"
    assert agent.webhooks[0].filters["labels"] == ["agent"]
    assert agent.hooks_pre == ("gh repo clone acme/app /tmp/repo",)
    assert (agent.isolation, agent.run_as, agent.groups) == ("host-user", "al-agent", ("docker",))


def test_a_date_in_params_becomes_text(skills: Project) -> None:
    """Params travel as JSON."""
    assert skills.agent("dev").params == {"triggerLabel": "agent", "since": "2026-01-02"}


def test_an_actions_agent_has_its_whole_configuration(actions: Project) -> None:
    """Preflight steps, six-field schedules and the text of ACTIONS.md."""
    agent = actions.agent("dev")
    assert agent.instructions == "# Dev\n\nWork on issues."
    assert [(s.provider, s.required) for s in agent.preflight] == [
        ("git-clone", True),
        ("http", False),
    ]
    assert agent.schedule == "0 */10 * * * *"


def test_an_agent_inherits_the_project_s_model_or_has_its_own(actions: Project) -> None:
    """`[model]` of the project unless the agent has one."""
    assert actions.agent("dev").models[0].provider == "anthropic"
    assert actions.agent("reviewer").models[0].provider == "openai"


def test_what_an_agent_leaves_open_comes_from_the_project(
    skills: Project, actions: Project
) -> None:
    """Scale, queue, timeout and memory fall back to the project's."""
    assert (skills.agent("triage").scale, skills.agent("triage").max_queue) == (2, 50)
    assert (actions.agent("dev").timeout, actions.agent("reviewer").timeout) == (3600, 300)
    assert actions.agent("dev").memory == 4 * 1024**3


def test_old_names_are_read_with_a_warning(skills: Project, actions: Project) -> None:
    """maxTriggerDepth, webhookQueueSize and gateway.lockTimeout."""
    assert skills.settings["maxCallDepth"] == 4
    assert actions.settings["resourceLockTimeout"] == 600
    assert "config.toml: maxTriggerDepth: is an old name → write 'maxCallDepth'" in skills.warnings
    assert any("gateway.lockTimeout" in warning for warning in actions.warnings)


def test_the_project_s_name_is_made_usable(tmp_path: Path) -> None:
    """projectName of .env.toml, which is never committed, becomes part of cloud names."""
    directory = shutil.copytree(PROJECTS / "skills", tmp_path / "somewhere")
    (directory / ".env.toml").write_text('projectName = "Acme Agents"\n[gateway]\nport = 9090\n')
    project = load_project(directory)
    assert (project.name, project.settings["gateway"]["port"]) == ("acme-agents", 9090)


def test_without_a_name_the_directory_names_the_project(skills: Project) -> None:
    """As before there was a setting for it."""
    assert skills.name == "skills"


def test_a_webhook_source_names_its_secrets(skills: Project) -> None:
    """By `credential`, and by a key named after the credential's type."""
    assert skills.webhook_sources["my-github"]["credentials"] == ["github_webhook_secret:MyOrg"]
    assert skills.webhook_sources["x"]["credentials"] == ["x_twitter_api:MyBot"]
    assert skills.webhook_sources["unsigned"]["allowUnsigned"] is True


@pytest.fixture
def old_cloud(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.toml").write_text("")
    return tmp_path


def test_a_cloud_in_config_toml_is_used_with_a_warning(old_cloud: Path) -> None:
    """The environment's file says nothing of a cloud, so the older place counts."""
    project, found = load(PROJECTS / "actions", "prod", home=old_cloud, variables={})
    assert isinstance(found.cloud, AwsCloud)
    assert (found.cloud.region, found.cloud.account) == ("eu-central-1", "123456789012")
    assert found.cloud.subnets == ("subnet-1", "subnet-2")
    assert found.cloud.cluster == "al-cluster"
    assert any("cloud: is used, but describes an environment" in w for w in project.warnings)


def test_a_cloud_in_the_environment_s_file_replaces_it_whole(old_cloud: Path) -> None:
    """Nothing of the other account leaks into this one."""
    (old_cloud / "environments" / "prod.toml").write_text(DAY)
    project, found = load(PROJECTS / "actions", "prod", home=old_cloud, variables={})
    assert isinstance(found.cloud, AwsCloud)
    assert (found.cloud.region, found.cloud.account) == ("us-east-1", "210987654321")
    assert (found.cloud.subnets, found.cloud.cluster) == ((), None)
    assert any("cloud: is not used here" in w for w in project.warnings)
