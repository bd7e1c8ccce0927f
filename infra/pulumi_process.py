"""Runs the Pulumi CLI as the Automation API asks, in a session of its own, so that Ctrl-C reaches it through us.

At the first interruption Pulumi finishes what is in progress, writes its state and gives its lock back; at the
second it gives up at once.  In the terminal's own session both of us would be interrupted, and `al` would be gone,
with its lease, while Pulumi is still at work.
"""

import contextvars
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, TypeVar

from pulumi.automation import CommandResult, OnOutput, PulumiCommand
from pulumi.automation.errors import create_command_error

from toolkit.core.errors import AlError

T = TypeVar("T")
_LOOK = 0.2  # seconds
# what `al` takes as an interruption (toolkit/cli.py)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Cli(PulumiCommand):
    """Pulumi's own class, but for how a command is run."""

    _running: Popen[str] | None = None
    interrupted = False

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Raises CommandError, or one of its kinds, with what was printed; nothing begins once it was interrupted."""
        if self.interrupted:
            raise KeyboardInterrupt
        command = [self.command, "--non-interactive", *args]
        with (
            ThreadPoolExecutor(2) as readers,
            Popen(
                command,
                stdout=PIPE,
                stderr=PIPE,
                cwd=cwd,
                env=self._environment(additional_env),
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            ) as process,
        ):
            self._running = process
            if self.interrupted:  # while it was being started
                self.interrupt()
            out = readers.submit(_lines, process.stdout, on_output)
            err = readers.submit(_lines, process.stderr, on_error)
            result = CommandResult(out.result(), err.result(), process.wait())
        if result.code != 0:
            raise create_command_error(result)
        return result

    def interrupt(self) -> None:
        """What Ctrl-C does to a Pulumi in the foreground.  When none is running, the next one does not begin."""
        self.interrupted = True
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(signal.SIGINT)

    def _environment(self, additional: Mapping[str, str]) -> dict[str, str]:
        """Plug-ins that lie beside the CLI come first, as in Pulumi's own class."""
        variables = {**os.environ, **additional, "PULUMI_AUTOMATION_API": "true"}
        program = Path(self.command)
        if program.is_absolute():
            variables["PATH"] = os.pathsep.join([str(program.parent), variables.get("PATH", "")])
        return variables


def _lines(stream: IO[str] | None, on_line: OnOutput | None) -> str:
    assert stream is not None  # noqa: S101  # both are pipes
    lines = []
    for line in stream:
        lines.append(line.rstrip())
        if on_line:
            on_line(lines[-1])
    return "\n".join(lines)


def patiently(
    call: Callable[[], T],
    cli: Cli,
    progress: Callable[[str], None],
    check: Callable[[], None] = lambda: None,
) -> T:
    """`call()`, as long as `check` does not raise; its error, or an interruption, is handed on to the CLI as Ctrl-C,
    waited for, and only then raised."""
    check()
    refused: AlError | None = None
    with _handed_on(cli, progress), ThreadPoolExecutor(1) as worker:
        under_way = worker.submit(contextvars.copy_context().run, call)
        # a signal that another thread received is handled only when this one comes out of its wait
        while not wait([under_way], timeout=_LOOK).done:
            if refused is None and (refused := _refusal(check)):
                progress("this is not ours to do any more: Pulumi ends what it has begun")
                cli.interrupt()
    if refused:
        raise refused
    if cli.interrupted:
        raise KeyboardInterrupt
    return under_way.result()


def _refusal(check: Callable[[], None]) -> AlError | None:
    """Also that nobody could be asked: who does not know that he still may goes no further."""
    try:
        check()
    except AlError as error:
        return error
    return None


@contextmanager
def _handed_on(cli: Cli, progress: Callable[[str], None]) -> Iterator[None]:
    """What would raise KeyboardInterrupt interrupts the CLI instead.  An exception may come at any moment, also where
    nobody waits for Pulumi yet; a handler cannot be missed.  Only the main thread has handlers."""

    def hand_on(*_: object) -> None:
        progress("interrupted: Pulumi ends what it has begun; once more, and it gives up")
        cli.interrupt()

    main = threading.current_thread() is threading.main_thread()
    ours = [s for s in _SIGNALS if main and signal.getsignal(s) is signal.default_int_handler]
    for name in ours:
        signal.signal(name, hand_on)
    try:
        yield
    finally:
        for name in ours:
            signal.signal(name, signal.default_int_handler)
