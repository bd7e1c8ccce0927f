"""How an agent is put together, and what is said of it without stopping anything."""

import pytest

from toolkit.core.agent import Model

from .conftest import AGENT, Load

CONFIG = AGENT["config.toml"]
DEV = "agents/dev/config.toml"


@pytest.mark.parametrize(
    ("own", "local", "effective"), [("", "", 900), ("", "60", 60), ("30", "60", 30)]
)
def test_the_effective_timeout_is_the_agent_s_then_the_project_s_then_900(
    load: Load, own: str, local: str, effective: int
) -> None:
    """Agent > [local].timeout > 900 seconds."""
    files = {
        DEV: "models = ['m']\n" + (f"timeout = {own}\n" if own else ""),
        ".env.toml": f"[local]\ntimeout = {local}\n" if local else "",
    }
    assert load(files).project.agents[0].timeout == effective


@pytest.mark.parametrize("text", ["'4g'", "'4G'", "'4Gi'", "4096", "'4096'", "'4096m'", "'4096Mi'"])
def test_memory_is_one_value_in_every_spelling(load: Load, text: str) -> None:
    """Parsed once, into bytes."""
    files = {DEV: f"models = ['m']\nmemory = {text}\ncpus = 0.5\n"}
    agent = load(files).project.agents[0]
    assert (agent.memory, agent.cpus) == (4 * 1024**3, 0.5)


def test_without_limits_the_back_end_decides(load: Load) -> None:
    """None is the back end's own default."""
    agent = load().project.agents[0]
    assert (agent.memory, agent.cpus) == (None, None)


def test_an_override_beats_the_agent_s_own_file(load: Load) -> None:
    """[agents.dev] in .env.toml is this machine's word."""
    files = {
        DEV: "models = ['m']\nscale = 3\ntimeout = 5\n",
        ".env.toml": "[agents.dev]\nscale = 1\n",
    }
    agent = load(files).project.agents[0]
    assert (agent.scale, agent.timeout) == (1, 5)


def test_a_script_needs_no_model(load: Load) -> None:
    """test-script.sh runs instead of one."""
    agent = load({"agents/dev/test-script.sh": "echo hi", DEV: ""}).project.agents[0]
    assert (agent.script, agent.models) == (True, ())


def test_a_dockerfile_is_noticed(load: Load) -> None:
    """Whether it can be built is another room's question."""
    assert load({"agents/dev/Dockerfile": "FROM x"}).project.agents[0].dockerfile


def test_an_agent_needs_no_config_of_its_own_when_the_project_has_one_model(load: Load) -> None:
    """SKILL.md and the project's [model] are enough."""
    files = {"config.toml": '[model]\nprovider = "custom"\nmodel = "q"\n', DEV: ""}
    (model,) = load(files).project.agents[0].models
    assert model == Model(name="default", provider="custom", model="q")


def test_what_only_some_providers_know_becomes_options(load: Load) -> None:
    """In snake_case, under the user's own options."""
    text = CONFIG + "maxTokens = 5\ncontext_window = 9\noptions = { top_p = 0.5 }\n"
    (model,) = load({"config.toml": text}).project.agents[0].models
    assert model.options == {"max_tokens": 5, "context_window": 9, "top_p": 0.5}


def test_an_agent_can_have_a_server_of_its_own(load: Load) -> None:
    """base_url and a model's name, and a placeholder in place of a key."""
    text = (
        "[agents.dev]\nmodel = 'qwen'\nbase_url = 'http://10.0.0.1:8081'\ncompact_pct = 55\n"
        "api_key = 'sk-no-key-required'\nroles = ['dev']\nforge_user = 'bot'\npoll_interval = 9\n"
    )
    (model,) = load({".env.toml": text}).project.agents[0].models
    assert (model.provider, model.model, model.base_url) == (
        "custom",
        "qwen",
        "http://10.0.0.1:8081",
    )
    assert (model.auth_type, model.options) == ("none", {"compact_pct": 55})


def test_a_local_model_server_needs_no_key(load: Load) -> None:
    """Ollama has none to give."""
    files = {"config.toml": '[models.m]\nprovider = "ollama"\nmodel = "q"\n'}
    assert load(files).project.agents[0].models[0].auth_type == "none"


