"""The user's own settings: read strictly, written line by line."""

import stat
from pathlib import Path

import pytest

from toolkit.config.user import canonical, read_user, user_file, write_user
from toolkit.core.errors import ConfigError, UsageError

BY_HAND = """\
# mine
[llm]            # for runs here
model = "qwen3:8b"   # small
# keep me
max_tokens = 100

[llm.providers.corp]
baseUrl = "https://llm.corp.example/v1"
keyVariables = ["CORP_KEY"]
"""


def written(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    user_file(home).write_text(text, encoding="utf-8")
    return home


def test_an_absent_file_says_nothing(tmp_path: Path) -> None:
    assert read_user(tmp_path).values == {}


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    """Values, and a user's own providers, names and families."""
    more = '[llm.names.ollama]\ncoder = "qwen3:30b"\n[llm.families]\nnous = "ollama"\n'
    more += "[llm.prices.corp-big]\ninput = 3.0\noutput = 15.0\ncacheRead = 0.3\n"
    found = read_user(written(tmp_path, BY_HAND + more))
    assert found.values == {"model": "qwen3:8b", "max_tokens": 100}
    assert found.table.price("big", "corp-big") == {"input": 3.0, "output": 15.0, "cache_read": 0.3}
    corp = found.table.provider("corp")
    assert (corp.of_user, corp.key_variables, str(corp.stored_key)) == (
        True,
        ("CORP_KEY",),
        "custom_key:corp",
    )
    assert (found.table.id_of("ollama", "coder"), found.table.owner("nous-2")) == (
        "qwen3:30b",
        "ollama",
    )


def test_other_values_for_a_provider_of_ours(tmp_path: Path) -> None:
    """The rest of it stays."""
    text = '[llm.providers.groq]\ndefaultModel = "qwen/qwen3-32b"\n'
    groq = read_user(written(tmp_path, text)).table.provider("groq")
    assert (groq.default_model, groq.base_url, groq.of_user) == (
        "qwen/qwen3-32b",
        "https://api.groq.com/openai/v1",
        False,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[llm]\nmodle = 'x'", "llm.modle: unknown key"),
        ("[llm]\ncompactPct = 101", "llm.compactPct: must be at most 100"),
        ("[llm]\nbaseUrl = 'gpu'", "llm.baseUrl: 'gpu' is not a URL"),
        ("[llm]\nprovider = 'gemini'", "no LLM provider named 'gemini'"),
        ("[llm.names.corp]\nx = 'y'", "no LLM provider named 'corp'"),
        ("[llm.families]\nx = 'corp'", "no LLM provider named 'corp'"),
        ("[llm.providers.corp]\nwire = 'openai'", "llm.providers.corp.baseUrl: is required"),
        ("[llm.providers.Corp]\nbaseUrl = 'http://c'", "llm.providers.Corp: is no name"),
        ("[llm.providers.groq]\nwire = 'anthropic'", "groq speaks openai's API"),
        ("[llm]\napiKey = 'sk-1'", "llm.apiKey: unknown key"),
        ("[llm", "is not TOML"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_user(written(tmp_path, text))
    assert words in caught.value.message
    assert str(user_file(tmp_path)) in caught.value.message


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """In a file that only the user can read."""
    home = tmp_path / "new"
    write_user(home, "llm.model", 'with "quotes" and ä')
    write_user(home, "llm.maxTokens", "100")
    assert read_user(home).values == {"model": 'with "quotes" and ä', "max_tokens": 100}
    assert stat.S_IMODE(user_file(home).stat().st_mode) == 0o600


def test_a_change_leaves_every_other_line_alone(tmp_path: Path) -> None:
    """Comments, blank lines, other tables."""
    written(tmp_path, BY_HAND)
    write_user(tmp_path, "llm.temperature", "0.5")
    write_user(tmp_path, "llm.temperature", None)
    assert user_file(tmp_path).read_text(encoding="utf-8") == BY_HAND


def test_either_spelling_of_a_key_is_replaced(tmp_path: Path) -> None:
    """max_tokens in the file is maxTokens, not another key beside it."""
    written(tmp_path, BY_HAND)
    write_user(tmp_path, "llm.maxTokens", "200")
    assert read_user(tmp_path).values["max_tokens"] == 200
    assert "max_tokens" not in user_file(tmp_path).read_text(encoding="utf-8")


def test_a_table_that_is_not_there_is_added(tmp_path: Path) -> None:
    """Behind tables below it, which TOML allows."""
    written(tmp_path, '[llm.families]\nnous = "ollama"\n')
    write_user(tmp_path, "llm.provider", "groq")
    assert read_user(tmp_path).values == {"provider": "groq"}


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("llm.provider", "gemini", "no LLM provider named 'gemini'"),
        ("llm.maxTokens", "many", "is no number"),
        ("llm.compactPct", "101", "must be at most 100"),
        ("llm.thinkingLevel", "very", "'very' is not one of its values"),
        ("llm.baseUrl", "http://me:s3cret@h", "must not hold a password"),
        ("llm.model", " ", "must not be empty"),
    ],
)
def test_a_value_that_is_none_is_not_written(
    tmp_path: Path, key: str, text: str, words: str
) -> None:
    """The file stays as it was."""
    written(tmp_path, BY_HAND)
    with pytest.raises(ConfigError) as caught:
        write_user(tmp_path, key, text)
    assert words in caught.value.message
    assert user_file(tmp_path).read_text(encoding="utf-8") == BY_HAND


def test_a_file_that_is_written_in_another_way_is_left_to_its_author(tmp_path: Path) -> None:
    """An inline table is not taken apart."""
    written(tmp_path, 'llm = { model = "x" }\n')
    with pytest.raises(ConfigError):
        write_user(tmp_path, "llm.model", "y")
    assert read_user(tmp_path).values == {"model": "x"}


@pytest.mark.parametrize("key", ["llm.baseUrl", "base_url", "llm.base-url", "baseUrl"])
def test_a_key_has_one_name_in_every_spelling(key: str) -> None:
    assert canonical(key) == "llm.baseUrl"


def test_a_key_that_there_is_not_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        canonical("llm.modle")
    assert caught.value.hint == "did you mean 'llm.model'?"


@pytest.mark.parametrize("key", ["llm.api_key", "apiKey", "llm.key"])
def test_a_secret_does_not_go_into_the_file(key: str) -> None:
    with pytest.raises(UsageError, match="must not stand") as caught:
        canonical(key)
    assert "al creds add" in caught.value.hint
