"""What a project will ask of an account at once is foreseen from its schedules and scales, and told when it is too much."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from toolkit.core.agent import Agent, AgentName
from toolkit.ops.doctor import quotas
from toolkit.ops.doctor.findings import Weight
from toolkit.ops.doctor.quota_table import (
    ANY,
    CONCURRENCY,
    FARGATE,
    LAMBDA,
    RATES,
    SPOT_VCPUS,
    VCPUS,
)
from toolkit.ops.doctor.quotas import Load, Use

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
CREATE = "Secrets Manager CreateSecret"
LAUNCHES = "Fargate task launches"


def a_load(
    schedule: str | None = None,
    *,
    name: str = "dev",
    runtime: str = LAMBDA,
    vcpus: float = 0.0,
    **more: Any,
) -> Load:
    agent = Agent(
        name=AgentName(name), directory=Path(name), instructions="", schedule=schedule, **more
    )
    return Load(agent=agent, runtime=runtime, vcpus=vcpus)


def uses(loads: Sequence[Load], *, cap: int | None = None, **more: Any) -> dict[str, Use]:
    found = quotas.predicted(loads, cap=cap, after=MONDAY, **more)
    return {use.quota.name: use for use in found}


# when runs start


def test_agents_of_one_minute_start_together() -> None:
    """Those of another minute do not count with them."""
    loads = [a_load("0 9 * * *"), a_load("0 9 * * *"), a_load("5 9 * * *")]
    busiest = quotas.peaks(loads, MONDAY)[ANY]
    assert (busiest.runs, busiest.minute) == (2, datetime(2026, 11, 16, 9, tzinfo=UTC))


def test_different_schedules_meet() -> None:
    """Every quarter of an hour and every day at nine meet at nine."""
    loads = [a_load("*/15 * * * *"), a_load("0 9 * * *"), a_load("0 9 * * 1")]
    busiest = quotas.peaks(loads, MONDAY)[ANY]
    assert (busiest.runs, busiest.minute.hour) == (3, 9)


def test_a_monthly_meeting_is_foreseen() -> None:
    """The next month is looked through, not the next day."""
    loads = [a_load("0 3 1 * *"), a_load("0 3 * * *")]
    busiest = quotas.peaks(loads, MONDAY)[ANY]
    assert (busiest.runs, busiest.minute) == (2, datetime(2026, 12, 1, 3, tzinfo=UTC))


def test_time_zones_are_looked_through() -> None:
    """Nine in Berlin is eight in UTC, in winter."""
    loads = [a_load("0 9 * * *", timezone="Europe/Berlin"), a_load("0 8 * * *")]
    assert quotas.peaks(loads, MONDAY)[ANY].runs == 2


def test_seconds_add_up_within_their_minute() -> None:
    """A schedule with seconds may fire more than once a minute."""
    assert quotas.peaks([a_load("*/20 0 9 * * *")], MONDAY)[ANY].runs == 3


def test_runtimes_are_counted_apart_and_together() -> None:
    """RunTask knows nothing of Lambda's runs; Secrets Manager knows all."""
    loads = [a_load("0 9 * * *"), a_load("0 9 * * *", runtime=FARGATE)]
    found = quotas.peaks(loads, MONDAY)
    assert {runtime: peak.runs for runtime, peak in found.items()} == {
        LAMBDA: 1,
        FARGATE: 1,
        ANY: 2,
    }


@pytest.mark.parametrize("schedule", [None, "0 0 31 2 *"])
def test_what_never_starts_is_no_load(schedule: str | None) -> None:
    """An agent without a schedule, and one whose day does not exist."""
    assert quotas.peaks([a_load(schedule)], MONDAY) == {}


def test_an_agent_that_is_off_is_no_load() -> None:
    """Its scale is 0."""
    assert uses([a_load("* * * * *", scale=0)]) == {}


def test_the_project_s_scale_bounds_what_starts_at_once() -> None:
    """The others wait for their turn."""
    loads = [a_load("0 9 * * *") for _ in range(200)]
    assert uses(loads, cap=40)[CREATE].predicted == 40
    assert uses(loads)[CREATE].predicted == 200


