"""Layers: who wins, and who is remembered."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.config.load import explain
from toolkit.config.origin import Layer, Merged, dotted

from .conftest import Load, Write

NAMES = [
    "config.toml",
    ".env.toml",
    "environments/prod.toml",
    "home",
    "AL_ENVIRONMENT_TOML",
]
TEXT = "maxReruns = {n}\n"
PAIRS = list(combinations(range(len(NAMES)), 2))


def layer(name: str, **values: object) -> Layer:
    return Layer(name=name, values=values)


def at(levels: tuple[int, ...]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Project files, home files and variables in which each of these levels sets maxReruns to its number."""
    models = '[models.m]\nprovider = "anthropic"\nmodel = "claude"\n'
    project = {"config.toml": models, "environments/prod.toml": ""}
    home, variables = {}, {}
    for level in levels:
        text = TEXT.format(n=level)
        if level == 3:
            home["environments/prod.toml"] = text
        elif level == 4:
            variables["AL_ENVIRONMENT_TOML"] = text
        else:
            project[NAMES[level]] = text + project.get(NAMES[level], "")
    return project, home, variables


@pytest.mark.parametrize(("low", "high"), PAIRS)
def test_a_higher_layer_overrides_a_lower_one(load: Load, low: int, high: int) -> None:
    """config.toml < .env.toml < project environment < home environment < AL_ENVIRONMENT_TOML, for every pair."""
    project, home, variables = at((low, high))
    loaded = load(project, "prod", home_files=home, variables=variables)
    assert loaded.project.settings["maxReruns"] == high


@pytest.mark.parametrize("level", range(5))
def test_every_value_keeps_its_origin(load: Load, level: int) -> None:
    """The origin is the file that gave the value, or the variable."""
    project, home, variables = at((level,))
    loaded = load(project, "prod", home_files=home, variables=variables)
    origin = loaded.settings.origin_of("maxReruns")
    assert origin.endswith("environments/prod.toml" if level == 3 else NAMES[level])


def test_a_value_that_nobody_set_is_a_default(load: Load) -> None:
    """The defaults are the lowest layer, and say so."""
    assert load().settings.origin_of("local.timeout") == "default"


def test_camel_and_snake_case_are_one_key(load: Load) -> None:
    """A key in one spelling overrides the same key in the other."""
    loaded = load({".env.toml": "max_reruns = 3\n[local]\ntimeout = 60\n"})
    assert (loaded.project.settings["maxReruns"], loaded.project.agents[0].timeout) == (3, 60)


def test_tables_merge_and_arrays_replace() -> None:
    """Deep merge for tables; a list is one value."""
    merged = Merged((layer("a", t={"x": 1, "l": [1, 2]}), layer("b", t={"y": 2, "l": [3]})))
    assert merged.values == {"t": {"x": 1, "y": 2, "l": [3]}}


def test_an_empty_table_erases_nothing() -> None:
    """`[local]` alone says nothing."""
    merged = Merged((layer("a", local={"timeout": 5}), layer("b", local={})))
    assert merged.values == {"local": {"timeout": 5}}


def test_a_scalar_in_place_of_a_table_replaces_it_and_the_other_way_round() -> None:
    """Whoever speaks last decides the kind, too."""
    merged = Merged((layer("a", x={"y": 1}, z=1), layer("b", x=2, z={"y": 3})))
    assert merged.values == {"x": 2, "z": {"y": 3}}


def test_explaining_shows_what_is_shadowed(write: Write) -> None:
    """Each value comes with the values it hides, highest first."""
    directory = write({".env.toml": "maxReruns = 1\n", "environments/prod.toml": "maxReruns = 2\n"})
    settings = explain(directory, "prod", home=directory / "none", variables={})
    found = next(setting for setting in settings if setting.key == "maxReruns")
    assert (found.value, found.origin) == (2, "environments/prod.toml")
    assert found.shadowed == ((1, ".env.toml"), (10, "default"))


def test_explaining_shows_no_token(write: Write) -> None:
    """Telemetry headers carry tokens, so their values are not shown."""
    text = '[telemetry.headers]\nAuthorization = "Bearer hunter2"\n'
    settings = explain(write({".env.toml": text}), None, home=write({}), variables={})
    assert "hunter2" not in repr(settings)


def test_explaining_needs_no_valid_values(write: Write) -> None:
    """An environment with placeholders can be looked at."""
    directory = write({"environments/prod.toml": '[cloud]\naccountId = "REPLACE_ME"\n'})
    settings = explain(directory, "prod", home=directory / "none", variables={})
    assert ("cloud.accountId", "REPLACE_ME") in [(s.key, s.value) for s in settings]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("local", "timeout"), "local.timeout"),
        (("models", "gpt-4.1", "provider"), 'models."gpt-4.1".provider'),
        (("webhooks", 0, "source"), "webhooks[0].source"),
    ],
)
def test_a_key_is_shown_as_toml_writes_it(path: tuple[str | int, ...], text: str) -> None:
    """Dots between bare keys, quotes around others, brackets for positions."""
    assert dotted(path) == text


TABLES = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=8,
)
LAYERS = st.lists(st.dictionaries(st.sampled_from("abc"), TABLES, min_size=1), max_size=4)


def plainly_merged(low: object, high: object) -> object:
    """The definition of a deep merge, in four lines."""
    if isinstance(low, dict) and isinstance(high, dict):
        shared = {k: plainly_merged(low[k], high[k]) for k in low.keys() & high.keys()}
        return {**low, **high, **shared}
    return high


@settings(deadline=None)
@given(LAYERS)
def test_merging_is_the_plain_deep_merge(tables: list[dict[str, object]]) -> None:
    """Keeping origins changes nothing about the result."""
    merged = Merged(tuple(Layer(name=str(n), values=t) for n, t in enumerate(tables)))
    expected: object = {}
    for table in tables:
        expected = plainly_merged(expected, table)
    assert merged.values == expected


@settings(deadline=None)
@given(LAYERS)
def test_every_leaf_has_an_origin(tables: list[dict[str, object]]) -> None:
    """What is explained was given by one of the layers."""
    merged = Merged(tuple(Layer(name=str(n), values=t) for n, t in enumerate(tables)))
    assert {s.origin for s in merged.explain()} <= {str(n) for n in range(len(tables))}
