"""`al-scan [FILE ...]`, or a text on stdin: is there a secret in it?  `al-scan --staged` looks at what git is to commit.

For whatever leaves the run: a commit, an issue, a comment.  It says which rule and where, and never a character of what
it has found.  0: nothing was found; 1: something was; 9: it could not look.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.core.errors import UsageError
from toolkit.inside.redact import Redactor
from toolkit.inside.token_shapes import tokens

from ._frame import guarded, show
from ._masking import values

FOUND = 1
STAGED = "--staged"
TOKEN = "a token or private key"  # noqa: S105 - a rule's name
_DIFF = ("git", "diff", "--cached", "--unified=0", "--no-color", "--no-ext-diff", "--diff-filter=d")
_HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")


@dataclass(slots=True)
class Text:
    """`numbers` are those of its lines, where they are not 1, 2, 3."""

    name: str
    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def place(self, offset: int) -> Mapping[str, object]:
        before = "\n".join(self.lines)[:offset]
        line, column = before.count("\n"), offset - (before.rfind("\n") + 1)
        number = self.numbers[line] if self.numbers else line + 1
        return {"file": self.name, "line": number, "column": column + 1}


def scan(arguments: Sequence[str]) -> int:
    """The exit code.  Raises UsageError, and OSError for a file that cannot be read."""
    texts = list(_staged()) if list(arguments) == [STAGED] else list(_given(arguments))
    rules = {name: Redactor([value], shapes=False) for name, value in values(os.environ)}
    found = [
        {**text.place(offset), "rule": rule} for text in texts for offset, rule in _in(text, rules)
    ]
    return show({"ok": False, "found": found}, FOUND) if found else show({"ok": True})


def _in(text: Text, rules: Mapping[str, Redactor]) -> Iterator[tuple[int, str]]:
    whole = "\n".join(text.lines)
    places = {start: TOKEN for start, _ in tokens(whole)}
    for name, redactor in rules.items():
        places |= {start: name for start, _ in redactor.spans(whole)}
    yield from sorted(places.items())


def _given(files: Sequence[str]) -> Iterator[Text]:
    if not files:
        yield Text("-", sys.stdin.buffer.read().decode("utf-8", "replace").split("\n"))
    for name in files:
        yield Text(name, Path(name).read_text("utf-8", "replace").split("\n"))


def _staged() -> Iterator[Text]:
    """The lines that a commit adds."""
    done = subprocess.run(_DIFF, capture_output=True, check=False)
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip()
        raise UsageError(f"git diff has failed: {why}", hint="call it inside of a repository")
    yield from added(done.stdout.decode("utf-8", "replace"))


def added(diff: str) -> Iterator[Text]:
    """Each file of a diff without context, with its new lines and their numbers."""
    text, number, left = Text(""), 0, 0
    for line in diff.split("\n"):
        if left and line.startswith("+"):
            text.lines.append(line[1:])
            text.numbers.append(number)
            number, left = number + 1, left - 1
        elif hunk := _HUNK.match(line):
            number, left = int(hunk[1]), int(hunk[2] or 1)
        elif line.startswith("+++ "):
            yield text
            text = Text(line.removeprefix("+++ ").removeprefix("b/"))
    yield text


def main(arguments: Sequence[str]) -> int:
    return guarded(lambda: scan(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
