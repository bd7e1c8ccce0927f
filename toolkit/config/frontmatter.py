"""SKILL.md: YAML front matter between `---` lines, and the instructions below it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .problems import Findings, nearest

# both know plain data only; libyaml's takes a tenth of the time, which a thousand agents feel
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ALLOWED = ("name", "description", "license", "compatibility")
_RUNTIME_KEYS = (
    "models", "credentials", "schedule", "webhooks", "hooks", "params", "scale", "timeout",
    "metadata",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """What SKILL.md says: the portable facts, and the text for the model."""

    name: str = ""
    description: str = ""
    body: str = ""


def parse_skill(text: str, *, file: str, findings: Findings) -> Skill:
    """A file without front matter is all instructions; a broken one becomes a finding with its line."""
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].strip() != "---":
        return Skill(body=text.strip())
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        findings.error(file, "line 1", "front matter has no end", "close it with a line '---'")
        return Skill()
    facts = _facts("".join(lines[1:end]), file, findings)
    return Skill(
        name=facts.get("name", ""),
        description=facts.get("description", ""),
        body="".join(lines[end + 1 :]).strip(),
    )


def _facts(text: str, file: str, findings: Findings) -> dict[str, str]:
    """The allowed keys with their text; the rest become findings."""
    document = _yaml(text, file, findings)
    for key in (key for key in document if key not in ALLOWED):
        remedy = nearest(str(key), ALLOWED)
        if key in _RUNTIME_KEYS:
            remedy = "move it to config.toml beside SKILL.md"
        findings.error(file, str(key), "unknown key in the front matter", remedy)
    for key in ALLOWED:
        if key in document and not isinstance(document[key], str):
            findings.error(file, key, "must be text", "put it in quotes")
    return {key: value for key, value in document.items() if isinstance(value, str)}


def _yaml(text: str, file: str, findings: Findings) -> Mapping[Any, Any]:
    try:
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - both are safe ones
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 2  # counted from 0, after the opening line
        reason = getattr(error, "problem", None) or "not readable"
        findings.error(file, f"line {line}", f"front matter is not YAML: {reason}", "correct it")
        return {}
    if document is None or isinstance(document, Mapping):
        return document or {}
    findings.error(
        file, "line 2", "front matter is not a table", "write lines like 'description: ...'"
    )
    return {}
