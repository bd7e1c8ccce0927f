"""Keys that older projects use under another name: still read, with a warning that names the new one."""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_snake

from .origin import Path, dotted
from .problems import Findings

MOVED: Mapping[Path, str] = {
    ("maxTriggerDepth",): "maxCallDepth",
    ("webhookQueueSize",): "workQueueSize",
    ("gateway", "lockTimeout"): "resourceLockTimeout",
}


def modernise(values: Mapping[str, Any], *, file: str, findings: Findings) -> dict[str, Any]:
    """`values` with old keys under their new names; a new name that is there already wins."""
    result = {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    for old, new in MOVED.items():
        for path in (old, tuple(to_snake(str(part)) for part in old)):
            if (value := _taken(result, path)) is None:
                continue
            findings.warn(file, dotted(path), "is an old name", f"write {new!r}")
            if not {new, to_snake(new)} & result.keys():
                result[new] = value
    return result


def _taken(values: dict[str, Any], path: Path) -> Any:
    """Remove and return what is at `path`; None when nothing is."""
    table: Any = values
    for part in path[:-1]:
        table = table.get(part)
    return table.pop(path[-1], None) if isinstance(table, dict) else None
