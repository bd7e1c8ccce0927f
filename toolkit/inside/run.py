"""One run from its claim to its report, in the order that keeps secrets and promises.

claim -> read the secret -> burn it -> credential files and variables -> hooks.pre -> work -> hooks.post -> end
every process -> report -> wipe.  Nothing of a run stays behind: not a process, not a file, and this process's own
environment is never touched.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import Any, cast

from toolkit.core import registry
from toolkit.core.clock import iso, now
from toolkit.core.errors import AlError, ConfigError
from toolkit.core.logs import LAST_LINE
from toolkit.core.ports import Platform
from toolkit.core.run import RunState

from . import git, model_work, script_work
from .early import Early, early
from .hooks import HookFailed, run_hooks
from .job import AgentFile, Job
from .lines import Log
from .outcome import Outcome
from .preflight import run_preflight
from .prepare import gateway_of, make_shell, show_what_is_no_secret, take_secret, writable
from .processes import Ended, Family
from .relay import Relay
from .scratch import Scratch, temporary_root, wipe
from .shell import Shell
from .signals import MOST_STATUS, Signals
from .watch import Poller, Watch

POLL = 2.5  # seconds between two looks at the stop flag
# bytes: a table's item holds 400 KB (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)
MOST_REPORT = 350_000


@dataclass(kw_only=True)
class Execution:
    """One run.  `seconds` is the time that it has, from `started` on the clock of time.monotonic."""

    job: Job
    platform: Platform
    log: Log
    started: float
    seconds: float
    poll: float = POLL
    clock: Callable[[], datetime] = now
    _scratch: Scratch | None = field(default=None, init=False)
    _usage: Mapping[str, Any] | None = field(default=None, init=False)
    _told: Mapping[str, Any] | None = field(default=None, init=False)  # the report
    _beside: dict[str, int] = field(
        default_factory=dict, init=False
    )  # the work: preHookMs, postHookMs
    _relay: Relay = field(default_factory=Relay, init=False)

    def __post_init__(self) -> None:
        self._family = Family(self.log)
        self._watch = Watch(deadline=self.started + self.seconds, end=self._family.end)

    @classmethod
    def of(cls, job: Job, log: Log, started: float, seconds: float) -> "Execution":
        """On the platform that the job's environment names."""
        poll = float(job.environ.get("AL_POLL_SECONDS") or POLL)
        platform = platform_of(job.environ)
        return cls(job=job, platform=platform, log=log, started=started, seconds=seconds, poll=poll)

    def stop(self) -> None:
        """End the run as stopped on request.  Safe in a signal handler."""
        self._watch.stop()

    def perform(self, where: Mapping[str, str]) -> Outcome | None:
        """How it ended; None, and nothing touched, when the run is another's already.

        Raises AlError when it cannot even be claimed.
        """
        if not self.platform.claim(where):
            return (
                None  # and no word: the log is the other's, and may have had its last line already
            )
        self.log.begin(self._relay)
        self.log.info("container starting", agentName=str(self.job.agent))
        self._watch.start()
        try:
            outcome = self._outcome()
        finally:
            self._watch.close()
            self._family.end()
        self._close(outcome)
        return outcome

    def _close(self, outcome: Outcome) -> None:
        """Report, wipe, and the run's last line: each whatever became of those before."""
        for step in (partial(self._report, outcome), self._wipe, self._family.settle):
            try:
                step()
            except Exception as error:  # our own mistake must not cost what comes after it
                self._mistake(error)
        if lost := self._relay.spool.lost:
            self.log.warn("the gateway could not keep up with the log", linesNotSent=lost)
        self.log.last(LAST_LINE, exitCode=outcome.exit_code, state=str(outcome.state))
        self._relay.close(self._told)

    def _outcome(self) -> Outcome:
        """Every way to end is an outcome, so that every claimed run gets its report."""
        try:
            with early(self.job, self._family, self.log) as session:
                outcome = self._work(session)
        except AlError as error:
            # what was ended from outside fails too, and is not the cause
            outcome = self._ended() if self._watch.verdict else Outcome.of_error(error)
        except Ended:
            outcome = self._ended()
        except Exception as error:  # our own mistake: the launcher must hear of it too
            outcome = self._mistake(error)
        if outcome.state is RunState.FAILED:
            self.log.error("the run failed", exitCode=outcome.exit_code, reason=outcome.reason)
        return outcome

    def _work(self, session: Early | None) -> Outcome:
        """`session` waits for its work; None for an agent that runs a script."""
        secret = take_secret(self.platform, self.log, self.clock)
        self._relay.start(gateway_of(secret, self.log))
        agent, app = AgentFile.of(self.job.app), self.job.app
        show_what_is_no_secret(self.log, secret, agent)
        place = temporary_root(self.job.environ)
        with writable(place):
            self._scratch = scratch = Scratch.make(place, self.job.run, app.static)
        shell = make_shell(self.job, secret, agent, self._family, scratch)
        self.log.info("credentials loaded", count=len(secret.credentials))
        for words in git.configured(shell.env):
            self.log.info(words)
        signals = Signals(scratch.signals)
        with Poller(self.platform, self._watch, signals, self.log, self.poll):
            if agent.hooks_pre or agent.preflight:
                with self._measured("preHookMs"):
                    run_hooks("pre", agent.hooks_pre, shell, self.log)
                    run_preflight(agent.preflight, shell, self.log)
            if script := app.script:
                outcome = script_work.work(script, shell, signals, self.log)
            else:
                assert session is not None  # noqa: S101 - only a script has none
                request = model_work.request(app, agent, secret, shell)
                outcome = model_work.work(request, session, self._family, signals, self.log)
            self._usage = outcome.usage
            if self._watch.verdict:
                raise Ended
            self._after(agent, shell)
        return outcome

    def _after(self, agent: AgentFile, shell: Shell) -> None:
        """hooks.post: the work is done, so what goes wrong with them is only said."""
        if not agent.hooks_post:
            return
        try:
            with self._measured("postHookMs"):
                run_hooks("post", agent.hooks_post, shell, self.log)
        except (HookFailed, Ended) as error:
            self.log.warn("post hook failed", error=str(error) or "cut short")

    @contextmanager
    def _measured(self, name: str) -> Iterator[None]:
        """How long it takes, however it ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._beside[name] = int((time.monotonic() - began) * 1000)

    def _ended(self) -> Outcome:
        verdict = self._watch.verdict or RunState.STOPPED
        if verdict is RunState.TIMED_OUT:
            seconds = round(self.seconds, 3)
            self.log.error("container timeout reached, self-terminating", timeoutSeconds=seconds)
        else:
            self.log.warn("stopped on request")
        return Outcome.of_verdict(verdict, self.seconds).with_(usage=self._usage)

    def _report(self, outcome: Outcome) -> None:
        status = Signals(self._scratch.signals).status if self._scratch else None
        hidden = self.log.redactor.text(status or "")[:MOST_STATUS]
        last = {"status": hidden} if hidden else {}
        outcome = outcome.with_(usage={**(outcome.usage or {}), **self._beside})
        report = self.log.redactor.value(outcome.report(iso(self.clock())))
        if len(json.dumps(report, ensure_ascii=False).encode()) > MOST_REPORT:
            self.log.error("the return value is too large to be reported")
            report["return_value"] = None
        self._told = report
        self.log.tell(**last)
        try:
            self.platform.note(report=report, **last)
        except AlError as error:
            self.log.error("the run's report could not be written", error=error.message)

    def _wipe(self) -> None:
        wiped(self.job.credentials, self.log)
        if self._scratch:
            wiped(self._scratch.root, self.log)

    def _mistake(self, error: Exception) -> Outcome:
        """An exception that nobody expected: its kind and place, but not its text, which may hold anything."""
        frames = [f"{Path(f.filename).name}:{f.lineno}" for f in extract_tb(error.__traceback__)]
        self.log.error("container entry error", error=type(error).__name__, stack=frames)
        reason = f"a mistake in the container's own code: {type(error).__name__} at {frames[-1]}"
        return Outcome(exit_code=1, state=RunState.FAILED, reason=reason)


def platform_of(environ: Mapping[str, str]) -> Platform:
    """The platform that AL_PLATFORM names.  Raises ConfigError when there is no such platform, or it lacks a variable."""
    plugin = registry.find("platform", environ["AL_PLATFORM"])
    try:
        return cast("Platform", plugin(environ))
    except KeyError as error:
        raise ConfigError(
            f"the environment lacks {error}", hint="push the agent again with `al push`"
        ) from error


def unclaimed(error: AlError, log: Log) -> Outcome:
    """Without a claim there is no run to report on: the log and the exit code must do."""
    outcome = Outcome.of_error(error)
    log.error("the run could not be started", exitCode=outcome.exit_code, reason=outcome.reason)
    return outcome


def wiped(place: Path, log: Log) -> None:
    """`wipe`, and say what could not be deleted."""
    try:
        wipe(place)
    except OSError as error:
        log.error("files of the run could not be deleted", place=str(place), error=str(error))
