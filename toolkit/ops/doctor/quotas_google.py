"""What a project will ask of a Google Cloud project at once, beside what Google gives a new one (pure).

The figures are defaults, which may have been raised: nothing here asks Google.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from toolkit.ops.doctor.quota_table import ANY, Quota
from toolkit.ops.doctor.quotas import Load, Use, at_once, peaks

_RUN = "https://cloud.google.com/run/quotas"
_RAISED = "ask for more on the project's page of quotas"

# https://cloud.google.com/secret-manager/quotas
SECRET_WRITES = Quota(
    name="Secret Manager writes",
    limit=600,
    unit="calls a minute in the project",
    source="https://cloud.google.com/secret-manager/quotas",
    remedy=f"spread the schedules over several minutes, or {_RAISED}; who waits for its turn is told so",
)
WRITES = 3  # of a run's secret: its making, its version, and its deletion
EXECUTIONS = Quota(
    name="Cloud Run executions",
    limit=1_000,
    unit="running at a time in the region",
    source=_RUN,
    remedy=f"lower `scale`, or {_RAISED}",
)
JOBS = Quota(
    name="Cloud Run jobs",
    limit=1_000,
    unit="in the region",
    source=_RUN,
    remedy=f"lower keepImages, or {_RAISED}",
)
ACCOUNTS = Quota(
    name="service accounts",
    limit=100,
    unit="in the project",
    source="https://cloud.google.com/iam/quotas",
    remedy=f"{_RAISED}, or put some of the agents into another Google Cloud project",
)


def predicted(
    loads: Sequence[Load], *, cap: int | None, after: datetime, kept: int, accounts: bool
) -> tuple[Use, ...]:
    """Every quota that the project makes use of.  `cap` is the project's scale, `kept` the earlier definitions of each
    agent, which are a job each, and `accounts` whether every agent has an account of its own."""
    return tuple(_predicted(loads, cap, after, kept, accounts))


def _predicted(
    loads: Sequence[Load], cap: int | None, after: datetime, kept: int, accounts: bool
) -> Iterator[Use]:
    active = [load for load in loads if load.agent.scale > 0]
    if peak := peaks(active, after).get(ANY):
        runs = min(peak.runs, cap) if cap else peak.runs
        why = f"{runs} runs start at once, next at {peak.minute:%Y-%m-%d %H:%M} UTC"
        yield Use(quota=SECRET_WRITES, predicted=runs * WRITES, why=why, assumed=True)
    if active:
        most = at_once([(1.0, load.agent.scale) for load in active], cap)
        why = f"{most:g} runs at a time by their scales"
        yield Use(quota=EXECUTIONS, predicted=most, why=why, assumed=True)
        why = f"a job for each definition of {len(loads)} agents, with up to {kept} earlier ones of each"
        yield Use(quota=JOBS, predicted=len(loads) * (1 + kept), why=why, assumed=True)
    if loads and accounts:
        why = f"one for each of {len(loads)} agents, and the gateway's"
        yield Use(quota=ACCOUNTS, predicted=len(loads) + 1, why=why, assumed=True)
