"""The scheduler that `al up` leaves running: `al start` for hired agents alone, apart from the terminal.

It gets none of the variables that choose models: a hired agent works with what its files and credentials say, whoever's
shell began it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from toolkit.core.errors import AlError
from toolkit.llm.providers import PROVIDERS
from toolkit.ops import control, output, running
from toolkit.wiring import Services

PATIENCE = 60.0  # seconds until it answers; preparing agents comes after that
ENDING = 5.0  # seconds for one that is ended because it does not
LAST_LINES = 5  # of its log, when it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """`url` is its gateway's; `began` whether this call has started it; `log` is empty for one that a person runs."""

    url: str
    began: bool
    log: str = ""


def ensure(
    services: Services, *, keep_going: bool, sleep: Callable[[float], None] = time.sleep
) -> Background:
    """The scheduler of this project and environment: the one that runs, or a new one.

    Raises AlError when it ends at once, or does not answer; what ends the wait ends it, too."""
    if known := running.found(services):
        return Background(url=known.url, began=False)
    log = output.place(services)
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    process = _begun(services, log, keep_going=keep_going)
    try:
        found = _answering(services, process, log, sleep)
    except BaseException:
        _given_up(process)  # nobody would know that `al up` has begun it
        raise
    if found.pid != process.pid:
        return Background(url=found.url, began=False)
    _pid_file(services).write_text(str(process.pid), encoding="utf-8")
    return Background(url=found.url, began=True, log=str(log))


def end(services: Services) -> bool:
    """End it if `al up` has started it; whether it has."""
    place, known = _pid_file(services), running.found(services)
    if known is None or not place.is_file() or place.read_text("utf-8") != str(known.pid):
        return False
    control.stop(services)
    place.unlink(missing_ok=True)
    return True


def _begun(services: Services, log: Path, *, keep_going: bool) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "toolkit.cli", "start", "--hired", "-H", "--port", "0"]
    command += ["-E", services.environment.name, "-p", str(services.context.project)]
    command += ["--keep-going"] if keep_going else []
    with open(output.opened(log), "ab") as out:  # noqa: PTH123 - a descriptor
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=without_models(os.environ),
            start_new_session=True,
        )


def _answering(
    services: Services,
    process: "subprocess.Popen[bytes]",
    log: Path,
    sleep: Callable[[float], None],
) -> running.Running:
    """This one, or the one that was quicker: two may be begun at once."""
    deadline = time.monotonic() + PATIENCE
    while True:
        code, found = process.poll(), running.found(services)
        if found and (found.pid == process.pid or code is not None):
            return found
        if code is not None or time.monotonic() > deadline:
            raise _failed(log, code)
        sleep(0.05)


def _given_up(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):  # it ends its runs, which may take longer
        process.wait(ENDING)


def without_models(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables but those that choose a model, or are the key of one."""
    keys = {name for provider in PROVIDERS.values() for name in provider.key_variables}
    return {
        name: value
        for name, value in variables.items()
        if name not in keys and not name.startswith(("AL_LLM_", "LLM_"))
    }


def _pid_file(services: Services) -> Path:
    return services.context.project / ".al" / f"up-{services.environment.name}.pid"


def _failed(log: Path, code: int | None) -> AlError:
    lines = output.last_lines(log, LAST_LINES)
    how = f"ended with {code}" if code is not None else "does not answer"
    return AlError(
        "\n  ".join((f"the scheduler {how}; its log ends with:", *lines)), hint=f"see {log}"
    )
