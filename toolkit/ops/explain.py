"""A resolution for people: every setting with its value, its origin, and each candidate that did not win.

Of a key it says whether it is set, never what it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from toolkit.config.problems import nearest
from toolkit.core.errors import UsageError
from toolkit.llm.bundle import Other, Resolution, shown
from toolkit.llm.candidates import SETTINGS

HEADERS = ("KEY", "VALUE", "ORIGIN")
KEYS = tuple(f"llm.{to_camel(name)}" for name in SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """A candidate that is not used, and why."""

    value: Any
    origin: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting.  `stands_for` is the provider's id of a model with a friendly name."""

    key: str
    value: Any
    origin: str
    stands_for: str | None
    shadowed: tuple[Shadowed, ...]


def rows(resolution: Resolution, key: str | None) -> list[Row]:
    """All settings, or the one of `key`, with or without `llm.`.  Raises UsageError with the nearest."""
    wanted = SETTINGS if key is None else (_setting(key),)
    return [_row(name, resolution) for name in wanted]


def cells(found: Sequence[Row]) -> list[tuple[Any, ...]]:
    """For a table: what is not used stands below what is, in brackets."""
    return [cell for row in found for cell in _cells(row)]


def answer(resolution: Resolution, found: Sequence[Row]) -> dict[str, Any]:
    """For `--json`."""
    return {
        "settings": [
            {
                "key": row.key,
                "value": row.value,
                "origin": row.origin,
                "standsFor": row.stands_for,
                "shadowed": [
                    {"value": s.value, "origin": s.origin, "why": s.why} for s in row.shadowed
                ],
            }
            for row in found
        ],
        "notes": list(resolution.notes),
        "problems": [problem.message for problem in resolution.problems],
    }


def _setting(key: str) -> str:
    wanted = key.removeprefix("llm.").replace("-", "_").replace("_", "").lower()
    for name in SETTINGS:
        if name.replace("_", "") == wanted:
            return name
    raise UsageError(
        f"there is no setting {key!r}", hint=nearest(f"llm.{key.removeprefix('llm.')}", KEYS)
    )


def _row(name: str, resolution: Resolution) -> Row:
    choice = resolution.choices[name]
    return Row(
        key=f"llm.{to_camel(name)}",
        value=resolution.key_state if name == "key" else shown(choice.value),
        origin=choice.origin,
        stands_for=_id(name, resolution),
        shadowed=tuple(_shadowed(other) for other in choice.others),
    )


def _id(name: str, resolution: Resolution) -> str | None:
    """What the provider calls a model of a friendly name."""
    if name != "model" or not resolution.model:
        return None
    real = resolution.table.id_of(resolution.provider.name, resolution.model)
    return real if real != resolution.choices["model"].value else None


def _shadowed(other: Other) -> Shadowed:
    why = other.refused.why if other.refused else "a nearer place says otherwise"
    return Shadowed(value=shown(other.value), origin=other.origin, why=why)


def _cells(row: Row) -> Iterator[tuple[Any, ...]]:
    real = f": {row.stands_for}" if row.stands_for else ""
    yield row.key, row.value, f"{row.origin}{real}"
    for other in row.shadowed:
        yield "", f"({other.value})", f"{other.origin}: {other.why}"
