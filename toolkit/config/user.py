"""The user's own settings, `~/.action-llama/config.toml`: which model runs on this machine use, and a user's providers.

Read and written line by line, so that comments and hand edits survive.  Holds no key: those are credentials.
"""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel, to_snake

from toolkit.core.errors import ConfigError, UsageError
from toolkit.llm.candidates import SETTINGS, from_user
from toolkit.llm.names import TABLE, Table
from toolkit.llm.providers import PROVIDERS, Provider

from .agent_schema import Price, Thinking, Wire
from .files import read_toml
from .origin import Layer, Merged
from .problems import Findings, nearest
from .section import Section, Tidier
from .validate import validated
from .values import Percent, Positive, Text, Texts, Url

NAME = "config.toml"
KEYS = tuple(f"llm.{to_camel(name)}" for name in SETTINGS if name != "key")
_NUMBERS: Mapping[str, type[int] | type[float]] = {
    "maxTokens": int,
    "contextWindow": int,
    "compactPct": int,
    "temperature": float,
}
_PROVIDER_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class UserProvider(Section):
    """`[llm.providers.<name>]`: a provider of one's own, or other values for one of ours."""

    base_url: Url | None = None
    wire: Wire | None = None
    key_variables: Texts | None = None
    default_model: Text | None = None
    keyless: bool | None = None


class Llm(Section):
    """`[llm]`: the model that is used where nothing nearer says another one, and names of one's own."""

    provider: Text | None = None
    model: Text | None = None
    base_url: Url | None = None
    thinking_level: Thinking | None = None
    max_tokens: Positive | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    context_window: Positive | None = None
    compact_pct: Percent | None = None
    providers: Mapping[str, UserProvider] = Field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    families: Mapping[str, str] = Field(default_factory=dict)
    prices: Mapping[str, Price] = Field(default_factory=dict)


class UserConfig(Section):
    """The whole file."""

    llm: Llm = Field(default_factory=Llm)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """`values` by the names of candidates; `table` is ours with what the user adds."""

    values: Mapping[str, Any]
    table: Table
    origin: str


def user_file(home: Path) -> Path:
    return home / NAME


def read_user(home: Path) -> UserSettings:
    """An absent file is empty settings.  Raises ConfigErrors with every problem."""
    path = user_file(home)
    findings = Findings()
    document = read_toml(path, name=str(path), findings=findings)
    llm = _checked(document, str(path), findings).llm
    values = {name: getattr(llm, name) for name in SETTINGS if name in Llm.model_fields}
    return UserSettings(
        values={name: value for name, value in values.items() if value is not None},
        table=_table(llm, str(path)),
        origin=str(path),
    )


def canonical(key: str) -> str:
    """`llm.baseUrl` for any spelling of a key that can be set.  Raises UsageError with the nearest ones."""
    parts = key.removeprefix("llm.").replace("-", "_")
    name = f"llm.{to_camel(to_snake(parts))}"
    if name in ("llm.apiKey", "llm.key"):
        raise UsageError(
            "a key must not stand in a configuration file",
            hint="store it with `al creds add`, for instance `al creds add anthropic_key`",
        )
    if name not in KEYS:
        raise UsageError(f"there is no setting {key!r}", hint=nearest(name, KEYS))
    return name


def write_user(home: Path, key: str, text: str | None) -> Path:
    """Set `key` (canonical), or forget it.  Raises ConfigError for a value that is none, and nothing is written."""
    name, path = key.removeprefix("llm."), user_file(home)
    value = None if text is None else _value(name, text)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = _edited(before, name, value)
    findings = Findings()
    document = _parsed(after, path)
    if document.get("llm", {}).get(name) != value:
        raise ConfigError(
            f"{path}: {key} is written in a way that is not understood here",
            hint="change the file with an editor",
        )
    table = _table(_checked(document, str(path), findings).llm, str(path))
    list(from_user({name: value}, str(path), table))  # what is refused later is refused now
    _replace(path, after)
    return path


def _checked(document: Mapping[str, Any], shown: str, findings: Findings) -> UserConfig:
    tidied = Tidier(shown, findings).table(document, UserConfig)
    config = validated(UserConfig, Merged((Layer(name=shown, values=tidied),)), findings)
    findings.raise_errors()
    return config


def _table(llm: Llm, shown: str) -> Table:
    """Raises ConfigError for a provider that is not whole, and for names of providers that there are not."""
    table = TABLE.with_more(
        providers={name: _provider(name, entry, shown) for name, entry in llm.providers.items()},
        friendly=llm.names,
        families=llm.families,
        prices={name: price.model_dump(exclude_none=True) for name, price in llm.prices.items()},
    )
    for name in (*llm.names, *llm.families.values(), *([llm.provider] if llm.provider else [])):
        if name not in table.providers:
            known = ", ".join(table.providers)
            raise ConfigError(
                f"{shown}: llm: no LLM provider named {name!r}", hint=f"use one of: {known}"
            )
    return table


def _provider(name: str, entry: UserProvider, shown: str) -> Provider:
    changes = {
        field: getattr(entry, field)
        for field in ("base_url", "key_variables", "default_model", "keyless")
        if getattr(entry, field) is not None
    }
    if (ours := PROVIDERS.get(name)) is not None and entry.wire in (None, ours.wire):
        return replace(ours, **changes)
    where = f"{shown}: llm.providers.{name}"
    if ours is not None:
        raise ConfigError(f"{where}.wire: {name} speaks {ours.wire}'s API", hint="remove the line")
    if not _PROVIDER_NAME.fullmatch(name):
        raise ConfigError(f"{where}: is no name", hint="use lower-case letters, digits and hyphens")
    if entry.base_url is None:
        raise ConfigError(f"{where}.baseUrl: is required", hint="add it")
    api: Literal["anthropic", "compatible"] = (
        "anthropic" if entry.wire == "anthropic" else "compatible"
    )
    return Provider(name=name, api=api, of_user=True, **changes)


def _value(name: str, text: str) -> Any:
    """Raises UsageError for what should be a number and is none."""
    if not text.strip():
        raise UsageError(f"llm.{name} must not be empty", hint="leave the value out to forget it")
    kind = _NUMBERS.get(name)
    try:
        return kind(text) if kind else text.strip()
    except ValueError as error:
        raise UsageError(f"llm.{name}: {text!r} is no number", hint="write a number") from error


def _edited(text: str, name: str, value: Any) -> str:
    """The file with one line of `[llm]` replaced, added or removed; everything else as it was."""
    lines = text.splitlines()
    begin = next((i for i, line in enumerate(lines) if re.match(r"\s*\[llm\]\s*(#|$)", line)), None)
    written = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    if begin is None:
        added = [] if value is None else [*([""] if lines else []), "[llm]", written]
        return _joined([*lines, *added])
    rest = (i for i, line in enumerate(lines) if i > begin and line.lstrip().startswith("["))
    end = next(rest, len(lines))
    key = re.compile(rf"\s*(?:{name}|{to_snake(name)})\s*=")
    at = next((i for i in range(begin + 1, end) if key.match(lines[i])), None)
    if at is None:
        return _joined(
            [*lines[: begin + 1], *([] if value is None else [written]), *lines[begin + 1 :]]
        )
    return _joined([*lines[:at], *([] if value is None else [written]), *lines[at + 1 :]])


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n" if lines else ""


def _parsed(text: str, path: Path) -> dict[str, Any]:
    """Raises ConfigError where the file was no TOML before already."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}", hint="correct the line") from error


def _replace(path: Path, text: str) -> None:
    """Whole or not at all, and the user's only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(partial).unlink()
        raise
