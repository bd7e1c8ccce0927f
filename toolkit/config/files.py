"""Reading the user's files.  A file that cannot be read becomes a finding with file and line, not a traceback."""

import math
import re
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any

from .origin import Path as KeyPath
from .origin import dotted
from .problems import Findings


def read_text(path: Path, *, name: str, findings: Findings) -> str:
    """The text of a UTF-8 file, or "" and a finding."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        findings.unread(name, f"line {line}", "is not UTF-8 text", "save the file as UTF-8")
    except OSError as error:
        findings.unread(
            name, "", f"cannot be read ({error.strerror})", "check the file and its permissions"
        )
    return ""


def parse_toml(text: str, *, name: str, findings: Findings) -> dict[str, Any]:
    """The document as plain JSON values, or an empty one and a finding with the line."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = re.search(r"\(at line (\d+)", str(error))
        line = where[1] if where else str(text.count("\n") + 1)
        reason = re.sub(r" \(at .*\)$", "", str(error))
        findings.unread(name, f"line {line}", f"is not TOML: {reason}", "correct the line")
        return {}
    plain: dict[str, Any] = _plain(document, (), name, findings)
    return plain


def read_toml(path: Path, *, name: str, findings: Findings) -> dict[str, Any]:
    """The document at `path`; a missing file is an empty document."""
    if not path.exists():
        return {}
    return parse_toml(read_text(path, name=name, findings=findings), name=name, findings=findings)


def _plain(value: Any, path: KeyPath, name: str, findings: Findings) -> Any:
    """Dates become ISO text, because settings and params travel as JSON."""
    if isinstance(value, dict):
        return {key: _plain(inner, (*path, key), name, findings) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, (*path, at), name, findings) for at, inner in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        findings.error(name, dotted(path), "is not a finite number", "write a finite number")
    return value.isoformat() if isinstance(value, date | time) else value
