"""The manners of the embedded Google cloud: none of the real services' delays and failures unless somebody asks for them.

Quotas are not manners: they are Google's, and count unless they are set to 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.errors import ConfigError
from toolkit.sandbox.settings import Manners

START_FAILURES = ("", "capacity", "image", "internal", "secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpSettings(Manners):
    """Seconds unless said otherwise."""

    clock: int = 1  # Cloud Scheduler: with 0 a job fires only by RunJob
    clock_ahead: float = 0.0  # how far the cloud's clock is ahead: expiry without waiting
    operation_seconds: float = 0.0  # until a long-running operation does its work
    stuck_operations: int = 0  # 1: operations never end
    latest_delay: float = 0.0  # Secret Manager: until `latest` means a new version
    policy_delay: float = 0.0  # IAM: until a changed policy is what calls are judged by
    fresh_account_calls: int = 0  # IAM: how often a new service account is not seen yet
    page_items: int = 0  # most items of a page; 0 is each service's own limit
    secret_access_quota: int = 90_000  # Secret Manager: accesses per minute
    secret_read_quota: int = 600  # ditto, other reads
    secret_write_quota: int = 600  # ditto
    account_quota: int = 100  # IAM: service accounts of the project, as a new project has it
    iam_read_quota: int = 6_000  # IAM: reads per minute
    iam_write_quota: int = 600  # ditto
    log_delay: float = 0.0  # Logging: between a line and its first appearance in an answer
    duplicate_entries: int = 0  # Logging: how often each entry is there beyond the first
    log_read_quota: int = 60  # Logging: ListLogEntries per minute
    tail_sessions: int = 10  # Logging: followers at once
    tail_seconds: float = 3600.0  # Logging: how long one may follow
    start_delay: float = 0.0  # Cloud Run: between RunJob and the container's start
    start_failure: str = ""  # Cloud Run: one of START_FAILURES: every execution fails so
    run_read_quota: int = 0  # Cloud Run: reads per minute; its page names no number, so none counts
    run_write_quota: int = 0  # ditto, writes but RunJob
    run_job_quota: int = 0  # ditto, RunJob
    running_executions: int = 1_000  # Cloud Run: at once
    stop_seconds: float = 10.0  # Cloud Run: between SIGTERM and SIGKILL
    contended_commits: int = (
        0  # Firestore: how many transactions are answered ABORTED before one is let through
    )
    expiry_delay: float = 86_400.0  # Firestore: how long an expired document is still there
    database_id_seconds: float = (
        0.0  # Firestore: how long the id of a deleted database cannot be used again
    )

    def checked(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if values.get("start_failure", "") not in START_FAILURES:
            raise ConfigError(
                f"{values['start_failure']!r} is not a way to fail",
                hint=f"use one of: {', '.join(START_FAILURES[1:])}",
            )
        return values
