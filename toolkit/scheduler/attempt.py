"""One attempt to start a run, and what is done when it fails: nothing of it stays, and its record tells the truth.

A launch whose answer was lost may have started the run all the same.  Then its record stays open, the run is asked
to stop, and `settle` learns how it ended: a final state never changes, so none is guessed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from toolkit.core.clock import iso, now
from toolkit.core.errors import AlError, NotFound, Unreachable
from toolkit.core.ports import Store
from toolkit.core.retry import retrying
from toolkit.core.run import Run, RunHandle, RunSpec, RunState
from toolkit.core.secrets import Receipt, SecretLease
from toolkit.credentials.lease import close_lease
from toolkit.wiring import Services

from . import turns
from .adopt import found
from .starts import StoppedBefore, cause_of

CLOSING = 15.0  # seconds for the secret of a run that did not start: somebody waits for the error


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how many seconds a launch that is refused for the moment is sent again, and who is told of the wait."""

    seconds: float = 0.0
    note: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What has been made so far.  `may_run`: a launch was sent, and no answer says that it started nothing."""

    services: Services
    run: Run
    lease: SecretLease | None = None
    handle: RunHandle | None = None
    may_run: bool = field(default=False, init=False)

    def launch(self, spec: RunSpec, patience: Patience) -> RunHandle:
        """Sent again only when it was refused.  Raises what the runtime raises."""

        def refused_for_now(error: AlError) -> bool:
            if self.may_run or not error.temporary or patience.seconds == 0:
                return False
            patience.note(f"• {error.message}; trying again for up to {patience.seconds:.0f} s")
            return True

        self.handle = retrying(
            lambda: self._launched(spec),
            seconds=patience.seconds,
            first=2,
            longest=15,
            retry=refused_for_now,
            sleep=patience.sleep,
            clock=patience.clock,
        )
        return self.handle

    def undo(self, error: BaseException) -> None:
        """What cannot be done is added to `error` as a note, and hides neither it nor the rest."""
        if self.lease:  # only then anything can have been launched
            self._stop(error)
        with _despite(error, f"{self.run.id} could not be recorded as not started"):
            self._record(error)
        if self.lease:
            with _despite(error, f"the secret of {self.run.id} is still there"):
                self._close(self.lease)
        self._say(error)

    def postpone(self, error: BaseException) -> None:
        """The run is to be started again later: it waits, and nothing of this attempt stays.

        After a launch whose answer was lost all of it stays: whoever starts it next finds out first what became of it.
        """
        if self.may_run:
            return
        if self.lease:
            with _despite(error, f"the secret of {self.run.id} is still there"):
                close_lease(self._secrets, self.lease, Receipt(), now=now, seconds=CLOSING)
        turns.leave(self.services.ledger, self.run.id)
        self.services.ledger.update(
            self.run.id,
            state=RunState.QUEUED,
            cause=cause_of(error, leased=self.lease is not None),
            reason=error.message if isinstance(error, AlError) else "",
            lease=None,
        )

    @property
    def _secrets(self) -> Store:
        return self.services.of_runtime(self.run.runtime).run_secrets

    def _launched(self, spec: RunSpec) -> RunHandle:
        self.may_run = True
        try:
            return self.services.runtime(self.run.runtime).launch(spec)
        except AlError as error:
            self.may_run = isinstance(error, Unreachable)  # all others are answers
            raise

    def _stop(self, error: BaseException) -> None:
        """The flag first: a container that works looks at it every few seconds."""
        with _despite(error, f"{self.run.id} could not be asked to stop"):
            self.services.ledger.request_stop(self.run.id)
        if not self.may_run:
            return
        with _despite(error, f"{self.run.id} could not be stopped"):
            self.handle = self.handle or found(self.services, self.run)
            if self.handle:
                self.services.runtime(self.run.runtime).stop(self.handle)

    def _record(self, error: BaseException) -> None:
        known = (
            error.message
            if isinstance(error, AlError)
            else "interrupted while it was being launched"
        )
        ledger = self.services.ledger
        if self.may_run:
            where = {"handle": self.handle} if self.handle else {}
            # its state is named so that a record that somebody has closed already stays as it is
            ledger.update(self.run.id, state=self.run.state, reason=known, **where)
            return
        turns.leave(ledger, self.run.id)
        stopped = isinstance(error, StoppedBefore) or not isinstance(error, Exception)
        ledger.update(
            self.run.id,
            state=RunState.STOPPED if stopped else RunState.FAILED,
            cause=None if stopped else cause_of(error, leased=self.lease is not None),
            reason=known,
            finished=iso(now()),
        )

    def _close(self, lease: SecretLease) -> None:
        known = Receipt(created=iso(lease.created))
        receipt = close_lease(self._secrets, lease, known, now=now, seconds=CLOSING)
        self.services.ledger.update(self.run.id, receipt=receipt)

    def _say(self, error: BaseException) -> None:
        run = self.run.id
        if self.may_run:
            error.add_note(
                f"{run} may have started: it is asked to stop, and `al logs {run}` tells how it ended"
            )
        elif not isinstance(error, Exception):
            error.add_note(f"{run} was not started")


@contextmanager
def _despite(error: BaseException, what: str) -> Iterator[None]:
    try:
        yield
    except NotFound:  # it was never recorded, so there is nothing to set right
        return
    except Exception as other:  # whatever it is, `error` is what the user must hear of
        error.add_note(f"{what}: {other}")
