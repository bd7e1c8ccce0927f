"""What an agent tells its run while it works: small files in AL_SIGNAL_DIR, written by the `al-*` commands.

`rerun` asks for another run, `status` is a sentence for whoever watches, `return` is the answer to the caller,
`exit` is the code to end with.  Files, because they work without a network and in any language.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.core.errors import UsageError

MOST_RETURN = 256 * 1024  # bytes: the report is one table item, and DynamoDB's hold 400 KB
MOST_STATUS = 1000  # characters
# bytes of what one agent asks of another: it reaches the other in its run's one secret, which holds 64 KiB with the
# credentials (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html)
MOST_CONTEXT = 32 * 1024


@dataclass(frozen=True, slots=True)
class Signals:
    """The signal files of one run."""

    directory: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Signals":
        """Where this process's run keeps them.  Raises UsageError outside of a run."""
        if not (directory := environ.get("AL_SIGNAL_DIR")):
            raise UsageError(
                "this is not inside a run: AL_SIGNAL_DIR is not set",
                hint="call it from an agent's script, hook or shell",
            )
        return cls(Path(directory))

    def send(self, name: str, text: str = "") -> None:
        """Replaces an earlier signal of that name, whole or not at all."""
        partial = self.directory / f".{name}.{os.getpid()}"
        partial.write_text(text, "utf-8")
        partial.replace(self.directory / name)

    @property
    def rerun(self) -> bool:
        return (self.directory / "rerun").exists()

    @property
    def status(self) -> str | None:
        """More than MOST_STATUS, to be cut when its secrets are taken out: half of one would not be known."""
        text = self._read("status", MOST_STATUS * 4)
        return None if text is None else text.strip()

    @property
    def answer(self) -> str | None:
        """What `al-return` was given; None also when a file of more than MOST_RETURN bytes was put there."""
        text = self._read("return", MOST_RETURN + 1)
        return None if text is None or len(text.encode()) > MOST_RETURN else text

    @property
    def exit_code(self) -> int | None:
        """The code that `al-exit` was given; None when there is none, or it is no exit code."""
        text = (self._read("exit", 16) or "").strip()
        return int(text) if text.isascii() and text.isdigit() and int(text) <= 255 else None

    def _read(self, name: str, most: int) -> str | None:
        try:
            with (self.directory / name).open("rb") as file:
                return file.read(most).decode("utf-8", "replace")
        except OSError:
            return None  # not sent, or not a file: the agent can put anything there
