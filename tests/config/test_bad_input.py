"""Every mistake gets a line of its own: the file, the key, what is wrong, and what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.config.load import load_project
from toolkit.config.problems import ConfigErrors
from toolkit.core.errors import ConfigError

from .conftest import AGENT, Load, Write

Problems = Callable[..., list[str]]
CONFIG = AGENT["config.toml"]
DEV = "agents/dev/config.toml"
OPS = {"agents/ops/SKILL.md": "Work."}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("maxReruns = 3\nscale = = 2\n", "config.toml: line 2: is not TOML: Invalid value"),
        ("[local\n", "config.toml: line 1: is not TOML:"),
        ("a = 1\na = 2\n", "config.toml: line 2: is not TOML: Cannot overwrite a value"),
        ("a = [", "config.toml: line 1: is not TOML: Invalid value"),
    ],
)
def test_bad_toml_is_shown_with_file_and_line(problems: Problems, text: str, line: str) -> None:
    """The user finds the place without counting."""
    assert problems({"config.toml": text})[0].startswith(line)


def test_bad_toml_of_an_agent_is_shown_with_its_file(problems: Problems) -> None:
    """The agent's own file is named."""
    assert problems({DEV: 'models = ["m"]\n\nx ='})[0].startswith(f"{DEV}: line 3: is not TOML")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.toml", "[models.m]\nx ="),
        (".env.toml", "["),
        (DEV, "models = ]"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error(problems: Problems, file: str, text: str) -> None:
    """What only seems to be missing stands in it: a model or a webhook source that others name, a model of its own."""
    uses = {DEV: 'models = ["mine"]\n[[webhooks]]\nsource = "hub"\n'} | {file: text}
    assert [line.partition(": line")[0] for line in problems(uses)] == [file]


def test_what_is_wrong_elsewhere_is_told_beside_an_agents_file_that_cannot_be_read(
    problems: Problems,
) -> None:
    """One of an agent hides nothing of another's."""
    found = problems({DEV: "x =", "agents/ops/config.toml": 'foo = 1\nmodels = ["m"]\n'} | OPS)
    assert [line.partition(":")[0] for line in found] == [DEV, "agents/ops/config.toml"]


def test_text_that_is_not_utf8_is_shown_with_its_line(write: Write) -> None:
    """No traceback for a file in another encoding."""
    directory = write({})
    (directory / "config.toml").write_bytes(b'name = "a"\n# caf\xe9\n')
    with pytest.raises(ConfigErrors, match="line 2: is not UTF-8"):
        load_project(directory)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "---\ndescription: [\n---\nbody",
            "line 3: front matter is not YAML: did not find expected node content",
        ),
        ("---\na: b: c\n---\n", "line 2: front matter is not YAML: mapping values are not allowed"),
        ("---\ndescription: x\n", "line 1: front matter has no end → close it with a line '---'"),
        ("---\n- one\n---\n", "line 2: front matter is not a table"),
        ("---\ndescription: 3\n---\n", "description: must be text → put it in quotes"),
        ("---\ndescripton: x\n---\n", "→ did you mean 'description'?"),
        ("---\nschedule: x\n---\n", "→ move it to config.toml beside SKILL.md"),
        ("---\nmetadata:\n  models: [m]\n---\n", "→ move it to config.toml beside SKILL.md"),
    ],
)
def test_bad_front_matter_is_shown_with_file_and_line(
    problems: Problems, text: str, expected: str
) -> None:
    """Broken YAML, a missing end, and keys that belong elsewhere."""
    found = problems({"agents/dev/SKILL.md": text})
    assert len(found) == 1
    assert found[0].startswith("agents/dev/SKILL.md: ")
    assert expected in found[0]


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (
            "config.toml",
            "maxRerun = 3\n",
            "config.toml: maxRerun: unknown key → did you mean 'maxReruns'?",
        ),
        (
            "config.toml",
            "[local]\ntimeot = 3\n",
            "config.toml: local.timeot: unknown key → did you mean 'timeout'?",
        ),
        (
            "config.toml",
            "[models.m]\nprovidr = 'x'\n",
            "config.toml: models.m.providr: unknown key → did you mean 'provider'?",
        ),
        (
            ".env.toml",
            "[gateway]\nprt = 1\n",
            ".env.toml: gateway.prt: unknown key → did you mean 'port'?",
        ),
        (DEV, "schedle = '* * * * *'\n", f"{DEV}: schedle: unknown key → did you mean 'schedule'?"),
        (
            DEV,
            "[runtime]\nkind = 'x'\n",
            f"{DEV}: runtime.kind: unknown key → use one of: groups, runAs, type",
        ),
        (DEV, "base_url = 'http://x'\n", f"{DEV}: base_url: unknown key → "),
    ],
)
def test_an_unknown_key_has_a_near_match(
    problems: Problems, file: str, text: str, expected: str
) -> None:
    """Unknown keys are errors, wherever they stand."""
    assert any(line.startswith(expected) for line in problems({file: text}))


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (".env.toml", "scale = -1", ".env.toml: scale: must be at least 0"),
        (".env.toml", "scale = '3'", "scale: must be a whole number → write a number without"),
        (".env.toml", "maxReruns = 1.5", "maxReruns: must be a whole number"),
        (".env.toml", "maxReruns = true", "maxReruns: must be a whole number"),
        (".env.toml", "local = 3", "local: must be a table"),
        (".env.toml", "[local]\ntimeout = 0", "local.timeout: must be at least 1"),
        (
            ".env.toml",
            "[local]\nmemory = '4x'",
            "local.memory: '4x' is not an amount of memory → write it",
        ),
        (".env.toml", "[local]\nmemory = 0", "local.memory: 0 is not an amount of memory"),
        (".env.toml", "[local]\ncpus = 0", "local.cpus: 0 is not a number of processors"),
        (".env.toml", "[local]\nenabled = 1", "local.enabled: must be true or false"),
        (".env.toml", "[local]\nruntime = 'proces'", "→ did you mean 'process'?"),
        (".env.toml", "[gateway]\nport = 70000", "gateway.port: must be at most 65535"),
        (
            ".env.toml",
            "[gateway]\nurl = 'example.com'",
            "gateway.url: 'example.com' is not a URL → write it like 'https://",
        ),
        (
            ".env.toml",
            "[gateway]\nurl = 'https://a:b@c.example'",
            "gateway.url: a URL must not hold a password",
        ),
        (
            ".env.toml",
            "[telemetry]\nsamplingRate = 2.0",
            "telemetry.samplingRate: must be at most 1",
        ),
        (".env.toml", "[telemetry]\nsamplingRate = nan", "is not a finite number"),
        (
            ".env.toml",
            "[models.m]\nprovider = 'antropic'",
            "models.m.provider: 'antropic' is not one of its values → did you mean 'anthropic'?",
        ),
        (".env.toml", "[models.n]\nprovider = 'openai'", "models.n.model: is required → add it"),
        (".env.toml", "[models.n]\nmodel = 'x'", "models.n.provider: is required → add it"),
        (
            ".env.toml",
            "[models.m]\nmodel = ''",
            "models.m.model: must not be empty → give it a value",
        ),
        (".env.toml", "timezone = 'Europe/Berln'", "→ did you mean 'Europe/Berlin'?"),
        (".env.toml", "[webhooks.x]\ntype = 'gihub'", "→ did you mean 'github'?"),
        (".env.toml", "maxReruns = 1\nmax_reruns = 2", "max_reruns: 'maxReruns' is given twice"),
        (DEV, "models = 'm'", f"{DEV}: models: must be a list → write it like"),
        (DEV, "models = ['m', 3]", f"{DEV}: models[1]: must be text → put it in quotes"),
        (DEV, "models = ['n']", f"{DEV}: models[0]: no model named 'n' → name one in models"),
        (DEV, "models = ['m']\nschedule = '61 * * * *'", f"{DEV}: schedule: '61 * * * *' is not"),
        (DEV, "models = ['m']\nschedule = 'daily'", "is not a schedule (wrong number of fields)"),
        (DEV, "models = ['m']\ntimezone = 'Mars/X'", "timezone: no time zone named 'Mars/X' → "),
        (
            DEV,
            "models = ['m']\ncredentials = ['github_tokn']",
            "credentials[0]: no credential type named 'github_tokn' → did you mean 'github_token'?",
        ),
        (DEV, "models = ['m']\ncredentials = ['../x']", "'../x' is not a credential reference → "),
        (DEV, "models = ['m']\ntimeout = 0", "timeout: must be at least 1"),
        (DEV, "models = ['m']\nmemory = '-4g'", "memory: '-4g' is not an amount of memory"),
        (
            DEV,
            "models = ['m']\n[[preflight]]\nprovider = 'git'",
            "preflight[0].provider: 'git' is not one of its values → ",
        ),
        (DEV, "models = ['m']\nwebhooks = [3]", "webhooks[0]: must be a table"),
        (DEV, "models = ['m']\n[[webhooks]]\nevents = ['x']", "webhooks[0].source: is required"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(
    problems: Problems, file: str, text: str, expected: str
) -> None:
    """One line: the file, the key, what it must be, and how."""
    found = problems({file: text})
    assert len(found) == 1, found
    assert expected in found[0]
    assert found[0].startswith(f"{file}: ")
    assert " → " in found[0]


def test_all_mistakes_are_reported_at_once(problems: Problems) -> None:
    """One mistake does not hide another, in whatever file."""
    found = problems(
        {
            "config.toml": "maxRerun = 1\nscale = 'x'\n[local]\ntimeout = 0\n",
            DEV: "schedule = 'never'\nmodel = 3\n",
            "agents/ops/SKILL.md": "---\n",
            "agents/Bad_Name/SKILL.md": "x",
        }
    )
    starts = [
        "config.toml: maxRerun",
        "config.toml: scale",
        "config.toml: local.timeout",
        f"{DEV}: schedule",
        f"{DEV}: model",
        "agents/ops/SKILL.md: line 1",
        "agents/Bad_Name",
    ]
    assert [s for s in starts if not any(line.startswith(s) for line in found)] == []


def test_one_mistake_reads_like_any_other_error(load: Load) -> None:
    """The message says what, the hint says what to do."""
    with pytest.raises(ConfigErrors) as refused:
        load({DEV: 'models = ["m"]\nschedle = "x"\n'})
    assert refused.value.message == f"{DEV}: schedle: unknown key"
    assert refused.value.hint == "did you mean 'schedule'?"


def test_several_mistakes_are_counted_and_listed(load: Load) -> None:
    """One line each."""
    with pytest.raises(ConfigErrors) as refused:
        load({".env.toml": "a = 1\nb = 2\n"})
    first, *rest = refused.value.message.splitlines()
    assert first == "2 problems in the configuration:"
    assert [line.split(":")[1].strip() for line in rest] == ["a", "b"]


def test_a_model_that_could_not_be_read_is_not_also_missing(problems: Problems) -> None:
    """One mistake is one line."""
    found = problems({"config.toml": "[models.m]\nprovider = 'antropic'\nmodel = 'x'\n"})
    assert len(found) == 1


@pytest.mark.parametrize("table", ["models", "webhooks", "agents", "gateway", "local"])
def test_a_number_in_place_of_a_table_is_no_crash(problems: Problems, table: str) -> None:
    """Whatever else follows from it."""
    (line, *_) = problems({".env.toml": f"{table} = 3"})
    assert line.startswith(f".env.toml: {table}: must be a table")


@pytest.mark.parametrize(
    ("model", "remedy"),
    [
        ("'q'\nbase_url = 'http://h:1'", "credential = 'dev' }, and store the key with `al creds add custom_key:dev`"),
        ("{ provider = 'anthropic', model = 'x' }\n", "remove it and store it with `al creds add anthropic_key`"),
    ],
)  # fmt: skip
def test_a_key_in_a_configuration_file_is_refused_without_showing_it(
    problems: Problems, model: str, remedy: str
) -> None:
    """A real key belongs in the credential store, under the name that this agent's model asks for."""
    text = f"[agents.dev]\nmodel = {model}\napi_key = 'sk-hunter2'\n"
    (line,) = problems({".env.toml": text})
    assert line.startswith(".env.toml:4: agents.dev.apiKey: a key must not stand")
    assert remedy in line
    assert "hunter2" not in line


@pytest.mark.parametrize("name", ["SKILL.md", "agent-config.toml", "ACTIONS.md"])
def test_an_agent_s_directory_is_not_a_project(tmp_path: Path, name: str) -> None:
    """Whoever stands in agents/dev is told where to go."""
    (tmp_path / name).write_text("")
    with pytest.raises(ConfigError, match="is an agent's directory") as refused:
        load_project(tmp_path)
    assert "project's directory" in refused.value.hint


def test_an_empty_directory_is_not_a_project(tmp_path: Path) -> None:
    """The way to make one is in the hint."""
    with pytest.raises(ConfigError, match="is not a project") as refused:
        load_project(tmp_path)
    assert "al new" in refused.value.hint


def test_a_project_without_agents_says_how_to_write_one(tmp_path: Path) -> None:
    """config.toml alone runs nothing."""
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(ConfigError, match="has no agents") as refused:
        load_project(tmp_path)
    assert "agents/NAME/SKILL.md" in refused.value.hint


def test_a_missing_directory_is_said_to_be_missing(tmp_path: Path) -> None:
    """A mistyped --project is not an empty project."""
    with pytest.raises(ConfigError, match="there is no directory"):
        load_project(tmp_path / "nowhere")


def test_an_older_agent_needs_its_instructions(problems: Problems) -> None:
    """agent-config.toml without ACTIONS.md tells the agent nothing."""
    (line, *_) = problems({"agents/old/agent-config.toml": "models = ['m']"})
    assert line.startswith("agents/old: has no ACTIONS.md → ")


@pytest.mark.parametrize("name", ["Dev", "a--b", "-a", "a_b", "default", "x" * 65])
def test_an_agent_s_directory_must_have_a_usable_name(problems: Problems, name: str) -> None:
    """The name becomes part of cloud names."""
    (line,) = problems({f"agents/{name}/SKILL.md": "x"})
    assert line.startswith(f"agents/{name}: '{name}' is not an agent name → rename it")


@pytest.mark.parametrize(
    ("name", "remedy"), [("My App", "write 'my-app'"), ("---", "use 1-40"), ("x" * 41, "1-40")]
)
def test_a_project_s_name_must_be_usable(problems: Problems, name: str, remedy: str) -> None:
    """It becomes part of every name in the cloud, so the user decides what it is shortened to."""
    (line,) = problems({".env.toml": f'name = "{name}"\n'})
    assert ": name: " in line
    assert remedy in line


def test_an_override_of_nobody_is_an_error(problems: Problems) -> None:
    """[agents.dve] would otherwise be ignored in silence."""
    (line,) = problems({".env.toml": "[agents.dve]\ntimeout = 5\n"})
    assert line == ".env.toml:1: agents.dve: there is no such agent → did you mean 'dev'?"


def test_an_override_of_a_directory_that_is_no_agent_says_what_it_lacks(problems: Problems) -> None:
    """Somebody who is about to write one knows that the directory is there."""
    (line,) = problems({".env.toml": "[agents.ops]\ntimeout = 5\n", "agents/ops/notes.md": "x"})
    assert line.endswith("agents/ops is not an agent → write its instructions to SKILL.md")


def test_a_wrong_override_is_named_where_it_stands(problems: Problems) -> None:
    """The file is the project's, the key has its prefix, and it is said once."""
    (line,) = problems({".env.toml": "[agents.dev]\ntimeout = 0\n"})
    assert line.startswith(".env.toml:2: agents.dev.timeout: must be at least 1")


def test_an_agent_cannot_scale_beyond_its_project(problems: Problems) -> None:
    """The cap is for all of them."""
    (line,) = problems({".env.toml": "scale = 1\n[agents.dev]\nscale = 2\n"})
    assert "2 is more than the project's scale of 1" in line
