"""reference.toml shows every key, and nothing that is not a key."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

import pytest

from toolkit.config.agent_schema import AgentConfig, AgentOverride
from toolkit.config.files import parse_toml
from toolkit.config.origin import Layer, Merged
from toolkit.config.problems import Findings
from toolkit.config.schema import Config
from toolkit.config.section import Section, Tidier
from toolkit.config.validate import validated


def reference(name: str) -> str:
    return (files("toolkit.config") / name).read_text(encoding="utf-8")


def keys_of(section: type[Section], prefix: str = "") -> Iterator[str]:
    """Every key of the schema; the name in a table by name is `*`."""
    for name, info in section.model_fields.items():
        key = f"{prefix}{info.alias or name}"
        inner, by_name = section.table_of(info.alias or name)
        yield key
        if inner is AgentOverride:
            yield from (f"{key}.*.{own}" for own in only_overrides())
        elif inner is not None:
            yield from keys_of(inner, f"{key}.*." if by_name else f"{key}.")


def only_overrides() -> list[str]:
    """What `[agents.<name>]` has beyond an agent's own file, which has its own reference."""
    own = AgentOverride.model_fields.keys() - AgentConfig.model_fields.keys()
    return [str(AgentOverride.model_fields[name].alias) for name in own]


def keys_in(
    table: Mapping[str, Any], section: type[Section] | None, prefix: str = ""
) -> Iterator[str]:
    """Every key of the document that the schema could know."""
    for key, value in table.items():
        yield f"{prefix}{key}"
        inner, by_name = section.table_of(key) if section else (None, False)
        if inner and by_name:
            for entry in value.values():
                yield from keys_in(entry, inner, f"{prefix}{key}.*.")
        elif inner and isinstance(value, dict):
            yield from keys_in(value, inner, f"{prefix}{key}.")
        elif inner:
            yield from (f"{prefix}{key}.{name}" for entry in value for name in entry)


def shared(keys: Iterable[str]) -> list[str]:
    """Sorted; `[model]` and `[models.*]` are one table, shown once."""
    return sorted({re.sub(r"^models\.\*", "model", key) for key in keys})


BOTH = [("reference.toml", Config), ("reference_agent.toml", AgentConfig)]


@pytest.mark.parametrize(("name", "section"), BOTH)
def test_the_reference_and_the_schema_have_the_same_keys(name: str, section: type[Section]) -> None:
    """A new key is documented, and a documented key exists."""
    document = tomllib.loads(reference(name))
    assert shared(keys_in(document, section)) == shared(keys_of(section))


@pytest.mark.parametrize(("name", "section"), BOTH)
def test_the_reference_is_valid(name: str, section: type[Section]) -> None:
    """Every example in it would be accepted."""
    findings = Findings()
    document = parse_toml(reference(name), name=name, findings=findings)
    tidied = Tidier(name, findings).table(document, section)
    validated(section, Merged((Layer(name=name, values=tidied),)), findings)
    assert findings.errors == ()


@pytest.mark.parametrize(("name", "section"), BOTH)
def test_every_key_of_the_reference_can_be_written_in_snake_case(
    name: str, section: type[Section]
) -> None:
    """Both spellings are accepted for all of them, and mean the same."""
    names = [(key, info.alias or key) for key, info in section.model_fields.items()]
    assert {section.spellings()[key] for key, _ in names} == {alias for _, alias in names}
