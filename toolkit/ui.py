"""Everything that is printed.  stdout is the answer, stderr is the conversation."""

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, TextIO

from toolkit.core.errors import UsageError
from toolkit.core.plan import Action, Change, Plan

MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-"}
COLOURS = {Action.CREATE: "green", Action.UPDATE: "yellow", Action.DELETE: "red"}


class Ui:
    """One terminal, or none: colours and spinners only where a person looks."""

    def __init__(self, *, headless: bool = False, yes: bool = False) -> None:
        self.headless = headless
        self.yes = yes
        self._status: Any = None

    @property
    def lively(self) -> bool:
        """Whether stderr is a terminal that somebody watches."""
        watched = sys.stderr is not None and sys.stderr.isatty()
        return not self.headless and watched and "NO_COLOR" not in os.environ

    @property
    def attended(self) -> bool:
        """Whether somebody is there who can be asked."""
        return not self.headless and sys.stdin is not None and sys.stdin.isatty()

    # ------------------------------------------------------------------ answers, on stdout

    def line(self, text: str = "") -> None:
        """Raises OSError when stdout is closed or full: an answer that nobody gets is a failure."""
        if sys.stdout is None:  # closed before `al` began
            raise OSError(errno.EBADF, "cannot be written to: it is closed", "stdout")
        try:
            print(text, flush=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, "stdout") from error

    def json(self, answer: Any, *, indent: int | None = 2) -> None:
        self.line(json.dumps(answer, indent=indent, ensure_ascii=False))

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Columns as wide as their content."""
        cells = [
            [str(h) for h in headers],
            *[["" if c is None else str(c) for c in row] for row in rows],
        ]
        widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
        for row in cells:
            self.line("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())

    # ------------------------------------------------------------- the conversation, on stderr

    def note(self, text: str) -> None:
        self._stderr(text)

    def warn(self, text: str) -> None:
        self._stderr(f"warning: {text}", "yellow")

    def error(self, message: str, hint: str) -> None:
        self._stderr(f"error: {message}", "bold red")
        for line in hint.splitlines():
            self._stderr(f"  → {line}")

    def plan(
        self,
        plan: Plan,
        *,
        empty: str = "nothing to change",
        details: Callable[[Change], Sequence[str]] | None = None,
    ) -> None:
        """Each change with its mark and reason, what `details` says of it, and a last line that counts them."""
        for change in plan.changes:
            reason = f"  ({change.reason})" if change.reason else ""
            self._stderr(
                f"  {MARKS[change.action]} {change.item.kind} {change.item.name}{reason}",
                COLOURS[change.action],
            )
            for line in details(change) if details else ():
                self._stderr(f"      {line}")
        counts = [(a, sum(c.action is a for c in plan.changes)) for a in Action]
        self._stderr("  " + (", ".join(f"{n} to {a.value}" for a, n in counts if n) or empty))

    def agrees(self, question: str, *, headless_consents: bool) -> bool:
        """Whether the user agrees: -y does, headless does where the verb says so, otherwise they are asked.

        Raises UsageError where nobody can be asked.
        """
        if self.yes or (self.headless and headless_consents):
            return True
        if not self.attended:
            raise UsageError(
                "this needs your agreement, and nobody can be asked",
                hint="add -y to agree beforehand",
            )
        self._stderr(f"{question} [y/N] ", end="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def choose(self, question: str, choices: Sequence[str]) -> str:
        """One of `choices`, by number or by its beginning; the last where nobody can be asked, or for an empty line."""
        if not self.attended:
            return choices[-1]
        offered = ", ".join(f"{n} {choice}" for n, choice in enumerate(choices, 1))
        while True:
            self._stderr(f"{question} {offered} [{len(choices)}] ", end="")
            answer = sys.stdin.readline().strip().lower()
            meant = [
                c
                for n, c in enumerate(choices, 1)
                if answer == str(n) or (answer and c.startswith(answer))
            ]
            if not answer or len(meant) == 1:
                return meant[0] if meant else choices[-1]

    @contextmanager
    def steps(self) -> Iterator[Callable[[str], None]]:
        """Progress of long work: a spinner with the present step for a person, plain lines otherwise."""
        if not self.lively:
            yield lambda text: self._stderr(f"• {text}")
            return
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        with console.status("starting") as status:

            def step(text: str) -> None:
                console.print(f"[dim]•[/dim] {_escaped(text)}")
                status.update(_escaped(text))

            yield step

    @contextmanager
    def live(
        self,
    ) -> Iterator[Callable[[Sequence[str], Sequence[Sequence[str]], Sequence[str]], None]]:
        """A table that stays in its place: what this gives is called with the lines above, the rows with their headers
        first, and the lines below, again and again.  Only where `lively`."""
        from rich.console import Console, Group
        from rich.live import Live
        from rich.table import Table
        from rich.text import Text

        console = Console(stderr=True, highlight=False)
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as shown:

            def show(
                head: Sequence[str], rows: Sequence[Sequence[str]], foot: Sequence[str]
            ) -> None:
                grid = Table(*rows[0], box=None, pad_edge=False, header_style="dim")
                for row in rows[1:]:
                    grid.add_row(*map(Text, row))
                above = [Text(line, style="bold") for line in head[:1]]
                others = [Text(line) for line in head[1:]]
                below = [
                    Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in foot
                ]
                shown.update(Group(*above, *others, Text(), grid, Text(), *below), refresh=True)

            yield show

    @property
    def height(self) -> int:
        """Lines of the terminal."""
        return shutil.get_terminal_size().lines

    def _stderr(self, text: str, style: str | None = None, end: str = "\n") -> None:
        """A closed or full stderr loses the conversation; the work and its answer go on."""
        with suppress(OSError, ValueError):
            if style and self.lively:
                from rich.console import Console

                Console(stderr=True, highlight=False, soft_wrap=True).print(
                    _escaped(text), style=style, end=end
                )
            elif sys.stderr is not None:
                _write(sys.stderr, text + end)


_one_at_a_time = Lock()


def _write(stream: TextIO, text: str) -> None:
    """In one piece: `print` writes a line and its end apart, and those of two threads would mix."""
    with _one_at_a_time:
        stream.write(text)
        stream.flush()


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
