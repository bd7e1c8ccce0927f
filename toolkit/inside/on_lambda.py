"""Runs as invocations of a Lambda function.

The process lives on after a run, whatever became of it, and every invocation is answered: the run's own report says
how it ended.  Only an event that names no run of this agent is an invocation error.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.core.errors import AlError, UsageError

from .job import Job
from .lines import Log
from .outcome import Outcome
from .run import Execution, unclaimed, wiped
from .runtime_api import LambdaContext
from .scratch import newcomers, temporary_root

MARGIN = 10.0  # seconds before Lambda's own timeout at which we end ourselves, to have a report


@dataclass(frozen=True, slots=True)
class OnLambda:
    """Turns invocations into runs.  `environ` is the function's, the same for all of them."""

    environ: Mapping[str, str]

    def handle(self, event: bytes, context: LambdaContext) -> bytes:
        """Raises UsageError or ConfigError when `event` does not name a run of this agent."""
        started = time.monotonic()
        job = Job.of({**self.environ, **_named(event)})
        log = Log(job.run)
        place = temporary_root(self.environ)
        self._wipe_leftovers(job, log)
        known = frozenset(entry.name for entry in place.iterdir())
        try:
            seconds = _time(context, float(job.app.timeout))
            outcome = Execution.of(job, log, started, seconds).perform(self._where(context))
        except AlError as error:
            outcome = unclaimed(error, log)
        # /tmp outlives an invocation: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
        for entry in newcomers(place, known):
            wiped(entry, log)
        return json.dumps({"run": job.run, **_answer(outcome)}).encode()

    def _wipe_leftovers(self, job: Job, log: Log) -> None:
        """Of a run that the platform killed: its reset does not clear /tmp
        (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html)."""
        for entry in temporary_root(self.environ).glob(f"{job.agent}-????????-*"):
            wiped(entry, log)
        wiped(job.credentials, log)

    def _where(self, context: LambdaContext) -> Mapping[str, str]:
        """Where anybody finds this invocation's log; it must do when the launcher has died without a word."""
        where = {
            "log_group": self.environ.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            "log_stream": self.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            "request_id": context.request_id,
        }
        return {name: value for name, value in where.items() if value}


def _time(context: LambdaContext, timeout: float) -> float:
    """Seconds that the run has: the agent's own timeout, and always less than the platform's."""
    left = context.deadline_ms / 1000 - time.time()
    return min(timeout, left - min(MARGIN, left / 2))


def _named(event: bytes) -> Mapping[str, str]:
    """The run and its secret's name, out of `{"al": 1, "run", "secret"}`."""
    try:
        data = json.loads(event)
        named = {"AL_RUN_ID": data["run"], "AL_SECRET": data["secret"]}
        if data["al"] != 1 or not all(isinstance(value, str) for value in named.values()):
            raise TypeError
    except (ValueError, TypeError, LookupError):
        raise UsageError(
            "the event is not one that `al` sends", hint="start runs with `al run`"
        ) from None
    return named


def _answer(outcome: Outcome | None) -> Mapping[str, object]:
    if outcome is None:
        return {"claimed": False}
    return {"claimed": True, "exit_code": outcome.exit_code, "state": str(outcome.state)}
