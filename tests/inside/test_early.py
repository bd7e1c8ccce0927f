"""The session's process that waits for its work: whatever becomes of its start, no descriptor of it stays open.

On Lambda one process begins thousands of runs.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.fakes import eventually
from toolkit.core.agent import AgentName
from toolkit.core.run import RunId
from toolkit.inside.early import Early
from toolkit.inside.job import App, Job
from toolkit.inside.lines import Log
from toolkit.inside.processes import Ended, Family

RUN = RunId("dev-0123abcd")


@pytest.fixture
def log() -> Log:
    return Log(str(RUN), write=lambda _: None)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "static").mkdir()
    return Job(run=RUN, agent=AgentName("dev"), environ={}, app=App(tmp_path))


def opened() -> set[str]:
    """This process's descriptors, and what they are."""
    found = set[str]()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was of this very look, or is being closed
            found.add(f"{link.name} {link.readlink()}")
    return found


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """As many descriptors more, and none beyond (https://man7.org/linux/man-pages/man2/getrlimit.2.html)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(one.split()[0]) for one in opened()}
    free = [number for number in range(soft) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[more], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_run_that_is_over_leaves_no_pipe(job: Job, log: Log) -> None:
    """Stopped before its session could begin."""
    family, before = Family(log), opened()
    family.end()
    with pytest.raises(Ended):
        Early(job, family, log)
    eventually(lambda: opened() == before)


@pytest.mark.parametrize("more", [1, 3, 5])
def test_too_many_open_files_leave_no_pipe(job: Job, log: Log, more: int) -> None:
    """Whichever of its descriptors is the one too many."""
    before = opened()
    with at_most(more), pytest.raises(OSError, match="open files"):
        Early(job, Family(log), log)
    eventually(lambda: opened() == before)
