"""Which schedules are valid, and when they fire."""

from datetime import UTC, datetime

import pytest

from toolkit.config.schedule import (
    check_schedule,
    check_timezone,
    minutes,
    next_run,
    times_a_minute,
)
from toolkit.core.errors import ConfigError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("*/15 * * * *", "2026-11-20T12:15:00"),
        ("30 */10 * * * *", "2026-11-20T12:00:30"),
        ("0 9 * * MON", "2026-11-23T09:00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 0 L * *", "2026-11-30T00:00:00"),
        ("0 0 * * FRI#1", "2026-12-04T00:00:00"),
        ("@daily", "2026-11-21T00:00:00"),
        ("@Hourly", "2026-11-20T13:00:00"),
        ("  0   9 ? * 1 ", "2026-11-23T09:00:00"),
    ],
)
def test_a_schedule_fires_when_it_says(text: str, fires: str) -> None:
    """Five fields, six with the seconds first, names, and the @daily family."""
    found = next_run(check_schedule(text), NOON)
    assert found == datetime.fromisoformat(fires).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6 *", "0 0 0 31 2 *"])
def test_a_day_that_its_months_lack_never_comes(text: str) -> None:
    """Valid, so it loads; its next run is never."""
    assert next_run(check_schedule(text), NOON) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * *",
        "60 * * * *",
        "* 24 * * *",
        "0 0 32 1 *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "*/0 * * * *",
        "a b c d e",
        "0 0 31 2 8",
        "5-1 * * * *",
        "* * * * * * *",
        "@often",
        "*/99999999999 * * * *",
        "0 */25 * * *",
        "1,*/61 * * * *",
        f"{','.join(['1'] * 200)} * * * *",
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    """With the form to write instead."""
    with pytest.raises(ConfigError, match="is not a schedule") as refused:
        check_schedule(text)
    assert "five fields" in refused.value.hint


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/ComodRivadavia"])
def test_a_time_zone_is_an_iana_name(name: str) -> None:
    """As the system knows them."""
    assert check_timezone(name) == name


@pytest.mark.parametrize("name", ["", "Mars/X", "Europe", "../etc/passwd", "/etc/localtime", "x\0",
                                  "localtime", "posix/UTC", "right/UTC", "Factory"])  # fmt: skip
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    """Also what looks like a path, and what only some machines have beside the IANA's names."""
    with pytest.raises(ConfigError, match="no time zone named"):
        check_timezone(name)


@pytest.mark.parametrize(
    ("text", "times"), [("*/5 * * * *", 1), ("*/20 * * * * *", 3), ("0 0 9 * * *", 1)]
)
def test_a_schedule_may_fire_several_times_within_its_minute(text: str, times: int) -> None:
    """Only one with seconds does."""
    assert times_a_minute(check_schedule(text)) == times


def test_minutes_are_told_one_by_one_without_their_seconds() -> None:
    """So that schedules with and without seconds can be laid side by side."""
    found = minutes(check_schedule("10,20 30 * * * *"), NOON)
    assert [next(found).isoformat(), next(found).isoformat()] == [
        "2026-11-20T12:30:00+00:00",
        "2026-11-20T13:30:00+00:00",
    ]


def test_a_day_that_never_comes_has_no_minutes() -> None:
    """It loads, and starts nothing."""
    assert list(minutes(check_schedule("0 0 31 2 *"), NOON)) == []
