"""Followers of runs on Cloud Run: what is told and what is listed make one log, in which nothing is missing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.logging_v2.types import LogEntry

from runtimes._cloud_run_live import AT_MOST, CONFIRMED, IDLE, PACE, Live
from tests.fakes import FakeClock
from toolkit.clouds.gcp_log_tail import OPENING
from toolkit.clouds.rates import Rate
from toolkit.core.environment import GcpCloud
from toolkit.core.logs import LAST_LINE, LogEvent
from toolkit.core.run import RunHandle, RunId

RUN = RunId("dev-1a2b3c4d")
START = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1000)
LAST = f'{{"msg":"{LAST_LINE}"}}'


@dataclass
class Project:
    """What stands for the project's clients."""

    cloud: GcpCloud = field(
        default_factory=lambda: GcpCloud(project="p", region="r", repository="al")
    )
    log_reads: Rate = field(default_factory=lambda: Rate(10_000))


@dataclass
class Session:
    """What stands for a live tail: it tells what the test tells it."""

    clients: Any
    wanted: str
    told: Callable[[Any], None]
    clock: Callable[[], float]
    alive: bool = True
    lost_at: float | None = None

    def __post_init__(self) -> None:
        self.opened = self.clock()

    def complete_since(self, moment: float) -> bool:
        whole = self.lost_at is None or self.lost_at < moment
        return self.alive and whole and moment >= self.opened + OPENING

    def close(self) -> None:
        self.alive = False


@dataclass
class Scene:
    clock: FakeClock
    project: Project = field(default_factory=Project)
    log: list[str] = field(default_factory=list)
    lists: int = 0
    sessions: list[Session] = field(default_factory=list)
    step: int = 1  # ms between two lines

    def __post_init__(self) -> None:
        self.live = Live(
            lambda: self.project,  # type: ignore[arg-type, return-value]
            self.listed,
            clock=self.clock.monotonic,
            tail=self.session,  # type: ignore[arg-type]
        )

    def session(self, *parts: Any, clock: Callable[[], float]) -> Session:
        made = Session(*parts, clock=clock)
        self.sessions.append(made)
        return made

    def listed(self, handle: RunHandle, since: int) -> Iterator[LogEvent]:
        self.lists += 1
        events = (self.event(at) for at in range(len(self.log)))
        return (event for event in events if event.time >= since)

    def event(self, at: int) -> LogEvent:
        return LogEvent(time=START + at, id=f"000000-{at:04d}", message=self.log[at], run=str(RUN))

    def tell(self, text: str, execution: str = "e1") -> None:
        """An entry reaches the live tail, and no list yet."""
        at = len(self.log)
        entry = LogEntry.pb(LogEntry(text_payload=text, insert_id=f"{at:04d}"))
        entry.timestamp.FromMilliseconds(START + at)
        entry.labels["run.googleapis.com/execution_name"] = execution
        self.sessions[-1].told(entry)

    def look(self, since: int = START, execution: str = "e1", job: str = "j") -> list[str]:
        ids = {"execution": execution, "job": job, "launched": str(START)}
        handle = RunHandle(runtime="cloud_run", run=RUN, agent=RUN.agent, ids=ids)
        return [event.message for event in self.live.events(handle, since)]

    def followed(self) -> None:
        """Until the tail is believed."""
        for _ in range(3):
            self.look()
            self.clock.sleep(OPENING)
        self.look()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(FakeClock())
    yield made
    made.live.close()


def test_one_look_is_one_list_and_no_session(scene: Scene) -> None:
    """Who looks once does not follow."""
    scene.log = ["one"]
    assert scene.look() == ["one"]
    assert (scene.lists, scene.sessions) == (1, [])


def test_who_looks_again_follows(scene: Scene) -> None:
    """From the second look on there is a session; its lines are there before any list has them."""
    scene.log = ["one"]
    scene.followed()
    lists = scene.lists
    scene.tell("two")
    assert scene.look() == ["one", "two"]
    assert scene.lists == lists


def test_while_a_session_opens_its_lines_are_shown_already(scene: Scene) -> None:
    """And three lists are enough until it is believed, however often somebody looks."""
    for _ in range(40):
        scene.look()
        scene.clock.sleep(0.1)
    scene.tell("one")
    assert scene.look() == ["one"]
    assert scene.lists == 3


def test_a_told_line_is_the_same_line_when_it_is_listed(scene: Scene) -> None:
    """One event, at every reading."""
    scene.log = ["one"]
    scene.followed()
    scene.tell("two")
    scene.log.append("two")
    scene.clock.sleep(CONFIRMED)
    assert scene.look() == ["one", "two"]


