"""The laws of core.books.Queue.  A subclass gives the fixture `ledger`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.contracts.ledger import START, a_run
from toolkit.core.clock import iso
from toolkit.core.ports import Ledger
from toolkit.core.run import Cause, Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.work import Added, Rooms, WorkItem

ONE_EACH = Rooms(agents={"dev": 1, "ops": 1})
MANY = Rooms(agents={"dev": 100, "ops": 100})


def at(seconds: float) -> datetime:
    """So long after noon."""
    return START + timedelta(seconds=seconds)


def an_item(run: Run, *, once: str = "", not_before: str | None = None, **trigger: Any) -> WorkItem:
    """Work for the run."""
    why = Trigger(agent=run.agent, kind=TriggerKind.WEBHOOK, **trigger)
    return WorkItem(run=run.id, trigger=why, created=run.created, once=once, not_before=not_before)


def put(
    ledger: Ledger, agent: str = "dev", *, after: float = 0.0, most: int = 100, **item: Any
) -> Added:
    """A new run's work, queued `after` seconds past noon."""
    run = a_run(agent, after=after)
    return ledger.queue.add(run, an_item(run, **item), most=most)


def taken(
    ledger: Ledger, rooms: Rooms = ONE_EACH, *, by: str = "me", after: float = 60.0
) -> RunId | None:
    """Whose turn it is a minute past noon, for 30 seconds."""
    item = ledger.queue.take(by, rooms, seconds=30, moment=at(after))
    return item.run if item else None


def attempts(ledger: Ledger, run: RunId) -> int | None:
    """None when it is not there."""
    item = ledger.queue.get(run)
    return item.attempts if item else None


def waits(ledger: Ledger, agent: str | None = None) -> list[RunId]:
    return [item.run for item in ledger.queue.waiting(agent)]


