"""The laws of core.ports.Ledger.  A subclass gives the fixtures `ledger` and `container`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.errors import AlError, AlreadyExists, NotFound
from toolkit.core.ports import Ledger
from toolkit.core.run import Cause, Mailbox, Run, RunHandle, RunId, RunState, TriggerKind
from toolkit.core.secrets import Receipt, SecretLease, SecretRef

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
Container = Callable[..., None]  # container(run, **what it writes into its mailbox)


def a_run(agent: str = "dev", *, after: float = 0.0, **fields: Any) -> Run:
    """A new run, created `after` seconds past noon."""
    name = AgentName(agent)
    known = {"id": RunId.new(name), "created": iso(START + timedelta(seconds=after))} | fields
    return Run(agent=name, runtime="memory", trigger=TriggerKind.MANUAL, **known)


def a_full_run() -> Run:
    """A run of which nothing is left out."""
    run = a_run()
    lease = SecretLease(
        ref=SecretRef(store="memory", name=f"x/{run.id}"),
        agent="dev",
        run=run.id,
        created=START,
        expires=START + timedelta(hours=1),
    )
    return replace(
        run,
        state=RunState.FAILED,
        started=iso(START),
        finished=iso(START + timedelta(seconds=5)),
        deadline=iso(START + timedelta(hours=1)),
        exit_code=7,
        cause=Cause.EXIT_CODE,
        reason="exited with code 7: »äöü« \n 'quoted'",
        image="registry/dev@sha256:00",
        definition="dev:3",
        handle=RunHandle(
            runtime="memory", run=run.id, agent=run.agent, ids={"pid": "7", "group": "/x"}
        ),
        lease=lease,
        receipt=Receipt(created=iso(START), read=None, deleted=iso(START)),
        return_value="four",
        source="github",
        prompt="go »on«",
        depth=2,
        origin="shop/prod/dev@2026-11-20T12:00:00+00:00",
        token="ab" * 32,
        usage={"input_tokens": 3, "cost": 0.0125, "hooks": {"pre": 1e-07}},
    )


def kept(action: Callable[[], object]) -> bool:
    """Whether `action` went through."""
    try:
        return action() is not False
    except AlError:
        return False


class LedgerContract:
    """Whatever keeps the runs, keeps them so."""

    def test_a_recorded_run_comes_back_whole(self, ledger: Ledger) -> None:
        """Every field survives, and the times in it to the millisecond."""
        run = a_full_run()
        ledger.add(run)
        assert ledger.get(run.id) == run

    def test_an_unknown_run_is_none(self, ledger: Ledger) -> None:
        """Asking for what nobody recorded is no error."""
        assert ledger.get(RunId("dev-00000000")) is None

    def test_a_run_is_recorded_once(self, ledger: Ledger) -> None:
        """The second record of an id is refused, and the first stays."""
        run = a_run()
        ledger.add(run)
        with pytest.raises(AlreadyExists):
            ledger.add(replace(run, reason="another"))
        assert ledger.get(run.id) == run

    def test_of_many_who_record_one_run_one_wins(self, ledger: Ledger) -> None:
        """At most one caller may go on to launch a run id."""
        run = a_run()
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda _: kept(lambda: ledger.add(run)), range(8)))
        assert won.count(True) == 1

    def test_an_update_sets_what_it_names_and_nothing_else(self, ledger: Ledger) -> None:
        """The answer is the run as it is from now on."""
        run = a_run()
        ledger.add(run)
        expected = replace(run, state=RunState.RUNNING, reason="started")
        assert ledger.update(run.id, state=RunState.RUNNING, reason="started") == expected
        assert ledger.get(run.id) == expected

    def test_an_update_can_take_a_value_away(self, ledger: Ledger) -> None:
        """None is a value as any other."""
        run = a_run(deadline=iso(START))
        ledger.add(run)
        assert ledger.update(run.id, deadline=None).deadline is None

    def test_updating_an_unknown_run_is_refused(self, ledger: Ledger) -> None:
        """Nothing is recorded by accident."""
        with pytest.raises(NotFound):
            ledger.update(RunId("dev-00000000"), state=RunState.RUNNING)
        assert ledger.get(RunId("dev-00000000")) is None

    @pytest.mark.parametrize("field", ["colour", "id", "agent", "created"])
    def test_what_identifies_a_run_cannot_be_set(self, ledger: Ledger, field: str) -> None:
        """A field that does not exist, or that the order of runs is made of, is our own mistake."""
        run = a_run()
        ledger.add(run)
        with pytest.raises(TypeError):
            ledger.update(run.id, **{field: "x"})

    @pytest.mark.parametrize("late", [RunState.RUNNING, RunState.FAILED, RunState.LOST])
    def test_a_final_state_never_changes(self, ledger: Ledger, late: RunState) -> None:
        """Who comes too late changes nothing, and is told what is."""
        run = a_run()
        ledger.add(run)
        over = ledger.update(run.id, state=RunState.SUCCEEDED, exit_code=0, reason="done")
        assert ledger.update(run.id, state=late, exit_code=1, reason="late") == over
        assert ledger.get(run.id) == over

    def test_a_receipt_is_completed_after_the_end(self, ledger: Ledger) -> None:
        """A late call may bring a receipt; of the rest, nothing is kept."""
        run = a_run(state=RunState.STOPPED)
        ledger.add(run)
        receipt = Receipt(created=iso(START), deleted=iso(START))
        updated = ledger.update(run.id, state=RunState.RUNNING, receipt=receipt)
        assert updated == replace(run, receipt=receipt)

    def test_a_time_in_a_receipt_never_vanishes(self, ledger: Ledger) -> None:
        """Two that complete one receipt do not undo each other's part."""
        run = a_run()
        ledger.add(run)
        ledger.update(run.id, receipt=Receipt(created="1", deleted="2"))
        updated = ledger.update(run.id, receipt=Receipt(created="1", read="3"))
        assert updated.receipt == Receipt(created="1", read="3", deleted="2")

    def test_runs_are_listed_newest_first(self, ledger: Ledger) -> None:
        """Whatever the order in which they were recorded; equal times go by id."""
        runs = [a_run(after=seconds) for seconds in (3, 1, 2, 2)]
        for run in runs:
            ledger.add(run)
        newest = sorted(runs, key=lambda r: (r.created, r.id), reverse=True)
        assert list(ledger.runs()) == newest

    def test_no_more_runs_are_listed_than_asked_for(self, ledger: Ledger) -> None:
        """The limit keeps the newest."""
        runs = [a_run(after=seconds) for seconds in range(5)]
        for run in runs:
            ledger.add(run)
        assert list(ledger.runs(limit=2)) == [runs[4], runs[3]]

    def test_an_agents_runs_are_its_own(self, ledger: Ledger) -> None:
        """Also of an agent whose name begins with another's."""
        mine, other = a_run("dev"), a_run("dev-ops")
        ledger.add(mine)
        ledger.add(other)
        assert list(ledger.runs(agent="dev")) == [mine]
        assert list(ledger.runs(agent="nobody")) == []

    def test_active_runs_are_those_without_an_end(self, ledger: Ledger) -> None:
        """A run leaves the list with its final state, and not before."""
        queued, running, over = a_run(after=1), a_run(after=2), a_run("ops", after=3)
        for run in (queued, running, over):
            ledger.add(run)
        ledger.add(a_run(after=4, state=RunState.LOST))
        running = ledger.update(running.id, state=RunState.RUNNING)
        ledger.update(over.id, state=RunState.SUCCEEDED)
        assert list(ledger.runs(active=True)) == [running, queued]
        assert list(ledger.runs(active=True, limit=1)) == [running]
        assert list(ledger.runs(active=True, agent="ops")) == []

    def test_a_mailbox_is_empty_at_first(self, ledger: Ledger) -> None:
        """Nothing written reads as nothing, for a run that is known and for one that is not."""
        run = a_run()
        ledger.add(run)
        assert ledger.mailbox(run.id) == ledger.mailbox(RunId("dev-00000000")) == Mailbox()

    def test_a_mailbox_holds_what_the_container_wrote(
        self, ledger: Ledger, container: Container
    ) -> None:
        """Claim, place, times, report and status, each as it was written."""
        run = a_run()
        ledger.add(run)
        written: dict[str, Any] = {
            "claimed": iso(START),
            "where": {"log_stream": "2026/11/20/[1]ab", "request_id": "7"},
            "read": iso(START),
            "burned": iso(START),
            "report": {"exit_code": 0, "state": "succeeded", "usage": {"input": 3}, "rerun": False},
            "status": "reviewing",
        }
        container(run.id, **written)
        assert ledger.mailbox(run.id) == Mailbox(**written)

    def test_a_stop_flag_changes_nothing_else(self, ledger: Ledger, container: Container) -> None:
        """It can be raised twice, before and after the container's first word."""
        run = a_run()
        ledger.add(run)
        ledger.request_stop(run.id)
        container(run.id, claimed=iso(START))
        ledger.request_stop(run.id)
        assert ledger.mailbox(run.id) == Mailbox(claimed=iso(START), stop=True)
        assert ledger.get(run.id) == run

    def test_a_fact_is_any_json(self, ledger: Ledger) -> None:
        """What was kept comes back equal, and the last one counts."""
        value = {"hash": "ab", "outputs": {"url": "https://x", "n": [1, 2.5, None, True]}, "ü": "»"}
        assert ledger.fact("applied") is None
        assert ledger.set_fact("applied", "earlier")
        assert ledger.set_fact("applied", value)
        assert ledger.fact("applied") == value

    def test_none_deletes_a_fact(self, ledger: Ledger) -> None:
        """Deleting what is not there is fine."""
        ledger.set_fact("gateway", {"url": "x"})
        assert ledger.set_fact("gateway", None)
        assert ledger.set_fact("gateway", None)
        assert ledger.fact("gateway") is None
        assert ledger.facts("") == {}

    def test_a_fact_changes_only_from_what_was_expected(self, ledger: Ledger) -> None:
        """Compare and set: equal JSON is equal, whatever the order of its keys."""
        assert not ledger.set_fact("lease", "mine", expected="yours")
        assert ledger.set_fact("lease", {"a": 1, "b": 2}, expected=None)
        assert not ledger.set_fact("lease", "mine", expected=None)
        assert ledger.set_fact("lease", "mine", expected={"b": 2, "a": 1})
        assert not ledger.set_fact("lease", None, expected="yours")
        assert ledger.set_fact("lease", None, expected="mine")
        assert ledger.fact("lease") is None

    def test_of_many_who_take_one_lease_one_gets_it(self, ledger: Ledger) -> None:
        """Compare and set holds between threads."""
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda n: ledger.set_fact("lease", n, expected=None), range(8)))
        assert got.count(True) == 1
        winner: Any = ledger.fact("lease")
        assert got[winner] is True

    def test_a_fact_changes_only_while_others_are_as_given(self, ledger: Ledger) -> None:
        """Who holds no lease any more writes nothing, deletes nothing, and is told so."""
        ledger.set_fact("lease", {"holder": "me"})
        mine, yours = {"lease": {"holder": "me"}}, {"lease": {"holder": "you"}}
        assert ledger.set_fact("definition/dev", 1, given=mine)
        assert not ledger.set_fact("definition/dev", 2, given=yours)
        assert not ledger.set_fact("definition/dev", None, given=yours)
        assert not ledger.set_fact("definition/dev", 2, given={"nothing": 1})
        assert not ledger.set_fact("definition/dev", 2, expected=5, given=mine)
        assert ledger.fact("definition/dev") == 1
        assert ledger.set_fact("definition/dev", 2, expected=1, given=mine)
        assert ledger.set_fact("definition/dev", None, given=mine)
        assert ledger.facts("") == {"lease": {"holder": "me"}}

    def test_facts_are_found_by_prefix(self, ledger: Ledger) -> None:
        """A prefix is taken literally."""
        for key in ("definition/a", "definition/b%_", "definitions", "Definition/c"):
            ledger.set_fact(key, key)
        assert dict(ledger.facts("definition/")) == {
            "definition/a": "definition/a",
            "definition/b%_": "definition/b%_",
        }

    def test_several_facts_are_read_by_their_keys(self, ledger: Ledger) -> None:
        """Those that there are; a key is no prefix."""
        for key in ("applied", "applied/more", "project"):
            ledger.set_fact(key, [key])
        found = ledger.read_facts(("project", "applied", "gateway"))
        assert dict(found) == {"applied": ["applied"], "project": ["project"]}
        assert ledger.read_facts(()) == {}

    def test_preparing_again_changes_nothing(self, ledger: Ledger) -> None:
        """Every push prepares."""
        ledger.prepare()
        run = a_run()
        ledger.add(run)
        assert ledger.prepare() is False
        assert ledger.get(run.id) == run