def test_what_was_told_and_is_not_listed_yet_stays(scene: Scene) -> None:
    """A list may be behind what was told, and takes nothing back."""
    scene.log = ["one"]
    scene.followed()
    scene.tell("two")
    scene.clock.sleep(CONFIRMED)
    assert scene.look() == ["one", "two"]


def test_a_late_line_that_the_tail_has_missed_is_listed(scene: Scene) -> None:
    """The list is the truth, and is asked now and then."""
    scene.followed()
    scene.log = ["late"]
    scene.clock.sleep(CONFIRMED)
    assert scene.look() == ["late"]


def test_an_omission_is_made_good_at_once(scene: Scene) -> None:
    """A session that has left lines out is not believed before a list."""
    scene.followed()
    scene.log = ["left out"]
    scene.sessions[-1].lost_at = scene.clock.monotonic()
    scene.clock.sleep(PACE)
    assert scene.look() == ["left out"]


def test_without_a_session_every_look_is_a_list_but_not_too_often(scene: Scene) -> None:
    """Where the live tail is refused, following is only slower; now and then it is tried again."""
    scene.look()
    scene.look()
    scene.sessions[-1].alive, scene.sessions[-1].lost_at = False, scene.clock.monotonic()
    lists = scene.lists
    scene.log = ["one"]
    scene.clock.sleep(PACE)
    assert scene.look() == ["one"]
    scene.log.append("two")
    assert scene.look() == ["one"]
    scene.clock.sleep(PACE)
    assert scene.look() == ["one", "two"]
    assert (scene.lists, len(scene.sessions)) == (lists + 2, 1)
    scene.clock.sleep(CONFIRMED + 1)
    scene.look()
    assert len(scene.sessions) == 2


def test_the_last_line_waits_until_it_is_listed(scene: Scene) -> None:
    """It ends all following, so nothing before it may be missing."""
    scene.log = ["one"]
    scene.followed()
    scene.tell(LAST)
    assert scene.look() == ["one"]
    scene.log.append(LAST)
    scene.clock.sleep(PACE)
    assert scene.look() == ["one", LAST]


def test_a_look_further_back_than_what_is_kept_is_a_list(scene: Scene) -> None:
    """A new reader begins where it wants to."""
    scene.log = ["old", "new"]
    scene.look(START + 1)
    scene.look(START + 1)
    scene.clock.sleep(OPENING + 1)
    scene.look(START + 1)
    assert scene.look() == ["old", "new"]


def test_another_job_opens_the_session_anew_for_both(scene: Scene) -> None:
    """One session per process: a project has ten (https://cloud.google.com/logging/quotas)."""
    scene.followed()
    scene.look(execution="e2", job="k")
    scene.look(execution="e2", job="k")
    first, second = scene.sessions
    assert not first.alive
    assert '("j" OR "k")' in second.wanted
    scene.tell("of the first")
    scene.clock.sleep(OPENING)
    assert scene.look() == ["of the first"]


def test_runs_do_not_mix_in_a_session(scene: Scene) -> None:
    """An execution's lines are its own."""
    scene.followed()
    scene.look(execution="e2")
    scene.look(execution="e2")
    scene.tell("mine", execution="e2")
    scene.tell("nobody's", execution="e3")
    assert scene.look() == []
    assert scene.look(execution="e2") == ["mine"]


def test_who_stops_looking_is_forgotten(scene: Scene) -> None:
    """The next look is a first one."""
    scene.followed()
    scene.clock.sleep(IDLE + 1)
    lists, sessions = scene.lists, len(scene.sessions)
    scene.look()
    assert (scene.lists, len(scene.sessions)) == (lists + 1, sessions)


def test_while_questions_are_used_up_the_session_is_believed_longer(scene: Scene) -> None:
    """Many followers share the project's quota; a run's last word is still listed."""
    scene.project.log_reads = replace_rate(scene)
    scene.followed()
    lists = scene.lists
    scene.clock.sleep(CONFIRMED + 1)
    scene.look()
    assert scene.lists == lists
    scene.clock.sleep(IDLE - 1)
    scene.look()
    scene.clock.sleep(AT_MOST - CONFIRMED - IDLE + 1)
    scene.look()
    assert scene.lists == lists + 1


def replace_rate(scene: Scene) -> Rate:
    """A quota that is used up for an hour."""
    rate = Rate(1, 3600, clock=scene.clock.monotonic, sleep=lambda _: None)
    rate.take()
    return rate


def test_what_is_kept_is_bounded(scene: Scene) -> None:
    """Of a run that prints for hours, a follower keeps the last minute."""
    scene.log = [f"line {at}" for at in range(100_000)]
    scene.followed()
    (kept,) = scene.live._followed.values()
    assert len(kept.events) <= 60_001
