"""The project's name: part of every name in the cloud, so it is short, lower-case, and the same on every machine."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .origin import Merged
from .problems import Findings

LIMIT = 40
_RULE = "use 1-40 lower-case letters, digits and single inner hyphens"


def slug(text: str) -> str:
    """The nearest usable name, or "" when nothing of `text` is."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def project_name(merged: Merged, directory: Path, findings: Findings) -> str:
    """`name` of config.toml, else `projectName`, else the directory's; the last two are made usable."""
    given: Mapping[str, Any] = merged.values
    key = next((key for key in ("name", "projectName") if isinstance(given.get(key), str)), None)
    text = str(given[key]) if key else directory.name
    usable = slug(text)
    if key == "name" and usable != text:
        remedy = f"write {usable[:LIMIT]!r}" if usable else _RULE
        findings.error(merged.origin_of(key), key, f"{text!r} is not a project name", remedy)
    elif not usable or len(usable) > LIMIT:
        words = f"{text!r} cannot be a project name"
        findings.error("config.toml", "name", words, f"set name = ... there: {_RULE}")
    return usable[:LIMIT]
