"""What a project will ask of a Google Cloud project at once, beside what Google gives a new one."""

from datetime import UTC, datetime
from pathlib import Path

from toolkit.core.agent import Agent, AgentName
from toolkit.ops.doctor.quotas import Load, Use
from toolkit.ops.doctor.quotas_google import predicted

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def loads(count: int, *, scale: int = 1, schedule: str | None = "0 9 * * *") -> list[Load]:
    return [
        Load(
            agent=Agent(
                name=AgentName(f"dev-{number}"),
                directory=Path("dev"),
                instructions="",
                schedule=schedule,
                scale=scale,
            ),
            runtime="cloud_run",
        )
        for number in range(count)
    ]


def uses(
    count: int, *, cap: int | None = None, kept: int = 3, accounts: bool = True, scale: int = 1
) -> dict[str, Use]:
    found = predicted(
        loads(count, scale=scale), cap=cap, after=MONDAY, kept=kept, accounts=accounts
    )
    return {use.quota.name: use for use in found}


def test_a_run_writes_its_secret_three_times() -> None:
    """200 runs that start in a minute use the writes of a project up
    (https://cloud.google.com/secret-manager/quotas)."""
    assert not uses(200)["Secret Manager writes"].exceeded
    assert uses(201)["Secret Manager writes"].exceeded
    assert not uses(201, cap=200)["Secret Manager writes"].exceeded


def test_a_hundred_agents_have_more_accounts_than_a_new_project() -> None:
    """The gateway has one, too (https://cloud.google.com/iam/quotas); who brings an account makes none."""
    assert not uses(99)["service accounts"].exceeded
    assert uses(100)["service accounts"].exceeded
    assert "service accounts" not in uses(100, accounts=False)


def test_earlier_definitions_are_jobs_too() -> None:
    """A region has a thousand (https://cloud.google.com/run/quotas)."""
    assert not uses(250)["Cloud Run jobs"].exceeded
    assert uses(251)["Cloud Run jobs"].exceeded
    assert not uses(251, kept=2)["Cloud Run jobs"].exceeded


def test_scales_bound_what_runs_at_a_time() -> None:
    """And the project's scale bounds them."""
    assert uses(2, scale=501)["Cloud Run executions"].exceeded
    assert not uses(2, scale=501, cap=1_000)["Cloud Run executions"].exceeded


def test_every_figure_is_a_default() -> None:
    """Nothing asks Google, so nothing is said to be the project's own."""
    assert all(use.assumed for use in uses(3).values())


def test_no_agents_use_nothing() -> None:
    """An empty project is no load."""
    assert uses(0) == {}
