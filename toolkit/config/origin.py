"""Layers of settings, and where each effective value came from.

Tables merge deeply; scalars and arrays replace.  Pure: knows neither files nor the schema.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Path = tuple[str | int, ...]

DEFAULT = "default"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HIDDEN = frozenset({"headers", "apiKey"})  # they carry tokens, so their values are not shown
_FREE = frozenset({"params", "options"})  # what is in them is the user's, so a key's name must tell
_SECRET_KEY = re.compile(
    r"(token|secret|passw(or)?d|passphrase|(api|access|private)[-_]?key)$", re.IGNORECASE
)
_LOGIN = re.compile(r"://[^/@\s]*@")  # user and password of a URL


def dotted(path: Path) -> str:
    """The path as TOML writes it: `models."gpt-4.1".provider`, `webhooks[0].source`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _BARE.fullmatch(part) else f'."{part}"'
    return text.removeprefix(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One source of settings.  `prefix` is where its values stand in the file, for messages."""

    name: str
    values: Mapping[str, Any]
    prefix: Path = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An effective value, the layer that gave it, and what it hides (highest layer first)."""

    key: str
    value: Any
    origin: str
    shadowed: tuple[tuple[Any, str], ...] = ()


@dataclass(frozen=True)
class Merged:
    """What the layers, lowest first, come to."""

    layers: Sequence[Layer] = field(default_factory=tuple)

    @cached_property
    def _found(self) -> dict[Path, list[tuple[Any, Layer]]]:
        """Every leaf with its candidates, the effective one last."""
        found: dict[Path, list[tuple[Any, Layer]]] = {}
        for layer in self.layers:
            for path, value in _leaves(layer.values):
                _put(found, path, value, layer)
        return found

    @cached_property
    def values(self) -> dict[str, Any]:
        """The merged tables."""
        result: dict[str, Any] = {}
        for path, candidates in self._found.items():
            table = result
            for part in path[:-1]:
                table = table.setdefault(str(part), {})
            table[str(path[-1])] = candidates[-1][0]
        return result

    def layer_of(self, path: Path) -> Layer | None:
        """The layer that gave the value at `path`, or at the nearest thing above or below it."""
        for length in range(len(path), 0, -1):
            head = path[:length]
            for known, candidates in self._found.items():
                if known[:length] == head:
                    return candidates[-1][1]
        return None

    def origin_of(self, key: str) -> str:
        """The name of the layer behind a dotted key, e.g. `local.timeout` -> `config.toml`; `default` for none."""
        for path, candidates in self._found.items():
            if dotted(path) == key:
                return candidates[-1][1].name
        return DEFAULT

    def explain(self) -> list[Setting]:
        """Every effective value with its origin, by key; values that may hold a token are `***`."""
        settings = [self._setting(path, found) for path, found in self._found.items()]
        return sorted(settings, key=lambda setting: setting.key)

    def _setting(self, path: Path, found: list[tuple[Any, Layer]]) -> Setting:
        shown = [(_shown(path, value), layer.name) for value, layer in found]
        value, origin = shown[-1]
        return Setting(
            key=dotted(path), value=value, origin=origin, shadowed=tuple(reversed(shown[:-1]))
        )


def _shown(path: Path, value: Any) -> Any:
    """The value without what may be a secret."""
    free = not _FREE.isdisjoint(path) and _SECRET_KEY.search(str(path[-1]))
    if free or not _HIDDEN.isdisjoint(path):
        return "***"
    if isinstance(value, str):
        return _LOGIN.sub("://***@", value)
    if isinstance(value, list):
        return [_shown(path, inner) for inner in value]
    if isinstance(value, Mapping):
        return {key: _shown((*path, key), inner) for key, inner in value.items()}
    return value


def _leaves(table: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _put(found: dict[Path, list[tuple[Any, Layer]]], path: Path, value: Any, layer: Layer) -> None:
    below = [known for known in found if len(known) > len(path) and known[: len(path)] == path]
    if value == {} and isinstance(value, Mapping) and (below or path in found):
        return  # an empty table adds nothing to one that is there
    for known in below:
        del found[known]
    for length in range(1, len(path)):
        found.pop(path[:length], None)
    found.setdefault(path, []).append((value, layer))
