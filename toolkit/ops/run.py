"""One run, from the wish to its end: prepare, dispatch, follow, settle."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolkit.core.clock import from_iso, now
from toolkit.core.run import Run, RunId, RunState
from toolkit.core.secrets import Receipt
from toolkit.scheduler.settle import settle
from toolkit.wiring import Services

PLATFORM_EVERY = (
    5.0  # seconds between looks at the platform; the run's own report is looked for at each step
)
INTERRUPTED = 130
EXIT = {RunState.TIMED_OUT: 124, RunState.STOPPED: INTERRUPTED}


def watch(
    services: Services,
    run: Run,
    *,
    every: float = 0.5,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Run]:
    """The run each time its record has been looked at, the last time in its final state.  Times in seconds."""
    asked = clock()
    while not run.state.final:
        yield run
        sleep(every)
        ask = clock() - asked >= PLATFORM_EVERY
        asked = clock() if ask else asked
        (run,) = settle(services, [run], ask_platform=ask)
    yield run


def stop(services: Services, run: Run) -> str:
    """Raise the stop flag, and tell the platform; how it will end, in a sentence.  Harmless when it is over."""
    services.ledger.request_stop(run.id)
    if run.handle is None:
        return "it had not been launched"
    return services.runtime(run.runtime).stop(run.handle)


def find(services: Services, run: RunId) -> Run | None:
    """The run's record, settled."""
    if (record := services.ledger.get(run)) is None:
        return None
    return settle(services, [record])[0] if not record.receipt.verified_absent else record


def exit_code(run: Run) -> int:
    """What `al run` ends with: the agent's code (0 for a rerun request), 124, 130 when the user stopped it or stopped
    watching, or 1 when it never started."""
    if run.state is RunState.SUCCEEDED:
        return 0
    if not run.state.final:
        return INTERRUPTED
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
        "secret": receipt(run.receipt),
    }


def receipt(receipt: Receipt) -> Mapping[str, str | None]:
    return {
        "created": receipt.created,
        "read": receipt.read,
        "deleted": receipt.deleted,
        "verified_absent": receipt.verified_absent,
    }


def age(run: Run) -> float:
    """Seconds since the run was created."""
    return (now() - from_iso(run.created)).total_seconds()
