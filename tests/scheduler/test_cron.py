"""When schedules fire: over changes of daylight saving time, clock jumps, and time that nobody was there."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduler.stage import post, stage
from toolkit.config.schedule import ticks
from toolkit.core.environment import Scope
from toolkit.scheduler import switches
from toolkit.scheduler.cron import SKEW, due, jitter, looked, next_run, next_start, next_tick, tick
from toolkit.scheduler.roster import Post

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
# hour of the change in UTC: https://en.wikipedia.org/wiki/Daylight_saving_time_by_country
CHANGES = {
    (BERLIN, "forward"): datetime(2027, 3, 28, 1, tzinfo=UTC),
    (BERLIN, "back"): datetime(2027, 10, 31, 1, tzinfo=UTC),
    (NEW_YORK, "forward"): datetime(2027, 3, 14, 7, tzinfo=UTC),
    (NEW_YORK, "back"): datetime(2027, 11, 7, 6, tzinfo=UTC),
}


def fired(
    schedule: str, zone: str, begin: datetime, end: datetime, *, every: int = 60
) -> list[datetime]:
    """What a scheduler starts that looks every so many seconds."""
    one, since, found = post("dev", schedule=schedule, timezone=zone), begin, []
    moment = begin
    while moment < end:
        moment += timedelta(seconds=every)
        tick_ = due(one, since, moment)
        found += [tick_.at] if tick_ else []
        since = looked(since, moment)
    return found


@pytest.mark.parametrize("change", CHANGES, ids="-".join)
def test_an_hourly_schedule_fires_every_hour_over_a_change(change: tuple[str, str]) -> None:
    """`0 * * * *` follows the sun: an hour passes between two starts, whatever the clocks show."""
    moment = CHANGES[change]
    found = fired("0 * * * *", change[0], moment - timedelta(hours=4), moment + timedelta(hours=4))
    assert {b - a for a, b in pairwise(found)} == {timedelta(hours=1)}
    assert len(found) == 8


@pytest.mark.parametrize("change", CHANGES, ids="-".join)
def test_a_daily_schedule_fires_once_on_the_day_of_a_change(change: tuple[str, str]) -> None:
    """Also at a time of day that the clocks skip, or show twice: once, and not twice."""
    zone, moment = ZoneInfo(change[0]), CHANGES[change]
    begin, end = moment - timedelta(days=2), moment + timedelta(days=2)
    for hour in range(5):
        found = fired(f"30 {hour} * * *", change[0], begin, end, every=900)
        days = [at.astimezone(zone).date() for at in found]
        assert days == sorted(set(days)), hour
        assert {b - a for a, b in pairwise(days)} == {timedelta(days=1)}, hour
        assert moment.astimezone(zone).date() in days, hour


def test_a_time_that_the_clocks_skip_is_made_good_when_they_have_been_put_forward() -> None:
    """02:30 does not exist on 28 March 2027 in Berlin: 03:00 is when it would have been."""
    change = CHANGES[(BERLIN, "forward")]
    found = fired("30 2 * * *", BERLIN, change - timedelta(hours=3), change + timedelta(hours=3))
    assert found == [change]


def test_a_time_that_the_clocks_show_twice_counts_the_first_time() -> None:
    """02:30 is there twice on 31 October 2027 in Berlin, and the daily run starts at the first."""
    change = CHANGES[(BERLIN, "back")]
    found = fired("30 2 * * *", BERLIN, change - timedelta(hours=3), change + timedelta(hours=3))
    assert found == [change - timedelta(minutes=30)]


def test_a_look_in_the_repeated_hour_does_not_go_back_to_the_first() -> None:
    """Where the wall shows an hour again, the next tick is still after now."""
    again = CHANGES[(BERLIN, "back")] + timedelta(minutes=15)  # 02:15 for the second time
    found = next_tick(post("dev", schedule="30 2 * * *", timezone=BERLIN), again)
    assert found == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", None])
def test_a_schedule_that_never_fires_starts_nothing(schedule: str | None) -> None:
    """It is accepted, and its next start is never."""
    one, noon = post("dev", schedule=schedule), datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert due(one, noon - timedelta(days=400), noon) is None
    assert next_start(one, noon) is None


def test_seconds_are_a_sixth_field() -> None:
    """Every twenty seconds, seen by somebody who looks every second."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    found = fired("*/20 * * * * *", "UTC", noon, noon + timedelta(minutes=1), every=1)
    assert [at.second for at in found] == [20, 40, 0]


def test_of_several_ticks_that_are_due_only_the_newest_counts() -> None:
    """Somebody who looks once a minute starts one run of a schedule that fires every ten seconds."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    found = due(post("dev", schedule="*/10 * * * * *"), noon, noon + timedelta(seconds=55))
    assert found
    assert found.at == noon + timedelta(seconds=50)


@pytest.mark.parametrize(("missed", "skipped"), [("skip", True), ("once", False)])
def test_what_was_missed_is_skipped_or_made_good_by_one_run(missed: str, skipped: bool) -> None:
    """After a day away there is one tick, and the agent says what becomes of it."""
    noon = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    one = post("dev", schedule="0 * * * *", missed=missed)
    found = due(one, noon - timedelta(days=1), noon)
    assert found
    assert (found.at, found.missed) == (noon - timedelta(minutes=30), skipped)


def test_a_tick_that_is_a_little_late_is_not_missed() -> None:
    """A timer that wakes a deployed gateway once a minute may itself be late."""
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    found = due(
        post("dev", schedule="0 12 * * *"), at - timedelta(minutes=1), at + timedelta(minutes=2)
    )
    assert found
    assert not found.missed


def test_a_long_absence_is_looked_through_quickly() -> None:
    """A year of a schedule that fires every second is not counted tick by tick."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    found = due(
        post("dev", schedule="* * * * * *", missed="once"), noon - timedelta(days=365), noon
    )
    assert found
    assert found.at == noon


