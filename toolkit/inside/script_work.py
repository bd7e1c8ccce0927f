"""Work without a model: the agent's `test-script.sh`, whose own status is the run's."""

import os
from pathlib import Path

from . import setenv
from .lines import Log
from .outcome import OK, RERUN, Outcome
from .shell import Shell
from .signals import Signals


def work(script: Path, shell: Shell, signals: Signals, log: Log) -> Outcome:
    """Runs the run's own copy of it, beside copies of the agent's other files, with PROMPT and the agent's variables.

    `al-rerun` turns a success into a request for another run.
    """
    log.info("script mode: running test-script.sh instead of LLM")
    command = _command(script, shell.cwd / script.name)
    code = shell.run(setenv.started_with(command, shell.env))
    if code == OK and signals.rerun:
        code = RERUN
    if code == RERUN:
        log.info("signal-result", type="rerun")
    return Outcome.of_code(code, "the script").with_(return_value=signals.answer)


def _command(script: Path, copy: Path) -> tuple[str, ...]:
    with script.open("rb") as file:
        own = file.read(2) == b"#!" and os.access(script, os.X_OK)
    return (str(copy),) if own else ("/bin/sh", str(copy))
