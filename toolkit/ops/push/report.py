"""What became of a push or a rollback: what was done, what was not, and why, for people and for `--json`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.core.errors import AlError
from toolkit.core.plan import Change, Plan
from toolkit.ops.push.plan import change_to_dict

Key = tuple[str, str]  # kind and name of an item
NAMED = 3  # of what is told in one line, so many are named


@dataclass(slots=True)
class Report:
    """Filled in as the work goes on, so that it is true whenever that ends."""

    environment: str = ""
    project: str = ""
    seconds: float = 0.0
    gateway_url: str | None = None
    infrastructure: bool = False
    images: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    credentials: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    finished: set[Key] = field(default_factory=set)

    @property
    def changes(self) -> int:
        return len(self.done)

    @property
    def done(self) -> list[Change]:
        return [change for change in self.plan.changes if change.item.key in self.finished]

    @property
    def not_done(self) -> list[Change]:
        return [change for change in self.plan.changes if change.item.key not in self.finished]

    def mark(self, kind: str, *names: str) -> None:
        """These items of the plan are as they should be."""
        self.finished.update((kind, name) for name in names)

    def mark_all(self, kind: str) -> None:
        self.mark(kind, *(c.item.name for c in self.plan.changes if c.item.kind == kind))

    def told(self) -> tuple[str, str]:
        """What was and what was not done, a line each."""
        return f"done: {_words(self.done)}", f"not done: {_words(self.not_done)}"

    def to_dict(self, error: BaseException | None = None) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {
            **plain,
            "done": [change_to_dict(change) for change in self.done],
            "not_done": [change_to_dict(change) for change in self.not_done],
            "error": error_to_dict(error) if error else None,
        }


_PLAIN = (
    *("environment", "project", "changes", "seconds", "gateway_url", "infrastructure"),
    *("images", "definitions", "credentials", "pruned"),
)


def error_to_dict(error: BaseException) -> dict[str, str]:
    """As on stderr.  What is unexpected is named by its type: its text was not written for a reader."""
    if isinstance(error, AlError):
        return {"message": error.message, "hint": error.hint}
    if isinstance(error, KeyboardInterrupt):
        return {"message": "interrupted", "hint": "push again: it does what is still to do"}
    message = f"unexpected {type(error).__name__}"
    return {"message": message, "hint": "push again with `al --debug` to see where"}


def _words(changes: Sequence[Change]) -> str:
    return "; ".join(_grouped(changes)) or "nothing"


def _grouped(changes: Sequence[Change]) -> Iterator[str]:
    for kind in dict.fromkeys(change.item.kind for change in changes):
        names = [change.item.name for change in changes if change.item.kind == kind]
        yield f"{kind} {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
