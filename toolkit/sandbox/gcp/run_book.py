"""What Cloud Run keeps: jobs, their executions and their tasks, by name with the project's id.

https://cloud.google.com/run/docs/resource-model#jobs.  Everything is given away as a copy.
"""

import re
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from google.cloud import run_v2

from .refusals import aborted, not_found

KEPT_EXECUTIONS = 1000  # completed ones of a job (https://cloud.google.com/run/quotas)
_LONGEST = 63
_SUFFIX = string.ascii_lowercase + string.digits


@dataclass(slots=True)
class RunBook:
    """Under the cloud's lock.  Dicts are in the order of creation."""

    jobs: dict[str, run_v2.Job] = field(default_factory=dict)
    executions: dict[str, run_v2.Execution] = field(default_factory=dict)
    tasks: dict[str, run_v2.Task] = field(default_factory=dict)

    def job(self, name: str) -> run_v2.Job:
        """The job itself, to be changed.  Raises Refused."""
        if name not in self.jobs:
            raise not_found(name)
        return self.jobs[name]

    def execution(self, name: str) -> run_v2.Execution:
        """The execution itself, to be changed.  Raises Refused."""
        if name not in self.executions:
            raise not_found(name)
        return self.executions[name]

    def executions_of(self, parent: str) -> Iterator[run_v2.Execution]:
        """The newest first; the job `-` means all of its place."""
        return (e for name, e in reversed(self.executions.items()) if _below(name, parent))

    def tasks_of(self, parent: str) -> Iterator[run_v2.Task]:
        """In the order of their indexes; `-` as job or execution means all."""
        return (task for name, task in self.tasks.items() if _below(name, parent))

    def running(self) -> int:
        """How many executions have not completed."""
        return sum(1 for execution in self.executions.values() if not execution.completion_time)

    def prune(self, job: str) -> None:
        """Forget the oldest completed executions beyond those that are kept."""
        done = [e.name for e in self.executions_of(job) if e.completion_time]
        for name in done[KEPT_EXECUTIONS:]:
            self.forget(name)

    def forget(self, execution: str) -> None:
        """An execution with its tasks."""
        self.executions.pop(execution, None)
        for name in [name for name in self.tasks if name.startswith(f"{execution}/")]:
            del self.tasks[name]

    def name_execution(self, job: str) -> str:
        """A new execution's name: the job's, cut where it is too long, and five characters."""
        while True:
            token = "".join(secrets.choice(_SUFFIX) for _ in range(5))
            stem = job.rpartition("/")[2][: _LONGEST - len(token) - 1].rstrip("-")
            name = f"{job}/executions/{stem}-{token}"
            if name not in self.executions:
                return name


def etag() -> str:
    """A new one, in quotation marks as Cloud Run's are."""
    return f'"{secrets.token_urlsafe(12)}"'


def match_etag(given: str, current: str) -> None:
    """Raises Refused when the caller has seen another state; without an etag it does not care."""
    if given and given != current:
        raise aborted(
            "Conflict for resource: the etag does not match the current version; read it again and retry."
        )


def _below(name: str, parent: str) -> bool:
    pattern = re.escape(parent).replace("/\\-", "/[^/]+")
    return re.match(f"{pattern}/", name) is not None
