"""Followers of logs: TailLogEntries (https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from google.api_core import exceptions

from moto_tests.gcp.log_world import Logs, at
from moto_tests.gcp.run_world import CloudRun, eventually
from moto_tests.sandbox import programs
from toolkit.sandbox.gcp import log_tail

AT_ONCE = {"buffer_window": timedelta(0)}


def test_a_follower_gets_what_matches_while_it_is_written(logs: Logs) -> None:
    """And nothing of what was there before."""
    logs.say("before")
    with logs.following('NOT textPayload:"not"', **AT_ONCE) as follower:
        eventually(lambda: logs.followers)
        logs.say("one", "not this")
        logs.say("two")
        eventually(lambda: follower.texts() == ["one", "two"])


def test_a_follower_gets_lines_of_a_container_while_it_runs(
    cloud_run: CloudRun, logs: Logs
) -> None:
    """Before the execution has ended."""
    with logs.following('resource.type="cloud_run_job"', **AT_ONCE) as follower:
        eventually(lambda: logs.followers)
        name = cloud_run.run(cloud_run.program(programs.WAIT_FOR_TERM))
        eventually(lambda: follower.texts() == ["ready"])
        cloud_run.executions.cancel_execution(name=name)
        cloud_run.ended(name)


def test_entries_are_held_back_so_that_earlier_ones_may_overtake_them(logs: Logs) -> None:
    """buffer_window: what comes in within it is put in order."""
    with logs.following("", buffer_window=timedelta(seconds=0.5)) as follower:
        eventually(lambda: logs.followers)
        logs.say("second", **at(2))
        logs.say("first", **at(1))
        eventually(lambda: len(follower.entries) == 2)
        assert follower.texts() == ["first", "second"]


def test_a_buffer_window_has_at_most_a_minute(logs: Logs) -> None:
    """TailLogEntriesRequest.buffer_window."""
    with logs.following("", buffer_window=timedelta(seconds=61)) as follower:
        eventually(lambda: follower.error)
    assert isinstance(follower.error, exceptions.InvalidArgument)


def test_a_bad_filter_ends_the_session(logs: Logs) -> None:
    """INVALID_ARGUMENT."""
    with logs.following("severity=") as follower:
        eventually(lambda: follower.error)
    assert isinstance(follower.error, exceptions.InvalidArgument)


def test_a_project_has_so_many_followers(logs: Logs, manners: Callable[..., None]) -> None:
    """10 (https://cloud.google.com/logging/quotas#api-limits); here one; and the place is free again afterwards."""
    manners(tail_sessions=1)
    with logs.following("", **AT_ONCE):
        eventually(lambda: logs.followers)
        with logs.following("", **AT_ONCE) as second:
            eventually(lambda: second.error)
        assert isinstance(second.error, exceptions.ResourceExhausted)
    eventually(lambda: not logs.followers)
    with logs.following("", **AT_ONCE) as third:
        eventually(lambda: logs.followers)
        logs.say("x")
        eventually(lambda: third.texts() == ["x"])


def test_a_session_ends_after_its_longest_time(logs: Logs, manners: Callable[..., None]) -> None:
    """OUT_OF_RANGE: whoever wants more begins again."""
    manners(tail_seconds=0.1)
    with logs.following("", **AT_ONCE) as follower:
        eventually(lambda: follower.error)
    assert isinstance(follower.error, exceptions.OutOfRange)


def test_what_is_too_much_for_a_minute_is_only_counted(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60,000 entries; the rest is suppressed as RATE_LIMIT (SuppressionInfo); here two."""
    monkeypatch.setattr(log_tail, "PER_MINUTE", 2)
    with logs.following("", **AT_ONCE) as follower:
        eventually(lambda: logs.followers)
        logs.say("a", "b", "c", "d")
        eventually(lambda: sum(info.suppressed_count for info in follower.suppressed) == 2)
        assert follower.texts() == ["a", "b"]


def test_followers_get_duplicates(logs: Logs, manners: Callable[..., None]) -> None:
    """Only a single list answer is free of them."""
    manners(duplicate_entries=1)
    with logs.following("", **AT_ONCE) as follower:
        eventually(lambda: logs.followers)
        logs.say("x", insert_id="x", **at(1))
        eventually(lambda: follower.texts() == ["x", "x"])
