"""Runs that lock, call, return and end in any order, over HTTP, compared with what a few dictionaries say."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from toolkit.core.run import RunState
from toolkit.core.work import CallState

from .party import AGENTS, Guest, party

KEYS = st.sampled_from(["a:1", "b:2", "c:3"])
ENDS = {RunState.SUCCEEDED: "completed", RunState.FAILED: "error", RunState.LOST: "error"}


class CallsAndLocks(RuleBasedStateMachine):
    """`owners` is key -> run; `calls` is id -> its caller, its run and how it should stand."""

    guests = Bundle("guests")
    asked = Bundle("asked")

    @initialize()
    def open(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.here = party(Path(self.directory.name))
        self.owners: dict[str, str] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.over: set[str] = set()

    def teardown(self) -> None:
        self.directory.cleanup()

    @rule(target=guests, agent=st.sampled_from(AGENTS))
    def arrive(self, agent: str) -> Guest:
        return self.here.guest(agent)

    # locks

    @rule(guest=guests, key=KEYS)
    def acquire(self, guest: Guest, key: str) -> None:
        answer = guest.post("/locks/acquire", resourceKey=key)
        if guest.run.id in self.over:
            assert answer.status_code == 403
        elif self.owners.get(key, guest.run.id) == guest.run.id:
            assert answer.status_code == 200
            self.owners[key] = guest.run.id
        else:
            assert (answer.status_code, answer.json()["holder"]) == (409, self.owners[key])

    @rule(guest=guests, key=KEYS, verb=st.sampled_from(["release", "heartbeat"]))
    def touch(self, guest: Guest, key: str, verb: str) -> None:
        status = guest.post(f"/locks/{verb}", resourceKey=key).status_code
        if guest.run.id in self.over:
            assert status == 403
        elif key not in self.owners:
            assert status == 404
        elif self.owners[key] != guest.run.id:
            assert status == 409
        else:
            assert status == 200
            if verb == "release":
                del self.owners[key]

    # calls

    @rule(target=asked, guest=guests, agent=st.sampled_from(AGENTS))
    def call(self, guest: Guest, agent: str) -> str:
        answer = guest.post("/calls", targetAgent=agent, context="x")
        if guest.run.id in self.over:
            assert answer.status_code == 403
            return ""
        if agent == guest.run.agent or guest.run.depth >= 3:
            assert answer.status_code == 409
            return ""
        call = str(answer.json()["callId"])
        placed = self.here.placed(call)
        assert placed.depth == guest.run.depth + 1
        self.calls[call] = {"caller": guest, "run": placed.run, "status": "pending"}
        return call

    @rule(target=guests, call=consumes(asked))
    def begin(self, call: str) -> Guest:
        if call not in self.calls:
            return self.here.guest()
        if self.calls[call]["status"] == "pending":
            self.calls[call]["status"] = "running"
        return self.here.callee(call)

    @rule(guest=guests, value=st.text(max_size=5).filter(lambda t: t.isascii()))
    def give_back(self, guest: Guest, value: str) -> None:
        status = guest.post("/signals/return", value=value).status_code
        assert status == (403 if guest.run.id in self.over else 200)
        for call in self.calls.values():
            if call["run"] == guest.run.id and status == 200 and call["status"] == "running":
                call["value"] = value

    @rule(guest=guests, state=st.sampled_from(sorted(ENDS)))
    def end(self, guest: Guest, state: RunState) -> None:
        run = guest.run.id
        if run in self.over:
            return
        self.here.end(run, state)
        self.over.add(run)
        for call in self.calls.values():
            if call["run"] == run and call["status"] == "running":
                call["status"] = ENDS[state]
        self.owners = {key: owner for key, owner in self.owners.items() if owner != run}
        self.here.tidy(run)

    @rule(guest=guests)
    def look(self, guest: Guest) -> None:
        for asked, call in self.calls.items():
            answer = guest.get(f"/calls/{asked}")
            if guest.run.id in self.over:
                assert answer.status_code == 403
            elif call["caller"].run.id != guest.run.id:
                assert answer.status_code == 404
            else:
                told = answer.json()
                assert told["status"] == call["status"]
                if told["status"] == "completed":
                    assert told["returnValue"] == call.get("value")

    # what holds at any time

    @invariant()
    def nobody_who_is_gone_holds_or_waits(self) -> None:
        if not hasattr(self, "here"):
            return
        held = self.here.ledger.locks.held(moment=self.here.clock())
        assert {lock.key: lock.holder for lock in held} == self.owners
        for asked, call in self.calls.items():
            gone = {call["caller"].run.id, call["run"]} & self.over
            assert bool(gone) == self.here.placed(asked).state.final
            if call["caller"].run.id in self.over and call["status"] in ("pending", "running"):
                assert self.here.placed(asked).state is CallState.ERROR


TestCallsAndLocks = CallsAndLocks.TestCase
TestCallsAndLocks.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
