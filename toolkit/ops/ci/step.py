"""One thing that a person does once so that CI may deploy."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`why` is a sentence; `commands` are to be pasted into a shell, `settings` (name, value) to be made in a console."""

    why: str
    commands: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """`settings` only where there are any."""
        settings = [{"name": name, "value": value} for name, value in self.settings]
        more = {"settings": settings} if settings else {}
        return {"why": self.why, "commands": list(self.commands), **more}
