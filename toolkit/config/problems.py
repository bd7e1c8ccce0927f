"""What is wrong with the user's files: each problem with its file, its key and its remedy, all reported at once.

Knows nothing of what a file means; the rest of the room finds the problems, this file keeps and words them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from toolkit.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to fix.  `key` is empty when the whole file is meant, `line` 0 where it is not known; a warning does not
    stop anything.  `unread`: nothing of the file is known."""

    file: str
    key: str
    message: str
    remedy: str
    warning: bool = False
    line: int = 0
    unread: bool = False

    @property
    def what(self) -> str:
        """`<file>: <key path>: <what>`, or `<file>:<line>: ...`, without the remedy."""
        file = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (file, self.key, self.message) if part)

    def __str__(self) -> str:
        return f"{self.what} → {self.remedy}"


class ConfigErrors(ConfigError):
    """Everything that was found wrong, one line each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            super().__init__(self.problems[0].what, hint=self.problems[0].remedy)
            return
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            f"{len(self.problems)} problems in the configuration:\n{lines}",
            hint="correct these and run the command again",
        )


class Findings:
    """Collects problems while the files are read, so that the user learns of all of them in one go."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}  # a dict, to keep the order and to drop repetitions

    def error(self, file: str, key: str, message: str, remedy: str) -> None:
        self._found[Problem(file=file, key=key, message=message, remedy=remedy)] = None

    def unread(self, file: str, key: str, message: str, remedy: str) -> None:
        """An error that leaves nothing of the file known: what else is said of that file only follows from it, and is
        not told."""
        found = Problem(file=file, key=key, message=message, remedy=remedy, unread=True)
        self._found[found] = None

    def warn(self, file: str, key: str, message: str, remedy: str) -> None:
        problem = Problem(file=file, key=key, message=message, remedy=remedy, warning=True)
        self._found[problem] = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self._told() if not problem.warning)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(str(problem) for problem in self._told() if problem.warning)

    def _told(self) -> Iterator[Problem]:
        unread = {problem.file for problem in self._found if problem.unread}
        return (one for one in self._found if one.unread or one.file not in unread)

    def locate(self, line_of: Callable[[Problem], int | None]) -> None:
        """Say on which lines the errors are; `line_of` answers None where it does not know."""
        self._found = {
            one if one.warning else replace(one, line=line_of(one) or 0): None
            for one in self._found
        }

    def forgive(self, wanted: Callable[[Problem], bool]) -> None:
        """Make warnings of the errors that are `wanted`."""
        self._found = {
            replace(one, warning=one.warning or wanted(one)): None for one in self._found
        }

    def raise_errors(self) -> None:
        """Raises ConfigErrors when there is an error; warnings alone raise nothing."""
        if self.errors:
            raise ConfigErrors(self.errors)

    def raise_unread(self) -> None:
        """Raises ConfigErrors with all errors so far when there is a file of which nothing is known."""
        if any(problem.unread for problem in self._found):
            self.raise_errors()


def nearest(name: str, known: Iterable[str], *, otherwise: str = "use one of: {known}") -> str:
    """`did you mean 'x'?`, or the alternatives when nothing is close."""
    choices = sorted(set(known))
    close = get_close_matches(name, choices, n=1)
    return f"did you mean {close[0]!r}?" if close else otherwise.format(known=", ".join(choices))