def test_a_custom_model_may_lack_its_address(load: Load) -> None:
    """It is asked for when a session starts."""
    files = {"config.toml": '[models.m]\nprovider = "custom"\nmodel = "q"\n'}
    assert load(files).project.agents[0].models[0].base_url is None


def test_the_project_s_time_zone_is_the_agents_too(load: Load) -> None:
    """Unless one has its own."""
    files = {".env.toml": "timezone = 'Europe/Berlin'\n"}
    assert load(files).project.agents[0].timezone == "Europe/Berlin"


WARNINGS = [
    (
        {DEV: "models = ['m']\nschedule = '0 0 31 2 *'\n"},
        "schedule: '0 0 31 2 *' never fires (next run: never) → correct the day or the month",
    ),
    (
        {"config.toml": CONFIG + "authType = 'pi_auth'\n"},
        "'m' uses pi_auth, which containers and clouds refuse",
    ),
    ({"agents/notes/readme.md": "x"}, "agents/notes: is not an agent"),
    ({"agents/dev/agent-config.toml": ""}, "agent-config.toml is not read beside SKILL.md"),
    (
        {"agents/dev/SKILL.md": "---\nname: other\n---\n"},
        "'other' is not the directory's name, which counts",
    ),
    (
        {DEV: "models = ['m']\nschedule = '@daily'\ncredentials = ['git_ssh:a', 'git_ssh:b']\n"},
        "several instances of git_ssh: the first has its plain variables",
    ),
    (
        {
            ".env.toml": "scale = 1\n",
            "agents/ops/SKILL.md": "x",
            "agents/ops/config.toml": "models = ['m']",
        },
        "the agents' scales come to 2, so some runs will wait",
    ),
    ({".env.toml": "[gateway]\nurl = 'http://0.0.0.0:80'\n"}, "0.0.0.0 is no address"),
    ({".env.toml": "[telemetry]\nenabled = true\n"}, "telemetry.enabled: is not there yet"),
    ({".env.toml": "[local]\nenabled = false\n"}, "local.enabled: is not there yet"),
]


@pytest.mark.parametrize(("files", "expected"), WARNINGS)
def test_what_may_be_meant_so_is_a_warning(
    load: Load, files: dict[str, str], expected: str
) -> None:
    """The project loads, and carries one line about it."""
    found = [line for line in load(files).project.warnings if expected in line]
    assert len(found) == 1


def test_a_sound_project_has_no_warnings(load: Load) -> None:
    """Nothing is said for the sake of saying something."""
    assert load().project.warnings == ()
    assert load({".env.toml": "[telemetry]\nenabled = false\n"}).project.warnings == ()


def test_an_agent_that_is_off_needs_nothing_to_start_it(load: Load) -> None:
    """scale = 0 is a decision."""
    assert load({DEV: "models = ['m']\nscale = 0\n"}).project.warnings == ()


def test_folders_that_tools_make_are_not_agents(load: Load) -> None:
    """Dot directories and node_modules are passed over in silence."""
    files = {"agents/.git/SKILL.md": "x", "agents/node_modules/SKILL.md": "x"}
    project = load(files).project
    assert ([a.name for a in project.agents], project.warnings) == (["dev"], ())


def test_repeated_credentials_count_once(load: Load) -> None:
    """`x` and `x:default` are the same reference."""
    files = {DEV: "models = ['m']\ncredentials = ['aws', 'aws:default', ' aws ']\n"}
    assert [str(ref) for ref in load(files).project.agents[0].credentials] == ["aws"]


def test_missed_starts_and_jitter_are_the_agent_s(load: Load) -> None:
    """Skipped and none at all, unless the agent says otherwise."""
    plain, own = load().project.agents[0], "models = ['m']\nmissed = 'once'\njitter = 60\n"
    assert (plain.missed, plain.jitter) == ("skip", 0)
    agent = load({DEV: own}).project.agents[0]
    assert (agent.missed, agent.jitter) == ("once", 60)


def test_a_budget_has_only_what_is_set(load: Load) -> None:
    """What is left out has no limit."""
    own = "models = ['m']\n[budget]\ntokens = 5\ncost = 0.5\n"
    assert load({DEV: own}).project.agents[0].budget == {"tokens": 5, "cost": 0.5}
    assert load().project.agents[0].budget == {}
