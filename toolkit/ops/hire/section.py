"""`[agents.<name>]` in the project's config.toml, written so that comments and everything set by hand stay. Pure.

Only what is asked for is written; a section that says it already is left as it is, to the byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from toolkit.core.errors import ConfigError
from toolkit.llm.providers import PROVIDERS

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

PLACEHOLDER = "sk-no-key-required"  # client libraries insist on a key, servers of one's own do not
LOCAL_MODEL = "local-model"  # what a server with one model takes any name for
COMPACT_PCT, POLL_INTERVAL = 60, 60  # of the window; seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What is asked of it; None is as it is, or the default in a new one."""

    name: str
    role: str
    base_url: str | None = None
    model: str | None = None
    poll_interval: int | None = None
    forge_user: str | None = None


def read(text: str, name: str) -> dict[str, Any]:
    """The section as plain values, its keys in snake_case; empty where there is none."""
    from pydantic.alias_generators import to_snake

    agents = _parsed(text).unwrap().get("agents", {})
    section = agents.get(name, {}) if isinstance(agents, dict) else {}
    return {to_snake(key): value for key, value in section.items()}


def difference(before: str, after: str, name: str) -> str:
    """What becomes of the section, in words: the values that change are named."""
    old, new = read(before, name), read(after, name)
    if before == after:
        return "kept"
    if not old:
        return "made"
    keys = [key for key in (old | new) if old.get(key) != new.get(key)]
    return f"changed ({', '.join(keys)})"


def is_local(section: Mapping[str, Any], asked: Section) -> bool:
    """Whether its model is a server of the user's own, after what is asked for."""
    return bool(asked.base_url or section.get("base_url"))


def written(text: str, asked: Section) -> str:
    """The file with the section as it is asked for.  Raises ConfigError for what is no TOML."""
    old = read(text, asked.name)
    changes = _changes(old, asked) if old else _new(asked)
    changes = {key: value for key, value in changes.items() if old.get(key) != value}
    if not changes:
        return text
    if not old and (appended := _appended(text, asked.name, changes)):
        return appended
    document = _parsed(text)
    table = _table(document, asked.name)
    for key, value in changes.items():
        _set(table, key, value)
    return document.as_string()


def _appended(text: str, name: str, values: Mapping[str, Any]) -> str:
    """The file with a new section behind everything else; empty where `agents` is written in another way."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    section = tomlkit.table()
    for key, value in values.items():
        _set(section, key, value)
    before = f"{text.rstrip()}\n\n" if text.strip() else ""
    made = f"{before}[agents.{name}]\n{section.as_string()}"
    try:
        tomlkit.parse(made)
    except TOMLKitError:
        return ""
    return made


def _new(asked: Section) -> dict[str, Any]:
    common = {
        "roles": [asked.role],
        "forge_user": asked.forge_user or asked.name,
        "poll_interval": asked.poll_interval or POLL_INTERVAL,
    }
    return {**_model(asked), **common}


def _model(asked: Section) -> dict[str, Any]:
    if asked.base_url:
        model = asked.model or LOCAL_MODEL
        own = {"base_url": asked.base_url, "model": model, "api_key": PLACEHOLDER}
        return own | {"compact_pct": COMPACT_PCT}
    return {"model": _hosted(asked)}


def _hosted(asked: Section) -> dict[str, Any]:
    model = asked.model or PROVIDERS["anthropic"].default_model
    return {"provider": "anthropic", "model": model, "credential": asked.name}


def _changes(old: Mapping[str, Any], asked: Section) -> dict[str, Any]:
    """Only what was named, and the role where it is a further one."""
    roles = old.get("roles") or []
    roles = [roles] if isinstance(roles, str) else list(roles)
    found: dict[str, Any] = {} if asked.role in roles else {"roles": [*roles, asked.role]}
    if asked.poll_interval:
        found["poll_interval"] = asked.poll_interval
    if not asked.base_url and not asked.model and not ("model" in old or "models" in old):
        return found | {"model": _hosted(asked)}
    if asked.base_url and not isinstance(old.get("model"), str):
        made = _model(asked)  # it was hosted, and is local from now on
        return found | {k: v for k, v in made.items() if k == "model" or k not in old}
    if asked.base_url:
        found["base_url"] = asked.base_url
    if asked.model:
        hosted = old.get("model")
        whole = {**hosted, "model": asked.model} if isinstance(hosted, dict) else asked.model
        found["model"] = whole
    return found


def _parsed(text: str) -> "TOMLDocument":
    import tomlkit
    from tomlkit.exceptions import ParseError

    try:
        return tomlkit.parse(text)
    except ParseError as error:
        raise ConfigError(f"config.toml is not TOML: {error}", hint="correct the line") from error


def _table(document: "TOMLDocument", name: str) -> Any:
    """The section, made at the end of the file where there is none."""
    import tomlkit.items

    agents = document.get("agents")
    if agents is None:
        agents = tomlkit.table(is_super_table=True)
        document.append("agents", agents)
    if name not in agents:
        inline = isinstance(agents, tomlkit.items.InlineTable)
        agents.append(name, tomlkit.inline_table() if inline else tomlkit.table())
    return document["agents"][name]


def _set(table: Any, key: str, value: Any) -> None:
    """In the spelling that stands there already; of a table only the keys that differ."""
    import tomlkit

    spelled = to_camel(key) if to_camel(key) in table else key
    before = table.get(spelled)
    if isinstance(value, dict) and isinstance(before, dict):
        for inner, entry in value.items():
            if before.get(inner) != entry:
                before[inner] = entry
    elif isinstance(value, dict):
        made = tomlkit.inline_table()
        made.update(value)
        table[spelled] = made
    else:
        table[spelled] = value