@pytest.mark.parametrize(("agents", "exceeded"), [(100, False), (101, True)])
def test_fargate_launches_a_hundred_at_once(agents: int, exceeded: bool) -> None:
    """A bucket of 100, refilled with 20 a second
    (https://docs.aws.amazon.com/AmazonECS/latest/userguide/throttling.html)."""
    loads = [a_load("0 9 * * *", runtime=FARGATE) for _ in range(agents)]
    assert uses(loads)[LAUNCHES].exceeded is exceeded


def test_lambda_s_runs_launch_no_task() -> None:
    """Nor do they pull layers or make log streams in our name."""
    found = uses([a_load("0 9 * * *") for _ in range(500)])
    assert {rate.quota.name for rate in RATES if rate.runtime == FARGATE}.isdisjoint(found)


# what goes on at a time


def test_concurrency_is_the_sum_of_the_scales() -> None:
    """Webhooks may start as many, whatever the schedules."""
    assert uses([a_load(scale=3), a_load(scale=4)])[CONCURRENCY.name].predicted == 7


def test_processors_are_counted_for_as_many_tasks_as_may_run() -> None:
    """The largest first, because those may be the ones that run."""
    loads = [a_load(runtime=FARGATE, vcpus=4, scale=2), a_load(runtime=FARGATE, vcpus=1, scale=5)]
    assert uses(loads)[VCPUS.name].predicted == 13
    assert uses(loads, cap=3)[VCPUS.name].predicted == 9


def test_spot_has_a_quota_of_its_own() -> None:
    """A spot task takes nothing of what is on demand."""
    loads = [a_load(runtime=FARGATE, vcpus=2, spot=True), a_load(runtime=FARGATE, vcpus=1)]
    found = uses(loads)
    assert (found[SPOT_VCPUS.name].predicted, found[VCPUS.name].predicted) == (2, 1)


def test_the_account_s_own_limit_replaces_aws_s_default() -> None:
    """Many new accounts have 10 concurrent executions instead of 1,000
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    loads = [a_load(scale=11)]
    assert not uses(loads)[CONCURRENCY.name].exceeded
    own = uses(loads, known={CONCURRENCY.name: 10.0})[CONCURRENCY.name]
    assert (own.exceeded, own.assumed, own.quota.limit) == (True, False, 10.0)


# what is told


def test_a_finding_has_the_number_the_limit_its_source_and_what_to_do() -> None:
    """And when it comes about, with how many runs."""
    loads = [a_load("30 9 * * *") for _ in range(60)]
    (finding,) = [f for f in quotas.found(tuple(uses(loads).values())) if f.about == CREATE]
    assert (
        finding.message
        == "60 against 50 calls a second: 60 runs start at once, next at 2026-11-16 09:30 UTC"
    )
    assert "spread the schedules" in finding.remedy
    assert "https://docs.aws.amazon.com/secretsmanager/" in finding.remedy


def test_what_fits_is_not_told() -> None:
    """A use below its limit is in --json, and no finding."""
    found = uses([a_load("0 9 * * *")])
    assert list(quotas.found(tuple(found.values()))) == []
    assert found[CREATE].to_dict()["predicted"] == 1


def test_an_assumed_limit_has_the_weight_that_it_is_given() -> None:
    """A rehearsal tells what AWS gives a new account, and does not warn of it."""
    found = tuple(uses([a_load(runtime=FARGATE, vcpus=8)]).values())
    (rehearsed,) = quotas.found(found, assumed=Weight.NOTE)
    (real,) = quotas.found(found)
    assert (rehearsed.weight, real.weight) == (Weight.NOTE, Weight.WARNING)
    assert "by default" in real.message


def test_a_known_limit_is_a_warning_anywhere() -> None:
    """It is no assumption."""
    found = uses([a_load(scale=11)], known={CONCURRENCY.name: 10.0})
    (finding,) = quotas.found(tuple(found.values()), assumed=Weight.NOTE)
    assert (finding.weight, "by default" in finding.message) == (Weight.WARNING, False)


@pytest.mark.parametrize("quota", [*(rate.quota for rate in RATES), CONCURRENCY, VCPUS, SPOT_VCPUS])
def test_every_limit_names_its_page(quota: quotas.Quota) -> None:
    """A figure without a source is a rumour."""
    assert quota.source.startswith("https://docs.aws.amazon.com/")
    assert quota.remedy
