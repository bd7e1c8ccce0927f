"""A run that its launcher hands its one secret on stdin, and whose notes its launcher reads in its log.

For a container of Docker's and for another user of this machine: neither can reach the launcher's ledger or files, and
both have these two pipes.  So a secret is never in a file, a variable or a command line.

The claim (D11) is that stdin still holds the secret: a pipe is read once, and whoever starts the container again finds
it empty.
"""

import json
import os
import select
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from toolkit.core.clock import iso, now
from toolkit.core.errors import CredentialError
from toolkit.core.mailbox_lines import MSG
from toolkit.core.secrets import Secret
from toolkit.inside.lines import ROOM, Log, size, to_stdout

PATIENCE = (
    60.0  # seconds for a launcher to write; somebody who starts the container again never does
)


class Piped:
    """core.ports.Platform."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        pipe: BinaryIO | None = None,
        write: Callable[[bytes], None] = to_stdout,
    ) -> None:
        self._log = Log(environ["AL_RUN_ID"], write=write)
        self._pipe = pipe
        self._value: Secret | None = None  # from the claim until it is read
        self._said: dict[str, Any] = {}
        self._notes = 0

    def claim(self, where: Mapping[str, str]) -> bool:
        line = _taken() if self._pipe is None else self._pipe.readline()
        if not line.endswith(b"\n"):  # nothing, or a launcher that died while it wrote
            return False
        self._value = Secret(line.decode().removesuffix("\n"))
        claimer = f"{socket.gethostname()}/{os.getpid()}"
        self.note(claimed=iso(now()), claimer=claimer, **({"where": dict(where)} if where else {}))
        return True

    def read_secret(self) -> Secret:
        value, self._value = self._value, None
        if value is None:
            raise CredentialError("the run's secret is gone", hint="start the run again")
        return value

    def burn_secret(self) -> None:
        """Nothing: what was in the pipe is gone with its reading."""

    def note(self, **fields: Any) -> None:
        """One line of the log that repeats everything noted before: so the last one in a long log tells all."""
        self._notes += 1
        self._said |= fields
        text = json.dumps(self._said, ensure_ascii=False)
        # a text is cut into lines that log drivers take; anything else is not
        self._log.debug(MSG, box=dict(self._said) if size(text) <= ROOM else text, note=self._notes)

    def stop_requested(self) -> bool:
        """Never: such runs are stopped with a signal."""
        return False


def _taken() -> bytes:
    """The first line of stdin, which nobody can read after us; nothing when nobody is at its other end."""
    ready, _, _ = select.select([0], [], [], PATIENCE)
    line = sys.stdin.buffer.readline() if ready else b""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return line


PLUGIN: Callable[[Mapping[str, str]], Piped] = Piped
