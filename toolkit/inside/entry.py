"""The entry point of an agent's container: one run, or on Lambda one run per invocation."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType

from toolkit.core.errors import AlError
from toolkit.core.run import UNCLAIMED

from .job import Job
from .lines import Log
from .outcome import ERROR
from .processes import keep_to_ourselves
from .run import Execution, unclaimed


def main() -> int:
    """The process's exit code: the run's.  On Lambda it does not return."""
    started = time.monotonic()
    keep_to_ourselves()
    environ = dict(os.environ)
    if api := environ.get("AWS_LAMBDA_RUNTIME_API"):
        return _on_lambda(environ, api)
    return _single(environ, started)


def _on_lambda(environ: Mapping[str, str], api: str) -> int:
    from .on_lambda import OnLambda  # with http.client, which no other platform waits for
    from .runtime_api import serve

    try:
        serve(OnLambda(environ).handle, api=api)
    except AlError as error:
        Log("").error("the function ends", reason=f"{error.message} ({error.hint})")
    return ERROR


def _single(environ: Mapping[str, str], started: float) -> int:
    log = Log(environ.get("AL_RUN_ID", ""))
    try:
        job = Job.of(environ)
        execution = Execution.of(job, log, started, float(job.app.timeout))

        def stop(_number: int, _frame: FrameType | None) -> None:
            execution.stop()

        signal.signal(signal.SIGTERM, stop)
        outcome = execution.perform({})
    except AlError as error:
        outcome = unclaimed(error, log)
    return outcome.exit_code if outcome else UNCLAIMED


if __name__ == "__main__":
    sys.exit(main())
