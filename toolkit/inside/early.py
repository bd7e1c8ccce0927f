"""A session's process that loads its libraries while the run is made ready, and waits for what it is to do.

Loading takes a second of a processor, and all that comes before a session is waiting for networks: the secret, hooks, a
clone.  Until it is asked it knows the image's models, and nothing that is secret.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from toolkit.core.errors import ConfigError

from .job import App, Job
from .lines import Log
from .processes import Family
from .records import Reader
from .shell import LIBRARY, visible

# variables by which SDKs would mix their own key or address in, and files of a home that do
_SDKS = ("ANTHROPIC_", "OPENAI_")
_NO_HOME = {"HOME": "/nonexistent"}


class Early:
    """One process.  `records` has what it tells; `child` ends by itself when it is closed without being asked."""

    def __init__(self, job: Job, family: Family, log: Log) -> None:
        """Raises Ended when the run is over already."""
        with ExitStack() as ours, ExitStack() as theirs:
            asked, self._asking = os.pipe()
            theirs.callback(os.close, asked)
            ours.callback(self.close)
            told, telling = os.pipe()
            theirs.callback(os.close, telling)
            self.records = _reader(told, log)
            self.child: subprocess.Popen[bytes] = family.start(
                (sys.executable, "-P", "-m", "toolkit.inside.session", str(asked), str(telling)),
                cwd=Path("/"),
                env=_environment(job.environ),
                keep=(asked, telling),
            )
            theirs.close()  # so that the end of the session is the end of both pipes
            self._say(_models(job.app))
            ours.pop_all()

    def ask(self, request: Mapping[str, Any]) -> None:
        """What it is to do, keys included.  One that has ended already says why in its exit code."""
        self._say(request)
        self.close()

    def close(self) -> None:
        """There is nothing more to say.  Harmless a second time."""
        if self._asking >= 0:
            os.close(self._asking)
            self._asking = -1

    def _say(self, words: Any) -> None:
        data = memoryview(f"{json.dumps(words)}\n".encode())
        with suppress(BrokenPipeError):
            while data:
                data = data[os.write(self._asking, data) :]


@contextmanager
def early(job: Job, family: Family, log: Log) -> Iterator[Early | None]:
    """As long as the block lasts.  None for an agent that runs a script: no library is loaded for it."""
    if job.app.script:
        yield None
        return
    made = Early(job, family, log)
    try:
        yield made
    finally:
        made.close()


def _reader(told: int, log: Log) -> Reader:
    """It closes the pipe when there is no more to read, unless its thread cannot even start."""
    try:
        return Reader(told, log)
    except BaseException:
        os.close(told)
        raise


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The platform's, as far as an agent sees it: the agent's own variables are its tools', and come with the request."""
    # -P, and this: the agent's working directory must not stand in for a module
    seen = visible(environ, LIBRARY, LIBRARY)
    kept = {name: value for name, value in seen.items() if not name.startswith(_SDKS)}
    return {**kept, **_NO_HOME, "PYTHONPATH": str(LIBRARY)}


def _models(app: App) -> list[Any]:
    try:
        return list(app.json("agent-config.json").get("models") or ())
    except ConfigError:  # the run reads it again, and then says so
        return []
