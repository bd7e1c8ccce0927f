"""Reading variables: what cannot be used names the variable."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from toolkit.core.errors import ConfigError
from toolkit.llm.candidates import Candidate, Flags, Rank, from_flags, from_user, from_variables
from toolkit.llm.names import TABLE

# where a model can be named, by what a message calls it
PLACES: Mapping[str, Callable[[str], Iterator[Candidate]]] = {
    "--llm-model": lambda text: from_flags(Flags(model=text), TABLE),
    "LLM_MODEL": lambda text: from_variables({"LLM_MODEL": text}, TABLE),
    "file: llm.model": lambda text: from_user({"model": text}, "file", TABLE),
}


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("LLM_PROVIDER", "gemini", "LLM_PROVIDER: no LLM provider named 'gemini'"),
        ("AL_LLM_MAX_TOKENS", "many", "AL_LLM_MAX_TOKENS: 'many' is not a whole number"),
        ("AL_LLM_MAX_TOKENS", "0", "AL_LLM_MAX_TOKENS: '0' is not"),
        ("AL_LLM_TEMPERATURE", "3", "AL_LLM_TEMPERATURE: '3' is not a number from 0 to 2"),
        ("AL_LLM_TEMPERATURE", "nan", "AL_LLM_TEMPERATURE: 'nan' is not a number from 0 to 2"),
        ("AL_LLM_COMPACT_PCT", "101", "AL_LLM_COMPACT_PCT: '101' is not"),
        ("AL_LLM_THINKING_LEVEL", "very", "AL_LLM_THINKING_LEVEL: 'very' is no level"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(variable: str, text: str, words: str) -> None:
    """Before any work."""
    with pytest.raises(ConfigError) as caught:
        list(from_variables({variable: text}, TABLE))
    assert caught.value.message.startswith(words)


def test_an_unknown_provider_is_answered_with_all_of_them() -> None:
    with pytest.raises(ConfigError) as caught:
        list(from_flags(Flags(provider="gemini"), TABLE))
    assert caught.value.hint == f"use one of: {', '.join(TABLE.providers)}"


def test_an_empty_flag_is_a_mistake_and_not_a_default() -> None:
    """Unlike a variable, somebody has just typed it."""
    with pytest.raises(ConfigError, match="--llm-model: is empty"):
        list(from_flags(Flags(model=" "), TABLE))


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("openai:", "write openai:MODEL, or --llm-provider openai alone for its default"),
        (" Ollama : ", "write ollama:MODEL, or --llm-provider ollama alone for its default"),
        ("bogus:", "write MODEL or PROVIDER:MODEL"),
        (":gpt-4o", "write MODEL or PROVIDER:MODEL"),
    ],
)
@pytest.mark.parametrize("place", PLACES)
def test_half_a_name_is_none(place: str, text: str, remedy: str) -> None:
    """Nobody is asked for a model that is called `openai:`."""
    with pytest.raises(ConfigError, match=f"{place}: .* names no model") as caught:
        list(PLACES[place](text))
    assert caught.value.hint == remedy


def test_space_around_a_providers_colon_is_no_part_of_the_name() -> None:
    (found,) = from_flags(Flags(model=" openai: gpt-4o "), TABLE)
    assert found.value == "openai:gpt-4o"


def test_limits_are_numbers_in_their_place() -> None:
    """Only our own spelling: the plain names belong to everybody."""
    texts = {"AL_LLM_MAX_TOKENS": "100", "AL_LLM_TEMPERATURE": "0.5", "LLM_MAX_TOKENS": "7"}
    found = {(c.setting, c.value, c.rank) for c in from_variables(texts, TABLE)}
    assert found == {
        ("max_tokens", 100, Rank.OWN_VARIABLE),
        ("temperature", 0.5, Rank.OWN_VARIABLE),
    }


def test_every_provider_s_key_has_a_variable_of_its_own() -> None:
    """Two providers with one variable would share a key."""
    names = [name for p in TABLE.providers.values() for name in p.key_variables]
    assert len(names) == len(set(names))
    found = {c.origin: c.provider for c in from_variables(dict.fromkeys(names, "k"), TABLE)}
    assert found == {name: p.name for p in TABLE.providers.values() for name in p.key_variables}
