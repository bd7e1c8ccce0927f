"""What `al doctor` finds: each thing with its weight and its remedy, and the exit code that all of them come to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from toolkit.config.problems import Problem
from toolkit.core.errors import AlError
from toolkit.scheduler.sweeper import Leftover


class Weight(StrEnum):
    """`note`: what is worth knowing and counts for nothing, such as what this identity may not look at."""

    ERROR = "error"
    WARNING = "warning"
    LEFTOVER = "leftover"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or that was set right (`fixed`).  `leftover` is what a sweep would delete."""

    weight: Weight
    about: str
    message: str
    remedy: str
    fixed: bool = False
    leftover: Leftover | None = None

    def to_dict(self) -> dict[str, Any]:
        """What `al doctor --json` prints of it."""
        return {
            "weight": self.weight.value,
            "about": self.about,
            "message": self.message,
            "remedy": self.remedy,
            "fixed": self.fixed,
        }


def warning(about: str, message: str, remedy: str) -> Finding:
    return Finding(weight=Weight.WARNING, about=about, message=message, remedy=remedy)


def failing(about: str, message: str, remedy: str) -> Finding:
    return Finding(weight=Weight.ERROR, about=about, message=message, remedy=remedy)


def note(about: str, message: str, remedy: str) -> Finding:
    return Finding(weight=Weight.NOTE, about=about, message=message, remedy=remedy)


def refused(about: str, error: AlError) -> Finding:
    """An error, as the finding that it is."""
    return Finding(weight=Weight.ERROR, about=about, message=error.message, remedy=error.hint)


def of_problem(problem: Problem) -> Finding:
    return Finding(
        weight=Weight.WARNING if problem.warning else Weight.ERROR,
        about=problem.file,
        message=": ".join(part for part in (problem.key, problem.message) if part),
        remedy=problem.remedy,
    )


def section(about: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, and where looking for them fails, what was found until then and the failure."""
    try:
        yield from findings
    except AlError as error:
        yield refused(about, error)


def exit_code(findings: Sequence[Finding], *, strict: bool, drift: bool = False) -> int:
    """0 clean or warnings only, 1 any error (warnings too when strict), 3 drift or leftovers that are still there."""
    still = [f for f in findings if not f.fixed]
    if any(f.weight is Weight.ERROR or (strict and f.weight is Weight.WARNING) for f in still):
        return 1
    return 3 if drift or any(f.weight is Weight.LEFTOVER for f in still) else 0


def counted(findings: Sequence[Finding], *, drift: int = 0) -> str:
    """`3 findings: 1 error, 2 warnings; 1 identity differs: -y repairs it`, for people."""
    if drift:
        differ = "1 identity differs" if drift == 1 else f"{drift} identities differ"
        remedy = f"{differ}: `al doctor -c -y` repairs {'it' if drift == 1 else 'them'}"
        return f"{counted(findings)}; {remedy}" if findings else remedy
    if not findings:
        return "nothing is wrong"
    counts = [(sum(f.weight is weight for f in findings), weight.value) for weight in Weight]
    kinds = ", ".join(_number(count, word) for count, word in counts if count)
    return f"{_number(len(findings), 'finding')}: {kinds}"


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
