"""The whole scheduler with its gateway is killed at random points while it works: nothing is lost, and nothing is run twice
at once.

There are 12 kills, or a fiftieth of `AL_CHAOS` if that is more; `AL_CHAOS_SEED` is the seed, which is printed.
"""

import os
import random
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.fakes import eventually
from tests.gateway.place import BEARER
from tests.scheduler.users import Users
from tests.scheduler.whole import ROSTER, SCOPE, TOLD, Life, begin, push, services
from tests.scheduler.world import Task, World
from toolkit.core.clock import from_iso, iso, now
from toolkit.core.run import Run, RunState, TriggerKind
from toolkit.scheduler.cron import Tick
from toolkit.scheduler.settle import LAUNCH_PATIENCE, verdict
from toolkit.scheduler.sweeper import sweep

KILLS = max(12, int(os.environ.get("AL_CHAOS", "0")) // 50)
SEED = os.environ.get("AL_CHAOS_SEED") or str(random.SystemRandom().randrange(10**6))
LONGEST = 0.4  # seconds that one lives
HEALING = (
    100.0  # seconds by which the last one's clock is ahead: what waits for another attempt is due
)


class Chaos:
    """What happened, and what the books say at the end."""

    def __init__(self, place: Path, listening: socket.socket) -> None:
        self.place, self._listening = place, listening
        host, port = listening.getsockname()
        self.address = f"http://{host}:{port}"
        self.world, self.users = World(place, seed=SEED), Users(self.address, SEED)
        self.services = services(place)
        self._dice = random.Random(SEED)
        self.began = now()
        self.ended = self.began

    def life(self, number: int, **more: float) -> Life:
        return Life(place=self.place, listening=self._listening, seed=f"{SEED}/{number}", **more)

    def deaths(self) -> None:
        for number in range(KILLS):
            process = begin(self.life(number))
            if self._dice.random() < 0.8:  # the others die while they start
                eventually(self._answers)
            time.sleep(self._dice.uniform(0, LONGEST))  # the moment of the kill
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()

    def peace(self) -> None:
        """The last one lives until nothing is left to do."""
        self.world.calm = True
        process = begin(self.life(KILLS, trouble=0.0, ahead=HEALING))
        try:
            eventually(self._resumed)
            eventually(self._still, seconds=60 + 2 * KILLS)
        finally:
            process.kill()
            process.join()
        self.ended = now() + timedelta(seconds=HEALING)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def _resumed(self) -> bool:
        return httpx.post(f"{self.address}/control/resume", headers=BEARER).status_code == 200

    def _still(self) -> bool:
        """Nothing waits, and what is held is only what may yet be heard of."""
        queue = self.services.ledger.queue
        busy = [i for i in queue.at_work() if i.run.agent != "clock" and not self._hopeless(i.run)]
        return not busy and not set(queue.lengths()) - {"clock"}

    def _hopeless(self, run: str) -> bool:
        """Of what nobody launched the record waits for some minutes, and then says so."""
        record = next(r for r in self.runs if r.id == run)
        box = self.services.ledger.mailbox(record.id)
        waits = record.handle is None and not box.claimed and record.state is RunState.STARTING
        late = now() + LAUNCH_PATIENCE + timedelta(minutes=2)
        return waits and verdict(record, box, None, late).state.final

    @property
    def runs(self) -> Sequence[Run]:
        return self.services.ledger.runs(limit=100_000)

    @property
    def tasks(self) -> list[Task]:
        return self.world.tasks()


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    sys.stdout.write(f"AL_CHAOS_SEED={SEED}\n")
    place = tmp_path_factory.mktemp("chaos")
    push(place)
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
        made = Chaos(place, listening)
        with made.world.containers():
            with made.users.busy():
                made.deaths()
            made.peace()
        sys.stdout.write(
            f"{KILLS} kills, {len(made.runs)} runs, {len(made.tasks)} tasks; answers: {dict(made.users.statuses)}\n"
        )
        yield made


def test_nobody_was_answered_with_a_failure_of_ours(chaos: Chaos) -> None:
    """A gateway that was killed answers nothing; one that lives has no 5xx."""
    assert chaos.users.troubles == []
    assert chaos.world.troubles == []
    assert chaos.users.statuses["200"] > KILLS


def test_no_accepted_delivery_is_lost(chaos: Chaos) -> None:
    """Its receipt is there with all its runs; one that was sent again has one receipt."""
    made = Counter(str(run.delivery) for run in chaos.runs)
    receipts = [receipt for known in chaos.users.receipts.values() for receipt in known]
    assert len(receipts) == len(chaos.users.receipts) > 0
    assert {made[receipt] for receipt in receipts} == {2}
    assert set(chaos.users.runs) <= {str(run.id) for run in chaos.runs}


def test_no_run_has_two_tasks_at_once(chaos: Chaos) -> None:
    """However often it was launched: the next task of a run begins when the one before it has ended."""
    assert [pair for pair in _neighbours(chaos.tasks) if _overlap(*pair)] == []
    claims = Counter(task.run for task in chaos.tasks if task.claimed)
    assert [run for run, count in claims.items() if count > 1] == []


def test_there_is_room_for_all_that_work_at_once(chaos: Chaos) -> None:
    """Of each agent, and of all."""
    tasks = chaos.tasks
    assert _most(tasks) <= (ROSTER.total or 0)
    for name, post in ROSTER.posts.items():
        assert _most([task for task in tasks if task.run.agent == name]) <= post.scale


def test_every_run_is_over_or_at_work(chaos: Chaos) -> None:
    """And its record is true: what has succeeded has done its work once, what was never claimed has not."""
    open_runs = [r for r in chaos.runs if not r.state.final and r.agent != "clock"]
    assert [run.id for run in open_runs if not chaos._hopeless(run.id)] == []
    claimed = {task.run for task in chaos.tasks if task.claimed}
    assert [r.id for r in chaos.runs if r.state is RunState.SUCCEEDED and r.id not in claimed] == []


def test_no_tick_is_two_runs(chaos: Chaos) -> None:
    """A schedule's run has its tick's name, whoever queued it, and however often."""
    scheduled = [r for r in chaos.runs if r.trigger is TriggerKind.SCHEDULE and not r.rerun]
    assert scheduled
    assert {run.id for run in scheduled} == {
        Tick(agent=CLOCK, at=at, begin=at).run(SCOPE) for at in map(_tick_of, scheduled)
    }
    assert len({run.origin for run in scheduled}) == len(scheduled)


def test_every_tick_is_a_run_or_somebody_heard_why_not(chaos: Chaos) -> None:
    """Missed, skipped because its agent was at work, done by a run that waited, or made good by a later one: never nothing,
    however often its scheduler died."""
    ran = {_tick_of(r) for r in chaos.runs if r.trigger is TriggerKind.SCHEDULE and not r.rerun}
    told = _TOLD.findall((chaos.place / TOLD).read_text())
    heard = {from_iso(at) for at, _, _ in told}
    together = {at for at, _, first in told if first for at in _seconds(first, at)}
    looked = chaos.services.ledger.fact("tick/clock")["at"]
    ticks = _seconds(iso(min(ran | heard)), looked)
    assert len(ticks) > KILLS / 2
    assert [at for at in ticks if at not in ran | heard | together] == []


CLOCK = ROSTER.posts["clock"].agent
_TOLD = re.compile(
    r"clock: the schedule's start at (\S+) (stands for all since (\S+)|was|is|fails)"
)


def _tick_of(run: Run) -> datetime:
    return datetime.fromisoformat(str(run.origin).partition("@")[2])


def _seconds(first: str, last: str) -> list[datetime]:
    """Each of which is a tick, both included."""
    began, ended = from_iso(first), from_iso(last)
    count = int((ended - began).total_seconds()) + 1
    return [began + timedelta(seconds=number) for number in range(count)]


def test_no_lock_outlives_its_run_and_no_two_have_one(chaos: Chaos) -> None:
    """Neither while they worked, nor after all of them."""
    over = {run.id for run in chaos.runs if run.state.final}
    held = chaos.services.ledger.locks.held(moment=now())
    assert [lock for lock in held if lock.holder in over] == []
    assert chaos.world.held
    for key in {key for key, *_ in chaos.world.held}:
        spans = sorted((a, b, run) for one, run, a, b in chaos.world.held if one == key)
        assert [p for p in pairwise(spans) if p[1][0] < p[0][1] and p[0][2] != p[1][2]] == []


def test_no_call_stays_open(chaos: Chaos) -> None:
    """Its answer is there, or the reason why there is none."""
    calls = [chaos.services.ledger.calls.get(call) for call in chaos.world.calls]
    assert calls
    assert [call for call in calls if call is None or not call.state.final] == []


def test_no_secret_is_left(chaos: Chaos) -> None:
    """After the sweeper, and of what is over."""
    made = chaos.services
    over = {run.id for run in chaos.runs if run.state.final}
    sweep(made.run_secrets, made.ledger, made.context.names, now=lambda: now() + timedelta(hours=1))
    left = [s for s in made.run_secrets.list("") if s.tags.get("al:run") in over]
    assert left == []
    receipts = [run for run in chaos.runs if run.state.final and run.lease]
    assert [run.id for run in receipts if not run.receipt.verified_absent] == []


def _neighbours(tasks: Sequence[Task]) -> list[tuple[Task, Task]]:
    ordered = sorted(tasks, key=lambda task: (task.run, task.began))
    return [(a, b) for a, b in pairwise(ordered) if a.run == b.run]


def _overlap(first: Task, second: Task) -> bool:
    return first.ended is None or second.began < first.ended


def _most(tasks: Sequence[Task]) -> int:
    """How many worked at once at most."""
    changes = [(task.began, 1) for task in tasks]
    changes += [(task.ended, -1) for task in tasks if task.ended is not None]
    working = most = 0
    for _, change in sorted(changes):
        working += change
        most = max(most, working)
    return most
