"""One look at an account: what it may not do is a note that names the missing permission, never a failure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from toolkit.core.errors import AccessDenied, AlError
from toolkit.ops.doctor.findings import Finding, note, refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the account: its subject, the actions that it needs, and how it is done."""

    about: str
    actions: tuple[str, ...]
    look: Callable[[], Iterable[Finding]]

    def findings(self) -> list[Finding]:
        """What it found, and that it may not be done, or why it failed."""
        found: list[Finding] = []
        try:
            for finding in self.look():
                found.append(finding)  # noqa: PERF402 - what was found before a failure counts
        except AccessDenied as error:
            remedy = f"allow {', '.join(self.actions)} if this should be examined too"
            found.append(note(self.about, f"not looked at: {error.message}", remedy))
        except AlError as error:
            found.append(refused(self.about, error))
        return found
