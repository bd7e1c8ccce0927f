"""What an agent of a role is told: the project's own formula, a file that was named, or one of ours.

A formula is the text of a SKILL.md, or a TOML table with `description` and `[[steps]]` that one is made of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.config.files import parse_toml, read_text
from toolkit.config.problems import Findings
from toolkit.core.errors import NotFound, UsageError

OURS = Path(__file__).parent / "formulas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """`text` is a SKILL.md; `origin` is where it is from."""

    text: str
    origin: str


def find(directory: Path, role: str, given: Path | None) -> Formula:
    """The formula of the role, or the one in the file `given`.  Raises NotFound and UsageError."""
    if given is not None:
        return _read(given, str(given))
    for name in _names(role):
        if (directory / name).is_file():
            return _read(directory / name, name)
    if (ours := OURS / f"{role}.md").is_file():
        return _read(ours, f"the formula {role} that comes with al")
    known = ", ".join(sorted(path.stem for path in OURS.glob("*.md")))
    raise NotFound(
        f"there is no formula for the role {role!r}: none of {', '.join(_names(role))} is there",
        hint=f"write one, name another with --formula, or take a role that comes with al: {known}",
    )


def _names(role: str) -> tuple[str, ...]:
    return f"formulas/{role}.md", f"formulas/{role}.toml", f"formulas/run-{role}.toml"


def _read(path: Path, origin: str) -> Formula:
    if not path.is_file():
        raise NotFound(f"there is no file {origin}", hint="check --formula")
    findings = Findings()
    text = read_text(path, name=origin, findings=findings)
    if path.suffix == ".toml":
        text = "\n".join(_skill(parse_toml(text, name=origin, findings=findings)))
    findings.raise_errors()
    if not text.strip():
        raise UsageError(f"{origin} says nothing", hint="write what the agent is to do")
    return Formula(text=text.rstrip() + "\n", origin=origin)


def _skill(table: Mapping[str, Any]) -> Iterator[str]:
    """Headings and texts of a formula that is a table."""
    if text := str(table.get("description", "")).strip():
        yield text
    steps = table.get("steps", ())
    for number, step in enumerate(steps if isinstance(steps, list) else (), 1):
        title = step.get("title") or step.get("id") or f"Step {number}"
        yield from ("", f"## {number}. {title}", "", str(step.get("description", "")).strip())