def test_jitter_is_the_same_for_whoever_asks_and_within_its_bound() -> None:
    """Two gateways delay one tick by the same time; other agents' and other ticks' differ."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    names = [post(f"agent-{n}", schedule="0 * * * *", jitter=300) for n in range(50)]
    delays = [jitter(one, noon).total_seconds() for one in names]
    assert delays == [jitter(one, noon).total_seconds() for one in names]
    assert 0 <= min(delays) < max(delays) <= 300
    assert len(set(delays)) > 30


def test_the_next_start_has_its_jitter() -> None:
    """It is not before its tick, and not after; a tick whose start is still to come is the next one."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    one = post("dev", schedule="0 12 * * *", jitter=300)
    start = noon + jitter(one, noon)
    assert next_start(one, noon - timedelta(seconds=1)) == start
    assert next_start(one, start - timedelta(seconds=1)) == start


def test_the_next_run_of_what_is_off_is_none(tmp_path: Path) -> None:
    """Paused, disabled, or of scale 0: nothing starts by itself, and so it is shown."""
    made = stage(
        tmp_path, post("dev", schedule="0 * * * *"), post("off", schedule="0 * * * *", scale=0)
    )
    assert next_run(made.desk, "dev") == next_tick(made.roster["now"].posts["dev"], made.clock())
    assert next_run(made.desk, "off") is None
    switches.disable(made.ledger, "dev")
    assert next_run(made.desk, "dev") is None
    switches.enable(made.ledger, "dev")
    switches.pause(made.ledger)
    assert next_run(made.desk, "dev") is None


def test_an_agent_that_is_new_has_missed_nothing(tmp_path: Path) -> None:
    """Nobody has looked at its schedule before: it begins now."""
    made = stage(tmp_path, post("dev", schedule="0 * * * *", missed="once"))
    assert tick(made.desk, {}, made.clock()) == ()


def test_a_tick_has_one_run_id_in_one_environment() -> None:
    """Whoever decides it queues the same run; another environment's is another."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    one = due(post("dev", schedule="0 12 * * *"), noon - timedelta(hours=1), noon)
    here, there = Scope(project="shop", environment="a"), Scope(project="shop", environment="b")
    assert one
    assert one.run(here) == one.run(here) != one.run(there)


# hypothesis: time goes on in jumps, back too


ZONES = st.sampled_from(["UTC", BERLIN, NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe"])
SCHEDULES = st.sampled_from(
    [
        "0 * * * *",
        "*/15 * * * *",
        "30 2 * * *",
        "0,30 1-3 * * *",
        "0 0 * * 1",
        "15 30 2 * * *",
        "0 */6 * * *",
    ]
)
STARTS = st.integers(1_767_225_600, 1_861_920_000).map(
    lambda s: datetime.fromtimestamp(s, UTC)
)  # three years
# seconds: looks in time, absences, and a clock that is set back a little
JUMPS = st.lists(st.integers(-500, 170) | st.integers(1, 200_000), min_size=1, max_size=25)


def reference(one: Post, begin: datetime, end: datetime) -> set[datetime]:
    """Every tick, counted from one place."""
    found = set()
    for at in ticks(one.schedule or "", begin.astimezone(ZoneInfo(one.timezone))):
        if at.astimezone(UTC) > end:
            break
        found.add(at.astimezone(UTC))
    return found


@given(schedule=SCHEDULES, zone=ZONES, begin=STARTS, jumps=JUMPS)
@settings(max_examples=60, deadline=None)
def test_however_the_clock_goes_each_tick_counts_once_and_in_order(
    schedule: str, zone: str, begin: datetime, jumps: list[int]
) -> None:
    """Every tick that is found is one of the schedule's, none twice: while the clock is never set back by more than two
    clocks may differ.  Beyond that a tick may be found again, and its run's id says that it was done."""
    one, since, moment, found = post("dev", schedule=schedule, timezone=zone), begin, begin, []
    for jump in jumps:
        moment = max(moment + timedelta(seconds=jump), since - SKEW)
        one_tick = due(one, since, moment)
        found += [one_tick.at] if one_tick else []
        since = looked(since, moment)
    assert found == sorted(set(found))
    assert set(found) <= reference(one, begin, since)


@given(schedule=SCHEDULES, zone=ZONES, begin=STARTS)
@settings(max_examples=40, deadline=None)
def test_who_looks_every_minute_finds_every_tick(schedule: str, zone: str, begin: datetime) -> None:
    """No tick falls between two looks."""
    one, end = post("dev", schedule=schedule, timezone=zone), begin + timedelta(hours=6)
    assert set(fired(schedule, zone, begin, end)) == reference(one, begin, end)


def test_a_clock_that_was_far_ahead_does_not_keep_the_schedule_still() -> None:
    """It was wrong, and is right again: ticks come from now on."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert looked(noon + timedelta(days=30), noon) == noon
    assert looked(noon + timedelta(minutes=5), noon) == noon + timedelta(minutes=5)