class QueueContract:
    """Nothing that was queued is lost, started twice, or started where there is no room."""

    # queueing

    def test_queued_work_comes_back_whole(self, ledger: Ledger) -> None:
        """Whatever the trigger tells, with the run that was allocated for it."""
        run = a_run("dev", source="github", delivery="r1")
        context = {"event": "push", "labels": ["a", None], "deep": {"n": 1.5, "ü": "»\n"}}
        item = an_item(run, once="", context=context, prompt="go", depth=2, rerun=1, call="c")
        assert ledger.queue.add(run, item, most=5) == Added(run=run.id)
        assert ledger.queue.get(run.id) == item
        assert list(ledger.queue.waiting()) == [item]
        assert ledger.get(run.id) == run

    def test_a_long_context_comes_back_whole(self, ledger: Ledger) -> None:
        """Longer than what anybody wants to read who only looks who is next."""
        run = a_run()
        item = an_item(run, context={"body": "x" * 60_000})
        ledger.queue.add(run, item, most=5)
        assert ledger.queue.get(run.id) == item
        assert list(ledger.queue.waiting("dev")) == [item]
        found = ledger.queue.take("me", ONE_EACH, seconds=30, moment=at(1))
        assert found is not None
        assert found.trigger == item.trigger
        assert ledger.queue.done(run.id)
        assert ledger.queue.get(run.id) is None

    def test_the_same_run_again_changes_nothing(self, ledger: Ledger) -> None:
        """Whoever got no answer asks again, also after it was taken and after it was done."""
        run = a_run()
        item = an_item(run, prompt="first")
        ledger.queue.add(run, item, most=1)
        assert ledger.queue.add(run, replace(item, attempts=7), most=1) == Added(run=run.id)
        assert list(ledger.queue.waiting()) == [item]
        assert taken(ledger) == run.id
        ledger.update(run.id, state=RunState.STARTING)
        ledger.queue.add(run, item, most=1)
        assert waits(ledger) == []
        assert [item.run for item in ledger.queue.at_work()] == [run.id]
        ledger.update(run.id, state=RunState.SUCCEEDED)
        ledger.queue.done(run.id)
        ledger.queue.add(run, item, most=1)
        assert waits(ledger) == []
        assert taken(ledger) is None

    def test_a_full_queue_drops_its_oldest(self, ledger: Ledger) -> None:
        """Their runs have ended and say why; another agent's line is not touched."""
        first, second = put(ledger, after=1), put(ledger, after=2)
        other = put(ledger, "ops", after=0, most=1)
        third = put(ledger, after=3, most=2)
        assert third.dropped == (first.run,)
        assert waits(ledger) == [other.run, second.run, third.run]
        ended = ledger.get(first.run)
        assert ended is not None
        assert (ended.state, ended.cause) == (RunState.FAILED, Cause.DROPPED)
        assert ended.finished
        assert ledger.queue.get(first.run) is None

    def test_a_smaller_limit_drops_all_that_are_too_many(self, ledger: Ledger) -> None:
        """A user may have made the queue shorter since."""
        old = [put(ledger, after=n).run for n in range(4)]
        new = put(ledger, after=9, most=2)
        assert list(new.dropped) == old[:3]
        assert waits(ledger) == [old[3], new.run]

    def test_what_is_at_work_takes_no_place_in_the_queue(self, ledger: Ledger) -> None:
        """Only waiting items count, and only they are dropped."""
        first = put(ledger, after=1)
        assert taken(ledger) == first.run
        second = put(ledger, after=2, most=1)
        assert second.dropped == ()
        assert put(ledger, after=3, most=1).dropped == (second.run,)
        assert [item.run for item in ledger.queue.at_work()] == [first.run]

    def test_work_that_waits_already_is_joined(self, ledger: Ledger) -> None:
        """A schedule that is behind is made good by one run; nothing is recorded of the second."""
        first = put(ledger, after=1, once="schedule")
        late = a_run(after=2)
        joined = ledger.queue.add(late, an_item(late, once="schedule"), most=1)
        assert joined == Added(run=first.run, joined=True)
        assert waits(ledger) == [first.run]
        assert ledger.get(late.id) is None

    def test_only_the_same_work_of_the_same_agent_is_joined(self, ledger: Ledger) -> None:
        """Other work, other agents, and work that has no such name stay themselves."""
        found = [
            put(ledger, after=1, once="schedule"),
            put(ledger, after=2, once="other"),
            put(ledger, "ops", after=3, once="schedule"),
            put(ledger, after=4),
            put(ledger, after=5),
        ]
        assert waits(ledger) == [added.run for added in found]

    def test_work_that_has_begun_is_not_joined(self, ledger: Ledger) -> None:
        """The next tick is queued while the run of the last one goes on."""
        first = put(ledger, after=1, once="schedule")
        assert taken(ledger) == first.run
        second = put(ledger, after=2, once="schedule")
        assert (second.joined, waits(ledger)) == (False, [second.run])
        ledger.queue.started(first.run, "me")
        assert put(ledger, after=3, once="schedule").run == second.run

    def test_of_many_who_queue_the_same_one_gets_in(self, ledger: Ledger) -> None:
        """Two schedulers tick at the same time."""
        with ThreadPoolExecutor(6) as pool:
            added = list(pool.map(lambda n: put(ledger, after=n, once="schedule"), range(6)))
        (waiting,) = waits(ledger)
        assert {a.run for a in added} == {waiting}
        assert [a.joined for a in added].count(False) == 1

    def test_however_many_queue_at_once_none_is_lost(self, ledger: Ledger) -> None:
        """All wait, in their order, and each has its record."""
        with ThreadPoolExecutor(8) as pool:
            added = list(pool.map(lambda n: put(ledger, after=n).run, range(16)))
        assert waits(ledger) == added
        assert {run.id for run in ledger.runs(active=True)} == set(added)

    def test_however_many_queue_at_once_the_limit_holds(self, ledger: Ledger) -> None:
        """What had to go is told to somebody, once, and is over."""
        with ThreadPoolExecutor(6) as pool:
            added = list(pool.map(lambda n: put(ledger, after=n, most=3), range(12)))
        dropped = [run for a in added for run in a.dropped]
        assert len(waits(ledger)) == 3
        assert sorted([*dropped, *waits(ledger)]) == sorted(a.run for a in added)
        assert {run.id for run in ledger.runs() if run.state.final} == set(dropped)

    # taking

    def test_the_oldest_is_taken_first(self, ledger: Ledger) -> None:
        """Across agents, whatever the order in which it was queued."""
        third, first = put(ledger, after=3).run, put(ledger, "ops", after=1).run
        second = put(ledger, after=2).run
        assert [taken(ledger, MANY) for _ in range(4)] == [first, second, third, None]

    def test_what_came_in_the_same_millisecond_is_taken_as_it_came(self, ledger: Ledger) -> None:
        """First come, first served, whatever the runs are called."""
        runs = [replace(a_run(), id=RunId(f"dev-{9 - n}0000000")) for n in range(4)]
        for run in runs:
            ledger.queue.add(run, an_item(run), most=100)
        names = [run.id for run in runs]
        assert waits(ledger) == names
        assert [taken(ledger, MANY) for _ in names] == names

    def test_who_takes_an_item_holds_it(self, ledger: Ledger) -> None:
        """It says by whom, until when, and how often it was taken; it waits no more."""
        run = put(ledger).run
        item = ledger.queue.take("me", ONE_EACH, seconds=30, moment=at(60))
        assert item is not None
        assert (item.run, item.holder, item.until) == (run, "me", iso(at(90)))
        assert (item.attempts, item.started) == (1, False)
        assert ledger.queue.get(run) == item
        assert list(ledger.queue.at_work()) == [item]
        assert (waits(ledger), dict(ledger.queue.lengths())) == ([], {})

    def test_an_empty_queue_gives_nothing(self, ledger: Ledger) -> None:
        """None, and nobody waits."""
        assert taken(ledger) is None
        assert (waits(ledger), list(ledger.queue.at_work())) == ([], [])

    def test_work_is_not_taken_before_its_time(self, ledger: Ledger) -> None:
        """Younger work that is due goes first; at its very time it is due."""
        later = put(ledger, after=1, not_before=iso(at(100))).run
        now = put(ledger, after=2).run
        assert taken(ledger, MANY, after=60) == now
        ledger.queue.started(now, "me")
        assert taken(ledger, MANY, after=99.999) is None
        assert taken(ledger, MANY, after=100) == later

    def test_an_agent_starts_no_more_than_there_is_room_for(self, ledger: Ledger) -> None:
        """Another one's younger work goes first then; started work takes room as held work does."""
        first, second = put(ledger, after=1).run, put(ledger, after=2).run
        other = put(ledger, "ops", after=3).run
        assert [taken(ledger), taken(ledger), taken(ledger)] == [first, other, None]
        ledger.queue.started(first, "me")
        assert taken(ledger) is None
        ledger.queue.done(first)
        assert taken(ledger) == second

    def test_an_agent_that_is_not_named_starts_nothing(self, ledger: Ledger) -> None:
        """Paused, disabled, or gone: its work waits."""
        run = put(ledger, "idle").run
        assert taken(ledger) is None
        assert taken(ledger, Rooms(agents={"idle": 0})) is None
        assert taken(ledger, Rooms(agents={"idle": 1})) == run

    def test_a_smaller_scale_waits_for_those_at_work(self, ledger: Ledger) -> None:
        """Three at work of two that are allowed now: the third and the second have to end first."""
        runs = [put(ledger, after=n).run for n in range(4)]
        assert [taken(ledger, MANY) for _ in range(3)] == runs[:3]
        two = Rooms(agents={"dev": 2})
        ledger.queue.done(runs[0])
        assert taken(ledger, two) is None
        ledger.queue.done(runs[1])
        assert taken(ledger, two) == runs[3]

    def test_all_agents_together_start_no_more_than_the_total(self, ledger: Ledger) -> None:
        """The project's own limit is a true one."""
        first, second = put(ledger, after=1).run, put(ledger, "ops", after=2).run
        rooms = replace(MANY, total=1)
        assert [taken(ledger, rooms), taken(ledger, rooms)] == [first, None]
        ledger.queue.started(first, "me")
        assert taken(ledger, rooms) is None
        ledger.queue.done(first)
        assert taken(ledger, rooms) == second

    def test_however_many_take_at_once_each_item_has_one_holder(self, ledger: Ledger) -> None:
        """And all are taken."""
        runs = [put(ledger, after=n).run for n in range(6)]
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(lambda n: taken(ledger, MANY, by=f"w{n}"), range(8)))
        assert sorted(run for run in found if run) == sorted(runs)

    def test_however_many_take_at_once_an_agents_room_is_enough(self, ledger: Ledger) -> None:
        """Eight want the only two places."""
        for number in range(8):
            put(ledger, after=number)
        rooms = Rooms(agents={"dev": 2})
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda n: taken(ledger, rooms, by=f"w{n}"), range(8)))
        assert len([run for run in found if run]) == 2
        assert len(ledger.queue.at_work()) == 2

    def test_however_many_take_at_once_the_total_is_kept(self, ledger: Ledger) -> None:
        """Also when they take for different agents."""
        for number in range(4):
            put(ledger, after=number)
            put(ledger, "ops", after=number)
        rooms = replace(MANY, total=3)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda n: taken(ledger, rooms, by=f"w{n}"), range(8)))
        assert len([run for run in found if run]) == 3
        assert len(ledger.queue.at_work()) == 3

    # looking

    def test_an_agents_line_is_its_own(self, ledger: Ledger) -> None:
        """Also of an agent whose name begins with another's; the limit keeps the oldest."""
        mine = [put(ledger, after=n).run for n in range(3)]
        other = put(ledger, "dev-ops", after=9).run
        assert waits(ledger, "dev") == mine
        assert waits(ledger) == [*mine, other]
        assert [item.run for item in ledger.queue.waiting(limit=2)] == mine[:2]
        assert waits(ledger, "nobody") == []

    def test_lengths_count_those_that_wait(self, ledger: Ledger) -> None:
        """By agent; who has nothing waiting is left out."""
        for number in range(3):
            put(ledger, after=number)
        put(ledger, "ops", after=9)
        assert taken(ledger, Rooms(agents={"dev": 1})) is not None
        assert dict(ledger.queue.lengths()) == {"dev": 2, "ops": 1}
        assert taken(ledger, Rooms(agents={"ops": 1})) is not None
        assert dict(ledger.queue.lengths()) == {"dev": 2}
