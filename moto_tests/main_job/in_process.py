"""`al` in this process: the whole program but for its start, and so without a second's imports for each call."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from toolkit.cli import cli, run


def al(
    words: tuple[str, ...], *, directory: Path, environment: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """What a process of its own would have answered; `given` is its standard input."""
    out, err = io.StringIO(), io.StringIO()
    with (
        _place(directory, environment),
        _keyboard(given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(lambda: cli.main([*words], prog_name="al", standalone_mode=False))
    return subprocess.CompletedProcess(["al", *words], code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _place(directory: Path, environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        with contextlib.chdir(directory):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _keyboard(given: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(given.encode()))
    try:
        yield
    finally:
        sys.stdin = before
