"""One run, from the wish to its end: prepare, dispatch, follow, settle."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from toolkit.core.pace import platform_seconds
from toolkit.core.retry import retrying
from toolkit.core.run import Cause, Run, RunState
from toolkit.core.secrets import Receipt
from toolkit.scheduler.adopt import found
from toolkit.scheduler.settle import settle
from toolkit.wiring import Services

PATIENCE = 60.0  # seconds for which a watcher bears a service that is busy or out of reach
INTERRUPTED = 130
BUSY = (
    75  # as core.errors.BackendBusy: the run waited for its turn at its model's server, and gave up
)
EXIT = {RunState.TIMED_OUT: 124, RunState.STOPPED: INTERRUPTED}


def watch(
    services: Services,
    run: Run,
    *,
    every: float = 0.5,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Run]:
    """The run each time its record has been looked at, the last time in its final state.  Times in seconds.

    Raises what the cloud refuses, and Unreachable or Throttled when that lasts.
    """
    asked = clock()
    while not run.state.final:
        yield run
        sleep(every)
        # the run's own report is looked for at each step
        ask = clock() - asked >= platform_seconds(run.runtime)
        asked = clock() if ask else asked
        look = partial(settle, services, [run], ask_platform=ask)
        (run,) = retrying(look, seconds=PATIENCE, sleep=sleep, clock=clock)
    yield run


def stop(services: Services, run: Run) -> str:
    """Raise the stop flag, and tell the platform; how it will end, in a sentence.  Harmless when it is over."""
    services.ledger.request_stop(run.id)
    if (handle := run.handle or found(services, run)) is None:
        return "it will find the stop flag when it begins"
    return services.runtime(run.runtime).stop(handle)


def exit_code(run: Run) -> int:
    """What `al run` ends with: the agent's code (0 for a rerun request), 124, 130 when the user stopped it or stopped
    watching, 75 when its model's server was busy for too long, or 1 when it never started."""
    if run.state is RunState.SUCCEEDED:
        return 0
    if not run.state.final:
        return INTERRUPTED
    if run.cause is Cause.BACKEND_BUSY:
        return BUSY
    return EXIT.get(run.state) or run.exit_code or 1


def summary(run: Run) -> dict[str, Any]:
    """A run as `--json` shows it."""
    return {
        "agent": str(run.agent),
        "run": str(run.id),
        "runtime": run.runtime,
        "state": run.state.value,
        "exit_code": run.exit_code,
        "seconds": run.seconds,
        "cause": run.cause.value if run.cause else None,
        "reason": run.reason,
        "return_value": run.return_value,
        "usage": dict(run.usage),
        "task_url": run.page,
        "secret": receipt(run.receipt),
    }


def receipt(receipt: Receipt) -> Mapping[str, str | None]:
    return {
        "created": receipt.created,
        "read": receipt.read,
        "deleted": receipt.deleted,
        "verified_absent": receipt.verified_absent,
    }
