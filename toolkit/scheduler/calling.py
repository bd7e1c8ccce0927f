"""What it means that one agent calls another: who may, how deep, and how the answer comes back.

The store is `ledger.calls`; the work is a run like any other, queued through the single door.  How deep a run is
comes from its record, never from what it says.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from toolkit.core.clock import iso
from toolkit.core.errors import AlError, AlreadyExists, Conflict, NotFound
from toolkit.core.ports import Ledger
from toolkit.core.run import Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.sources import reported
from toolkit.core.work import Added, Call, CallState

from .desk import Desk
from .roster import Post, Roster

CALLER_ENDED = "the caller has ended"
_WORKS = (RunState.STARTING, RunState.RUNNING)


class Submit(Protocol):
    """The door to the queue: scheduler/submit.py."""

    def __call__(self, desk: Desk, trigger: Trigger, *, run: RunId | None = None) -> Added: ...


def place(
    desk: Desk, caller: Run, target: str, context: str, submit: Submit, *, call_id: str = ""
) -> Call:
    """Queue a run of `target` that works for `caller`.  With the id of a call of the same words that is there already,
    that one: who did not get the answer may ask again.

    The call is recorded before its run, so that no run ends without its call knowing.  Raises Conflict with the reason
    when this call may not be, and what `submit` raises; then the call is over, unless that passes by itself.
    """
    ledger, calls = desk.services.ledger, desk.services.ledger.calls
    call = _new(desk, caller, target, context, call_id or str(uuid4()))
    try:
        calls.add(call)
    except AlreadyExists:
        call = _same(call, calls.get(call.id))
        if ledger.get(call.run):
            return call
        if call.state.final:
            raise Conflict(
                call.error or CALLER_ENDED, hint="call again, with a new callId"
            ) from None
    try:
        submit(desk, _trigger(call), run=call.run)
    except AlError as error:
        if not error.temporary:  # who asks again finds the call open, and it is queued then
            calls.update(call.id, **_failed(error.message, desk.clock()))
        raise
    return call


def _new(desk: Desk, caller: Run, target: str, context: str, call_id: str) -> Call:
    """Raises Conflict with the reason why this call may not be."""
    post = _callable(desk.roster(), caller, target)
    return Call(
        id=call_id,
        caller=caller.id,
        target=post.agent,
        run=RunId.unused(post.agent, desk.services.ledger.get),
        context=context,
        depth=caller.depth + 1,
        created=iso(desk.clock()),
    )


def _same(wanted: Call, known: Call | None) -> Call:
    """Raises Conflict when the id is another call's."""
    words = (wanted.caller, wanted.target, wanted.context)
    if known is None or (known.caller, known.target, known.context) != words:
        raise Conflict("this callId is another call's", hint="leave it out, and one is made")
    return known


def answer(ledger: Ledger, caller: Run, call: str, moment: datetime) -> Call:
    """How a call of this caller stands.  Raises NotFound, also for somebody else's."""
    found = ledger.calls.get(call)
    if found is None or found.caller != caller.id:
        raise NotFound(
            "there is no such call of yours", hint="use the callId that the call was answered with"
        )
    return current(ledger, found, moment)


def current(ledger: Ledger, call: Call, moment: datetime) -> Call:
    """The call as its run is now.  Whoever looks first records it, should nobody have watched that run."""
    record = None if call.state.final else ledger.get(call.run)
    if record is None:
        return call
    changes = _changes(call, reported(record, ledger), moment)
    return ledger.calls.update(call.id, **changes) if changes else call


def returned(ledger: Ledger, run: Run, value: str) -> None:
    """Keep what a run answers, whole, with the call that it works for; the answer counts when the run has ended."""
    if run.call:
        ledger.calls.update(run.call, return_value=value)


def over(ledger: Ledger, run: Run, moment: datetime) -> None:
    """A run is final: the call that it worked for has its answer, and those that it waits for are nobody's now.

    What they started goes on.  Harmless the second time.
    """
    if run.call and (call := ledger.calls.get(run.call)) and not call.state.final:
        ledger.calls.update(call.id, **_changes(call, run, moment))
    for call in ledger.calls.of_caller(run.id):
        if not call.state.final:
            ledger.calls.update(call.id, **_failed(CALLER_ENDED, moment))


def _callable(roster: Roster, caller: Run, target: str) -> Post:
    """Raises Conflict: the reason that the caller is told."""
    if target == caller.agent:
        raise Conflict("an agent cannot call itself", hint="use al-rerun to be run again")
    if caller.depth >= roster.max_call_depth:
        raise Conflict(
            f"calls may be {roster.max_call_depth} deep, and this run is at depth {caller.depth}",
            hint="do the work here, or raise maxCallDepth in config.toml",
        )
    try:
        return roster.post(target)
    except NotFound as error:
        raise Conflict(error.message, hint=error.hint) from error


def _trigger(call: Call) -> Trigger:
    return Trigger(
        agent=call.target,
        kind=TriggerKind.CALL,
        source=call.caller,
        context={"context": call.context},
        call=call.id,
        depth=call.depth,
    )


def _changes(call: Call, run: Run, moment: datetime) -> Mapping[str, Any]:
    """What the state of its run changes in a call that is not over."""
    if run.state is RunState.SUCCEEDED:
        value = call.return_value if run.return_value is None else run.return_value
        return {"state": CallState.COMPLETED, "return_value": value, "finished": iso(moment)}
    if run.state.final:
        words = f"{run.id} {run.state.value.replace('_', ' ')}"
        return _failed(f"{words}: {run.reason}" if run.reason else words, moment)
    if run.state in _WORKS and call.state is CallState.PENDING:
        return {"state": CallState.RUNNING}
    return {}


def _failed(reason: str, moment: datetime) -> Mapping[str, Any]:
    return {"state": CallState.ERROR, "error": reason, "finished": iso(moment)}
