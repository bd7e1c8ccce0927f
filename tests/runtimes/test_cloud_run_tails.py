"""The last lines of an agent's runs: all of them, in order, for few questions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.cloud.logging_v2.types import LogEntry

from runtimes._cloud_run_tails import LIFE, MOST, Tails
from toolkit.clouds.gcp_log_entries import event, execution_of, nanoseconds
from toolkit.core.agent import AgentName
from toolkit.core.logs import LogEvent
from toolkit.core.run import RunHandle, RunId

SECOND = 1000  # milliseconds
HOUR = 3600 * SECOND
START = 1_700_000_000_000


def handle(number: int) -> RunHandle:
    """A run an hour after the one before it."""
    run = RunId(f"dev-{number:08x}")
    ids = {
        "job": "al-shop-dev-v1",
        "execution": f"x-{number}",
        "launched": str(START + number * HOUR),
    }
    return RunHandle(runtime="cloud_run", run=run, agent=AgentName("dev"), ids=ids)


def entry(number: int, line: int) -> Any:
    """The run's line of that number, one each second."""
    moment = START + number * HOUR + line * SECOND
    made = LogEntry(
        insert_id=f"{number}-{line}",
        text_payload=f"{number}.{line}",
        labels={"run.googleapis.com/execution_name": f"x-{number}"},
        timestamp={"seconds": moment // 1000, "nanos": moment % 1000 * 10**6},
    )
    return LogEntry.pb(made)


def lines_of(number: int, count: int) -> list[Any]:
    return [entry(number, line) for line in range(count)]


@dataclass
class Log:
    """A job's log, the times that it was listed, and a clock."""

    entries: list[Any]
    now: float = 0.0
    lists: list[str] = field(default_factory=list)

    def tails(self) -> Tails:
        return Tails(self.listed, self.newest, clock=lambda: self.now)

    def newest(self, job: str, before: int | None) -> Iterator[Any]:
        self.lists.append(job)
        return self._found(before)

    def listed(self, run: RunHandle, before: int | None) -> Iterator[LogEvent]:
        self.lists.append(run.ids["execution"])
        mine = (e for e in self._found(before) if execution_of(e) == run.ids["execution"])
        return (event(e, str(run.run)) for e in mine)

    def _found(self, before: int | None) -> Iterator[Any]:
        limit = before or START * 2
        found = (e for e in self.entries if nanoseconds(e) < limit * 10**6)
        return iter(sorted(found, key=nanoseconds, reverse=True))


def texts(tails: Tails, number: int, before: int | None = None) -> list[str]:
    return [line.message for line in tails.events(handle(number), before)]


@pytest.fixture
def short() -> Log:
    """Twenty runs of three lines each."""
    return Log([line for number in range(20) for line in lines_of(number, 3)])


def test_many_short_runs_are_two_questions(short: Log) -> None:
    """A project may ask 60 times a minute (https://cloud.google.com/logging/quotas); a question for each run would use
    that up with one look at an agent."""
    tails = short.tails()
    found = [texts(tails, number) for number in range(19, -1, -1)]
    assert found[0] == ["19.2", "19.1", "19.0"]
    assert found[19] == ["0.2", "0.1", "0.0"]
    assert sum(map(len, found)) == 60
    assert short.lists == ["x-19", "al-shop-dev-v1"]


def test_each_line_says_whose_it_is(short: Log) -> None:
    """Also where it came with those of others."""
    tails = short.tails()
    texts(tails, 19)
    assert {line.run for line in tails.events(handle(18), None)} == {"dev-00000012"}


def test_one_run_alone_is_one_question(short: Log) -> None:
    """Nothing of others is asked for."""
    assert texts(short.tails(), 3) == ["3.2", "3.1", "3.0"]
    assert short.lists == ["x-3"]


def test_who_asks_twice_hears_what_is_new(short: Log) -> None:
    """What was listed for the first look is not shown as the present."""
    tails = short.tails()
    texts(tails, 19)
    texts(tails, 18)
    short.entries += [entry(18, 3)]
    assert texts(tails, 18)[0] == "18.3"


def test_a_page_is_not_believed_for_long(short: Log) -> None:
    """A run that nobody has asked about yet is asked for anew."""
    tails = short.tails()
    texts(tails, 19)
    texts(tails, 18)
    short.now += LIFE
    short.entries += [entry(17, 3)]
    assert texts(tails, 17)[0] == "17.3"


def test_what_a_page_does_not_reach_is_listed(short: Log) -> None:
    """A run of many lines fills it; none is lost where it ends, and none comes twice."""
    log = Log([*lines_of(0, 5), *lines_of(1, MOST + 100), *lines_of(2, 2)])
    tails = log.tails()
    texts(tails, 2)
    assert texts(tails, 1) == [f"1.{line}" for line in range(MOST + 99, -1, -1)]
    assert texts(tails, 0) == [f"0.{line}" for line in range(4, -1, -1)]
    assert log.lists == ["x-2", "al-shop-dev-v1", "x-1", "x-0"]


def test_lines_of_one_millisecond_are_not_lost_where_a_page_ends() -> None:
    """The page may have some of them only."""
    log = Log([*lines_of(0, 1), *[entry(1, 7) for _ in range(MOST + 5)]])
    for number, same in enumerate(log.entries[1:]):
        same.insert_id = f"same-{number}"
    tails = log.tails()
    texts(tails, 0)
    assert len(texts(tails, 1)) == MOST + 5


def test_what_was_before_a_time_is_asked_for_so(short: Log) -> None:
    """Reading back is a look of its own."""
    tails = short.tails()
    texts(tails, 19)
    before = START + 18 * HOUR + 2 * SECOND
    assert texts(tails, 18, before) == ["18.1", "18.0"]
    assert texts(tails, 17, before) == ["17.2", "17.1", "17.0"]
    assert short.lists == ["x-19", "x-18", "al-shop-dev-v1"]
