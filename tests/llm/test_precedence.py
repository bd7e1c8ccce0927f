"""Who wins, between every two places, and that nothing of one provider ever gets to another."""

import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given as always
from hypothesis import settings
from hypothesis import strategies as st

from tests.llm.layers import PLACES, SETTINGS, given, value, whole
from toolkit.core.secrets import Secret
from toolkit.llm.bundle import Resolution
from toolkit.llm.candidates import Candidate, Rank
from toolkit.llm.providers import PROVIDERS
from toolkit.llm.resolve import resolve
from toolkit.ops import explain

PAIRS = list(combinations(PLACES, 2))
HOSTED = [p.name for p in PROVIDERS.values() if not p.keyless]


def plain(found: Any) -> Any:
    return found.reveal() if isinstance(found, Secret) else found


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("lower", "higher"), PAIRS)
def test_of_two_places_the_higher_one_wins(lower: Rank, higher: Rank, setting: str) -> None:
    """For every setting and every pair; the other one is remembered."""
    choice = resolve([*whole("custom", lower), *whole("custom", higher)]).choices[setting]
    assert plain(choice.value) == plain(value(setting, "custom", higher))
    assert choice.origin == f"the {higher.name}"
    assert [other.origin for other in choice.others] == [f"the {lower.name}"]


@pytest.mark.parametrize(("lower", "higher"), PAIRS)
def test_the_higher_place_names_the_provider(lower: Rank, higher: Rank) -> None:
    """And says so, with the one that it wins over."""
    found = resolve([given("provider", "openai", lower), given("provider", "groq", higher)])
    assert (found.provider.name, found.choices["provider"].origin) == (
        "groq",
        f"the {higher.name}",
    )
    assert [other.value for other in found.choices["provider"].others] == ["openai"]


@pytest.mark.parametrize(("lower", "higher"), PAIRS)
def test_another_provider_takes_nothing_over(lower: Rank, higher: Rank) -> None:
    """What a lower place gave for the other one is dropped, and each value is named."""
    found = resolve([*whole("anthropic", lower), given("provider", "ollama", higher)])
    kept = {name: plain(choice.value) for name, choice in found.choices.items() if choice.value}
    assert kept == {
        "provider": "ollama",
        "model": "qwen2.5-coder:7b",
        "base_url": "http://localhost:11434",
    }
    note = " ".join(found.notes)
    assert [name for name in SETTINGS if name != "key" and f"{name} " not in note] == []


@pytest.mark.parametrize(("lower", "higher"), PAIRS)
def test_what_a_higher_place_leaves_open_a_lower_one_fills(lower: Rank, higher: Rank) -> None:
    """As long as they mean the same provider."""
    found = resolve([*whole("groq", lower), given("provider", "groq", higher)])
    taken = {name: plain(found.choices[name].value) for name in ("model", "key", "max_tokens")}
    assert taken == {name: plain(value(name, "groq", lower)) for name in taken}


@st.composite
def places(draw: Any) -> list[Candidate]:
    """Any number of places, each with a provider and some values for it, keys of any, and addresses of nobody."""
    found: list[Candidate] = []
    for rank in draw(st.sets(st.sampled_from(PLACES))):
        provider = draw(st.sampled_from(sorted(PROVIDERS)))
        wanted = draw(st.sets(st.sampled_from(["provider", *SETTINGS])))
        found += [c for c in whole(provider, rank) if {"provider", c.setting} <= wanted]
    for name, rank in draw(st.sets(st.tuples(st.sampled_from(HOSTED), st.sampled_from(PLACES)))):
        found.append(given("key", value("key", name, rank), rank, name))
    for rank in draw(st.sets(st.sampled_from(PLACES))):
        found.append(given("base_url", "https://of-nobody.example", rank))
        found.append(given("key", Secret("hush-of-nobody"), rank))
    return found


def tagged(found: Resolution) -> dict[str, str]:
    """The values that are not defaults."""
    return {
        name: plain(choice.value)
        for name, choice in found.choices.items()
        if name not in ("provider", "auth_type", "wire", "options") and choice.rank > Rank.DEFAULT
    }


@settings(max_examples=300, deadline=None)
@always(places())
def test_no_value_of_one_provider_is_ever_in_a_bundle_of_another(found: list[Candidate]) -> None:
    """Wherever the values come from.  What is nobody's stays out, but for the address of a server without keys and what
    stands in the same place as the provider."""
    resolution = resolve(found)
    name = resolution.provider.name
    beside = {c.rank.place for c in found if c.setting == "provider" and c.value == name}
    strange = {
        setting: text
        for setting, text in tagged(resolution).items()
        if f"{name}-" not in text
        and resolution.choices[setting].rank.place not in beside
        and not (setting == "base_url" and resolution.provider.keyless)
    }
    assert strange == {}


@settings(max_examples=300, deadline=None)
@always(places())
def test_nothing_that_is_said_of_a_resolution_holds_a_key(found: list[Candidate]) -> None:
    """Neither the table nor the JSON of `al config explain`, nor the line, the notes, the problems, or the repr."""
    resolution = resolve(found)
    rows = explain.rows(resolution, None)
    told = [
        json.dumps(explain.answer(resolution, rows)),
        str(explain.cells(rows)),
        resolution.line(),
        *resolution.notes,
        *map(str, resolution.problems),
        repr(resolution),
    ]
    assert "hush-" not in " ".join(told)
