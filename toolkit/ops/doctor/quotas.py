"""What the schedules and scales of a project will ask of an AWS account at once, beside what AWS gives (pure).

Asks nobody: figures that are an account's own come in as `known`, and where they are not known AWS's defaults stand in.
Only starts by schedule are foreseen; what webhooks start is bounded by the scales.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from toolkit.config.schedule import minutes, times_a_minute
from toolkit.core.agent import Agent
from toolkit.ops.doctor.findings import Finding, Weight
from toolkit.ops.doctor.quota_table import (
    ANY,
    CONCURRENCY,
    FARGATE,
    LAMBDA,
    RATES,
    SPOT_VCPUS,
    VCPUS,
    Quota,
)

AHEAD = timedelta(days=31)
MOST_STARTS = (
    3_000  # of one schedule that are looked at: a month of quarters of an hour, two days of minutes
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One agent as a load: where it runs, and how many vCPUs one run of it takes."""

    agent: Agent
    runtime: str
    vcpus: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is predicted of one quota; `why` says of what, and when.  `assumed`: the limit is AWS's default."""

    quota: Quota
    predicted: float
    why: str
    assumed: bool = False

    @property
    def exceeded(self) -> bool:
        return self.predicted > self.quota.limit

    def to_dict(self) -> dict[str, object]:
        """What `al doctor --json` prints of it."""
        return {
            "quota": self.quota.name,
            "predicted": round(self.predicted, 2),
            "limit": self.quota.limit,
            "unit": self.quota.unit,
            "assumed": self.assumed,
            "source": self.quota.source,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The minute in which most runs start, and how many those are."""

    runs: int
    minute: datetime


def predicted(
    loads: Sequence[Load],
    *,
    cap: int | None,
    after: datetime,
    known: Mapping[str, float] | None = None,
) -> tuple[Use, ...]:
    """Every quota that the project makes use of.  `cap` is the project's scale; `known` the account's own limits."""
    active = [load for load in loads if load.agent.scale > 0]
    return (*_starting(active, cap, after), *_running(active, cap, known or {}))


def found(uses: Sequence[Use], *, assumed: Weight = Weight.WARNING) -> Iterator[Finding]:
    """One for each quota that would be exceeded; `assumed` is the weight where the limit is only AWS's default."""
    for use in uses:
        if use.exceeded:
            default = " by default" if use.assumed else ""
            limit = f"{use.quota.limit:g} {use.quota.unit}{default}"
            yield Finding(
                weight=assumed if use.assumed else Weight.WARNING,
                about=use.quota.name,
                message=f"{use.predicted:g} against {limit}: {use.why}",
                remedy=f"{use.quota.remedy} ({use.quota.source})",
            )


# starts


def _starting(loads: Sequence[Load], cap: int | None, after: datetime) -> Iterator[Use]:
    for runtime, peak in peaks(loads, after).items():
        runs = min(peak.runs, cap) if cap else peak.runs
        why = f"{runs} runs start at once, next at {peak.minute:%Y-%m-%d %H:%M} UTC"
        for rate in RATES:
            if rate.runtime == runtime:
                yield Use(quota=rate.quota, predicted=runs * rate.calls, why=why)


def peaks(loads: Sequence[Load], after: datetime) -> dict[str, Peak]:
    """Runtime -> its busiest minute of the next month, and that of all runtimes together under ANY.

    A schedule that fires more often than every quarter of an hour is followed for less, but at least for two days.
    """
    agents: Counter[tuple[str, str, str]] = Counter()
    for load in loads:
        if load.agent.schedule:
            agents[load.agent.schedule, load.agent.timezone or "UTC", load.runtime] += 1
    starts: dict[str, Counter[datetime]] = {}
    for expression, zone in dict.fromkeys((e, z) for e, z, _ in agents):
        times, fires = times_a_minute(expression), list(_fires(expression, zone, after))
        here = {r: n * times for (e, z, r), n in agents.items() if (e, z) == (expression, zone)}
        for runtime, count in {**here, ANY: sum(here.values())}.items():
            counted = starts.setdefault(runtime, Counter())
            for minute in fires:
                counted[minute] += count
    return {runtime: _busiest(counted) for runtime, counted in starts.items() if counted}


def _busiest(starts: Counter[datetime]) -> Peak:
    runs = max(starts.values())
    return Peak(runs=runs, minute=min(m for m, count in starts.items() if count == runs))


def _fires(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """The next starts, in UTC."""
    place = UTC if zone == "UTC" else ZoneInfo(zone)
    for count, moment in enumerate(minutes(expression, after.astimezone(place))):
        if count == MOST_STARTS or moment > after + AHEAD:
            return
        yield moment.astimezone(UTC)


# what goes on at a time


def _running(loads: Sequence[Load], cap: int | None, known: Mapping[str, float]) -> Iterator[Use]:
    """When every agent runs as often as its scale allows."""
    functions = [(1.0, load.agent.scale) for load in loads if load.runtime == LAMBDA]
    if functions:
        runs = at_once(functions, cap)
        yield _use(CONCURRENCY, runs, f"{runs:g} runs at a time by their scales", known)
    for quota, spot in ((VCPUS, False), (SPOT_VCPUS, True)):
        tasks = [ld for ld in loads if ld.runtime == FARGATE and ld.agent.spot is spot]
        if tasks:
            vcpus = at_once([(ld.vcpus, ld.agent.scale) for ld in tasks], cap)
            yield _use(quota, vcpus, f"tasks with {vcpus:g} vCPUs at a time by their scales", known)


def at_once(sizes: Sequence[tuple[float, int]], cap: int | None) -> float:
    """The most that can be in use: the largest first, until the project's scale is reached."""
    left, total = sum(scale for _, scale in sizes) if cap is None else cap, 0.0
    for size, scale in sorted(sizes, reverse=True):
        total += size * min(scale, left)
        left -= min(scale, left)
    return total


def _use(quota: Quota, amount: float, why: str, known: Mapping[str, float]) -> Use:
    if (own := known.get(quota.name)) is None:
        return Use(quota=quota, predicted=amount, why=why, assumed=True)
    return Use(quota=replace(quota, limit=own), predicted=amount, why=why)
