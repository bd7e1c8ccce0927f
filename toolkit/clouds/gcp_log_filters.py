"""Filters of Cloud Logging: which entries are a run's.  Pure.

https://cloud.google.com/logging/docs/view/logging-query-language.  A filter that is wrong finds nothing and says nothing, so
every value that is put into one goes through `quoted`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from toolkit.core.environment import GcpCloud
from toolkit.core.mailbox_lines import MSG

# containers' output (https://cloud.google.com/run/docs/logging#container-logs)
STDOUT, STDERR = "run.googleapis.com%2Fstdout", "run.googleapis.com%2Fstderr"
EXECUTION = "run.googleapis.com/execution_name"  # the label that names an entry's execution
NOTES = f'(jsonPayload._log=true AND jsonPayload.msg="{MSG}")'  # what containers say to launchers


def quoted(text: str) -> str:
    """`text` as a value in a filter: nothing in it can end the value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def any_of(values: Iterable[str]) -> str:
    return f"({' OR '.join(quoted(value) for value in values)})"


def of_jobs(cloud: GcpCloud, jobs: Iterable[str]) -> str:
    """Everything that these jobs' containers have printed."""
    logs = (f"projects/{cloud.project}/logs/{name}" for name in (STDOUT, STDERR))
    return " AND ".join(
        (
            'resource.type="cloud_run_job"',
            f"resource.labels.location={quoted(cloud.region)}",
            f"resource.labels.job_name={any_of(sorted(jobs))}",
            f"logName={any_of(logs)}",
        )
    )


def for_people(wanted: str) -> str:
    """Without what containers note for their launchers."""
    return f"{wanted} AND NOT {NOTES}"


def of_execution(cloud: GcpCloud, job: str, execution: str) -> str:
    """What a run has printed for people."""
    mine = f'labels."{EXECUTION}"={quoted(execution)}'
    return for_people(f"{of_jobs(cloud, (job,))} AND {mine}")


def between(since: int = 0, before: int | None = None) -> str:
    """And from `since` on, and earlier than `before`; epoch ms."""
    until = "" if before is None else f" AND timestamp<{quoted(_instant(before))}"
    return f" AND timestamp>={quoted(_instant(since))}{until}"


def _instant(milliseconds: int) -> str:
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
