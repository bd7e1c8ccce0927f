"""Times as users write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from toolkit.core.errors import UsageError
from toolkit.ops.logs.times import day, moment

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=1)))


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", ms(2026, 11, 20, 10, 30)),
        ("2h", ms(2026, 11, 20, 9)),
        ("3d", ms(2026, 11, 17, 11)),
        ("1w", ms(2026, 11, 13, 11)),
        ("90s", ms(2026, 11, 20, 10, 58, 30)),
        ("2026-11-20", ms(2026, 11, 19, 23)),
        ("2026-11-20T12:00", ms(2026, 11, 20, 11)),
        ("2026-11-20T12:00:00Z", ms(2026, 11, 20, 12)),
        ("2026-11-20T12:00:00-05:00", ms(2026, 11, 20, 17)),
    ],
)
def test_a_time_is_relative_or_iso(text: str, expected: int) -> None:
    """What has no offset is meant in the user's own zone."""
    assert moment("--after", text, now=NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "h", "2y", "-1h", "yesterday", "2026-13-01", "12:00", "999999w"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """With examples of what is."""
    with pytest.raises(UsageError, match="--after"):
        moment("--after", text, now=NOW)


def test_a_day_is_from_midnight_to_midnight() -> None:
    """In the user's zone."""
    assert day("2026-11-20", now=NOW) == (ms(2026, 11, 19, 23), ms(2026, 11, 20, 23))


@pytest.mark.parametrize("text", ["2026-11-31", "today", "2026/11/20", "9999-12-31", ""])
def test_what_is_no_day_is_refused(text: str) -> None:
    """Also the last one that Python knows, which has no day after it."""
    with pytest.raises(UsageError, match="--date"):
        day(text, now=NOW)
