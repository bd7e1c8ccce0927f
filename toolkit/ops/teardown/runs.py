"""Asking the runs that go on to end, before what they run with is taken away.

A task is stopped from outside, with its item.  Nothing can end a Lambda invocation but the run itself, which looks at
its stop flag every few seconds (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html).
"""

import time
from collections.abc import Callable, Sequence

from toolkit.core.ports import Ledger
from toolkit.core.run import Run

MOST = 10_000
PATIENCE = (
    30.0  # seconds; a run looks at its flag every few, and gives its children some more to end
)
LOOK = 1.0
ON_LAMBDA = "aws_lambda"


def ask_to_stop(
    ledger: Ledger,
    agent: str | None,
    progress: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Raise the stop flag of every run that is not over, and give those on Lambda some time to see it."""
    runs = ledger.runs(agent=agent, active=True, limit=MOST)
    for run in runs:
        ledger.request_stop(run.id)
    if runs:
        progress(f"asked {len(runs)} {'runs' if len(runs) > 1 else 'run'} to stop")
    deadline = clock() + PATIENCE
    while (working := _working(ledger, runs)) and clock() < deadline:
        sleep(LOOK)
    for run in working:
        progress(f"{run.id} has not ended yet; it is cut off, or goes on until its own timeout")


def _working(ledger: Ledger, runs: Sequence[Run]) -> list[Run]:
    """Those on Lambda that have begun, and have not said that they are over."""
    boxes = [(run, ledger.mailbox(run.id)) for run in runs if run.runtime == ON_LAMBDA]
    return [run for run, box in boxes if box.claimed and box.report is None]
