"""How `al doctor` shows what it found: findings, the isolation proof, policies.  Decides nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from toolkit.core.errors import UnknownPlugin
from toolkit.ui import Ui

if TYPE_CHECKING:
    from toolkit.ops.doctor.findings import Finding
    from toolkit.ops.doctor.proof import Proof

_LONGEST = 28  # characters of a cell
_MOST = 20  # violations that are listed; --json has all


def findings(found: "Iterable[Finding]", say: Callable[[str], None]) -> None:
    """Each with its remedy."""
    for f in found:
        say(f"{'fixed' if f.fixed else f.weight.value}: {f.about}: {f.message}")
        say(f"  → {f.remedy}")


def policies(documents: Mapping[str, Any], name: str | None, ui: Ui) -> None:
    """One document alone, as `aws iam create-policy` takes it, or all by name.  Raises UnknownPlugin."""
    if name and name not in documents:
        raise UnknownPlugin("operator policy", name, sorted(documents))
    ui.json(documents[name] if name else dict(documents))


def proof(found: "Proof", ui: Ui, *, columns: int | None = None) -> None:
    """The matrix where it is as narrow as the terminal, else a line for each role; then what is wrong, and the verdict."""
    rows = [[_cut(cell) for cell in row.cells()] for row in found.rows]
    if _width([found.headers, *rows]) <= (columns or get_terminal_size((120, 24)).columns):
        ui.table(found.headers, rows)
    else:
        for row in rows:
            ui.line(_summary(found.headers, row))
    ui.line()
    for violation in found.violations[:_MOST]:
        ui.line(f"violation: {violation}")
    if len(found.violations) > _MOST:
        ui.line(f"… and {len(found.violations) - _MOST} more: --json has all")
    for sentence in found.unproven:
        ui.line(f"unproven: {sentence}")
    ui.line(_verdict(found))


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LONGEST else f"{cell[: _LONGEST - 1]}…"


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Of the table that `Ui.table` prints: two spaces between columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return sum(widths) + 2 * (len(widths) - 1)


def _summary(headers: Sequence[str], row: Sequence[str]) -> str:
    """`hello (task): reaches nothing of others`, or what it reaches."""
    named = dict(zip(headers[2:], row[2:], strict=True))
    reached = [f"{kind} of {whose}" for kind, whose in named.items() if whose not in ("no", "?")]
    words = f"reaches {'; '.join(reached)}" if reached else "reaches nothing of others"
    return f"{row[0]} ({row[1]}): {'not known' if '?' in named.values() else words}"


def _verdict(found: "Proof") -> str:
    roles = "1 role" if len(found.rows) == 1 else f"{len(found.rows)} roles"
    judged = f"{roles}, {found.pairs} ordered pairs"
    if found.violations:
        return f"{judged}: {len(found.violations)} violations"
    but = ", as far as is known" if found.unproven else ""
    return f"{judged}: nobody reaches what is another's{but}"
