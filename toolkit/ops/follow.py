"""Following a run to its end: its lines as they come, then what became of it."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from toolkit.core.errors import AlError, Throttled, Unreachable
from toolkit.core.logs import Entry
from toolkit.core.run import Run, RunState
from toolkit.ops import logs
from toolkit.ops import run as runs
from toolkit.ops.logs.view import Lines, View
from toolkit.ops.turn import beating, tell_while_queued
from toolkit.wiring import Services

STOP, LEAVE = "stop the run", "stop watching"


def to_end(
    services: Services,
    run: Run,
    *,
    show: Callable[[str], None],
    note: Callable[[str], None],
    ask: Callable[[str, Sequence[str]], str],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Run:
    """The run in its final state.  Ctrl-C asks whether to stop the run or only to stop watching; then, and when the
    cloud cannot be reached any more, it is returned as it was last seen.  Raises what the cloud refuses."""
    shown = _Shown(show)
    goes_on = f"• {run.id} goes on; `al logs {run.id} -f` follows it"
    try:
        sleep = beating(services, run, sleep=sleep, clock=clock)
        # one iterator for all: an interruption loses no line
        entries = logs.follow_run(services, run.id, sleep=sleep, clock=clock)
        while True:
            try:
                tell_while_queued(services, run, note=note, sleep=sleep)
                shown.all(entries)
                *_, last = runs.watch(
                    services, services.ledger.get(run.id) or run, sleep=sleep, clock=clock
                )
                return last
            except KeyboardInterrupt:
                if ask("Ctrl-C:", (STOP, LEAVE)) == LEAVE:
                    raise
                note(f"• stopping {run.id}: {runs.stop(services, run)}")
    except KeyboardInterrupt:
        note(goes_on)
    except AlError as error:
        note(goes_on)
        if not error.temporary:
            raise
        note(f"• it is out of sight: {error.message}")
        return run
    return _last_seen(services, run)


def _last_seen(services: Services, run: Run) -> Run:
    try:
        return services.ledger.get(run.id) or run
    except (Unreachable, Throttled):
        return run


class _Shown:
    """Every line once and whole, also when showing is interrupted and gone on with."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._lines = Lines(View.CONVERSATION)
        self._waiting: deque[str] = deque()

    def all(self, entries: Iterator[Entry]) -> None:
        """To the last one that came before the end."""
        self._empty()
        for entry in entries:
            self._waiting.extend(self._lines.of(entry))
            self._empty()
        self._waiting.extend(self._lines.rest())
        self._empty()

    def _empty(self) -> None:
        while self._waiting:
            self._show(self._waiting.popleft())


def sentence(run: Run) -> str:
    """What became of it, for a person."""
    if not run.state.final:
        return f"• {run.id} is {run.state.value}"
    took = f" after {run.seconds:.1f} s" if run.seconds is not None else ""
    code = f" (exit code {run.exit_code})" if run.exit_code not in (None, 0) else ""
    why = f": {run.reason}" if run.reason and run.state is not RunState.SUCCEEDED else ""
    state = run.state.value.replace("_", " ")
    return f"• {run.id} {state}{took}{code}{why}{_spent(run)}{_secret(run)}"


def _secret(run: Run) -> str:
    """Nothing of a run that never got one."""
    if run.lease is None and run.receipt.created is None:
        return ""
    gone = run.receipt.verified_absent
    return f"; its secret {'is gone' if gone else 'has not been seen gone yet'}"


def _spent(run: Run) -> str:
    """Of a run with a model: its tokens, and their cost where it is known."""
    if not (tokens := run.usage.get("totalTokens")):
        return ""
    cost = run.usage.get("cost")
    return f"; {tokens} tokens" + ("" if cost is None else f" for {cost:.4f} USD")
