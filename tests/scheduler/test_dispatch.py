"""The single door to a run: what is checked first, what is undone when it fails, what is never half."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.services import FakeServices
from toolkit.core.agent import AgentName, CredentialRef
from toolkit.core.clock import iso, now
from toolkit.core.errors import (
    AccessDenied,
    CredentialError,
    LaunchError,
    LimitExceeded,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.run import Cause, Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.scheduler.attempt import Patience
from toolkit.scheduler.dispatch import Definition, definition_of, dispatch, fact_key
from toolkit.scheduler.settle import settle

DEV = Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL, prompt="look")
TOKEN = "github_token/default/token"


def services(
    tmp_path: Path,
    *,
    play: Play | None = None,
    stored: bool = True,
    runtime: type[MemoryRuntime] = MemoryRuntime,
    ledger: type[MemoryLedger] = MemoryLedger,
    store: type[MemoryStore] = MemoryStore,
) -> Any:
    """One pushed agent `dev`, its credential in the environment's store unless it was not `stored`."""
    kept, secrets = ledger(), store()
    plays = {"dev": play or Play(lines=("done",))}
    stage = runtime(plays, ledger=kept, store=secrets, clock=FakeClock())
    made = FakeServices(tmp_path, ledger=kept, store=secrets, runtime=stage)
    definition = Definition(
        agent="dev",
        runtime="memory",
        ref="dev:3",
        image="i",
        hash="h",
        timeout=60,
        credentials=(TOKEN,),
    )
    kept.prepare()
    kept.set_fact(fact_key("dev"), definition.to_fact())
    if stored:
        name = made.context.names.credential(CredentialRef(type="github_token"), "token")
        secrets.put(name, Secret("ghp_value"), tags={})
    return made


def run_secrets(made: Any) -> list[str]:
    return [s.name for s in made.store.list(f"{made.context.names.secrets}runs/")]


def test_a_run_is_recorded_leased_and_launched_by_reference(tmp_path: Path) -> None:
    """The runtime gets the definition and the secret's name, and no value."""
    made = services(tmp_path, play=Play(reports=False, exit_code=None))
    run = dispatch(made, DEV)
    (spec,) = made.runtime("memory").launched
    assert (spec.definition, spec.run, spec.lease.ref.name) == (
        "dev:3",
        run.id,
        run_secrets(made)[0],
    )
    assert "ghp_value" not in repr(spec) + repr(run)
    payload = json.loads(made.store.get(spec.lease.ref.name).reveal())
    assert payload["credentials"] == {TOKEN: "ghp_value"}
    assert (payload["prompt"], payload["trigger"]["kind"]) == ("look", "manual")


def test_an_agent_that_was_not_pushed_is_not_found(tmp_path: Path) -> None:
    """The error names the push that is missing; nothing is recorded."""
    made = services(tmp_path)
    with pytest.raises(NotFound) as caught:
        dispatch(made, Trigger(agent=AgentName("other"), kind=TriggerKind.MANUAL))
    assert "al push other" in caught.value.hint
    assert made.ledger.runs() == ()


def test_where_nobody_pushes_to_no_push_is_asked_for(tmp_path: Path) -> None:
    """On this machine `al run` and `al start` make an agent ready."""
    made = services(tmp_path)
    here = replace(made.environment, name="local", cloud=None)
    with pytest.raises(NotFound, match="not been made ready on this machine") as caught:
        definition_of(made.with_environment(here), AgentName("other"))
    assert "`al run other -E local`" in caught.value.hint
    assert "push" not in caught.value.hint


def test_a_missing_credential_stops_before_anything_is_made(tmp_path: Path) -> None:
    """Never with half the credentials: no record, no secret, no launch."""
    made = services(tmp_path, stored=False)
    with pytest.raises(CredentialError, match=TOKEN):
        dispatch(made, DEV)
    assert (made.ledger.runs(), run_secrets(made), made.runtime("memory").launched) == ((), [], [])


def test_a_launch_that_is_refused_leaves_no_secret(tmp_path: Path) -> None:
    """What was made is undone, and the record says why it never started."""
    refusal = LaunchError("no capacity", hint="later", cause="capacity")
    made = services(tmp_path, play=Play(refusal=refusal))
    with pytest.raises(LaunchError):
        dispatch(made, DEV)
    (run,) = made.ledger.runs()
    assert (run.state, run.cause, run.reason) == (RunState.FAILED, Cause.CAPACITY, "no capacity")
    assert run_secrets(made) == []
    assert run.receipt.verified_absent


def test_a_context_that_fits_no_secret_fails_clearly(tmp_path: Path) -> None:
    """Too large for one secret: the run is failed, not cut."""
    made = services(tmp_path)
    with pytest.raises(LimitExceeded):
        dispatch(
            made, Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL, prompt="x" * 70_000)
        )
    (run,) = made.ledger.runs()
    assert run.state is RunState.FAILED
    assert run_secrets(made) == []


# a launch that is interrupted, or whose answer is lost


class Interrupted(MemoryRuntime):
    """Ctrl-C comes when the run has started and before its launcher hears of it."""

    def launch(self, spec: Any) -> Any:
        super().launch(spec)
        raise KeyboardInterrupt


class Lost(MemoryRuntime):
    """The run starts, and the answer is lost."""

    def launch(self, spec: Any) -> Any:
        super().launch(spec)
        raise Unreachable("the answer was lost", hint="look")


class Unseen(Interrupted):
    """And nobody may list what runs."""

    def running(self) -> Any:
        raise AccessDenied("not allowed to list", hint="-")


class Never(MemoryRuntime):
    """The request does not arrive."""

    def launch(self, spec: Any) -> Any:
        raise Unreachable("no connection", hint="look")


def only(made: Any) -> Run:
    found: tuple[Run, ...] = made.ledger.runs()
    (run,) = found
    return run


def notes(error: BaseException) -> str:
    return "; ".join(getattr(error, "__notes__", ()))


FOREVER = Play(lines=("working",), exit_code=None)


def test_an_interrupt_while_launching_stops_the_run_that_did_start(tmp_path: Path) -> None:
    """It is asked to stop and stopped, its secret goes, the user hears its name, and its end is learnt, not guessed."""
    made = services(tmp_path, play=FOREVER, runtime=Interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        dispatch(made, DEV)
    run = only(made)
    assert (run.state, made.ledger.mailbox(run.id).stop, run_secrets(made)) == (
        RunState.STARTING,
        True,
        [],
    )
    assert f"`al logs {run.id}`" in notes(caught.value)
    (settled,) = settle(made, [run])
    assert (settled.state, settled.exit_code) == (RunState.STOPPED, 143)


def test_what_cannot_be_listed_is_still_asked_to_stop(tmp_path: Path) -> None:
    """The flag comes first; what failed is said, and hides neither the interrupt nor the rest."""
    made = services(tmp_path, play=FOREVER, runtime=Unseen)
    with pytest.raises(KeyboardInterrupt) as caught:
        dispatch(made, DEV)
    run = only(made)
    assert (made.ledger.mailbox(run.id).stop, run_secrets(made)) == (True, [])
    assert "could not be stopped: not allowed to list" in notes(caught.value)


def test_a_run_whose_launch_lost_its_answer_ends_as_it_ended(tmp_path: Path) -> None:
    """It worked and succeeded: a record that said "never started" could not be corrected."""
    made = services(tmp_path, runtime=Lost)
    with pytest.raises(Unreachable) as caught:
        dispatch(made, DEV)
    run = only(made)
    assert (run.state, run.id in notes(caught.value)) == (RunState.STARTING, True)
    assert settle(made, [run])[0].state is RunState.SUCCEEDED


def test_a_run_that_may_have_started_and_never_speaks_ends_as_not_started(tmp_path: Path) -> None:
    """Ten minutes of silence, its platform asked: nobody waits for its deadline."""
    made = services(tmp_path, runtime=Never)
    with pytest.raises(Unreachable):
        dispatch(made, DEV)
    run = only(made)
    assert settle(made, [run])[0].state is RunState.STARTING
    began = now() - timedelta(minutes=11)
    lease = replace(run.lease, created=began)
    old = replace(run, id=RunId("dev-00000001"), created=iso(began), lease=lease)
    made.ledger.add(old)
    assert settle(made, [old], ask_platform=False)[0].state is RunState.STARTING
    (settled,) = settle(made, [old])
    assert (settled.state, settled.cause, settled.reason) == (
        RunState.FAILED,
        Cause.NEVER_STARTED,
        "no connection",
    )


def test_a_run_that_waited_long_in_the_queue_has_its_time_to_start(tmp_path: Path) -> None:
    """Its ten minutes begin with its launch, not with its record."""
    made = services(tmp_path, runtime=Never)
    with pytest.raises(Unreachable):
        dispatch(made, DEV)
    old = replace(only(made), id=RunId("dev-00000001"), created=iso(now() - timedelta(hours=5)))
    made.ledger.add(old)
    assert settle(made, [old])[0].state is RunState.STARTING


class Stubborn(MemoryStore):
    """Refuses to delete."""

    def delete(self, name: str) -> None:
        raise AccessDenied("not allowed to delete", hint="-")


def test_a_secret_that_cannot_be_closed_hides_nothing(tmp_path: Path) -> None:
    """The refusal is raised, with a note; the record is closed all the same, and the sweeper knows the secret."""
    refusal = LaunchError("no capacity", hint="later", cause="capacity")
    made = services(tmp_path, play=Play(refusal=refusal), store=Stubborn)
    with pytest.raises(LaunchError) as caught:
        dispatch(made, DEV)
    assert "is still there: not allowed to delete" in notes(caught.value)
    run = only(made)
    assert (run.state, run.cause) == (RunState.FAILED, Cause.CAPACITY)
    assert (run.lease is not None, run.receipt.verified_absent) == (True, None)


class InterruptedAtLease(MemoryLedger):
    """Ctrl-C comes when the secret was made and before its record knows of it."""

    def update(self, run: RunId, **changes: Any) -> Run:
        if "lease" in changes:
            raise KeyboardInterrupt
        return super().update(run, **changes)


def test_an_interrupt_before_the_lease_is_recorded_leaves_no_secret(tmp_path: Path) -> None:
    """Nothing waits for the sweeper; nothing was launched, so the run is stopped for good."""
    made = services(tmp_path, ledger=InterruptedAtLease)
    with pytest.raises(KeyboardInterrupt) as caught:
        dispatch(made, DEV)
    run = only(made)
    assert (run.state, run_secrets(made), made.runtime("memory").launched) == (
        RunState.STOPPED,
        [],
        [],
    )
    assert notes(caught.value) == f"{run.id} was not started"


class InterruptedAtRecord(MemoryLedger):
    """Ctrl-C comes right after the run was recorded."""

    def add(self, run: Run) -> None:
        super().add(run)
        raise KeyboardInterrupt


def test_an_interrupt_right_after_recording_ends_the_record(tmp_path: Path) -> None:
    """No record stays open of which nothing will ever be heard."""
    made = services(tmp_path, ledger=InterruptedAtRecord)
    with pytest.raises(KeyboardInterrupt):
        dispatch(made, DEV)
    assert only(made).state is RunState.STOPPED


# a platform without a free place


class Busy(MemoryRuntime):
    """Has no place for the first two launches."""

    refusals = 2

    def launch(self, spec: Any) -> Any:
        self.refusals -= 1
        if self.refusals >= 0:
            raise LaunchError("no place", hint="wait", cause="capacity", temporary=True)
        return super().launch(spec)


class Throttling(Busy):
    """Takes no more events for the moment."""

    def launch(self, spec: Any) -> Any:
        try:
            return super().launch(spec)
        except LaunchError as error:
            raise Throttled("too many", hint="wait") from error


@pytest.mark.parametrize("runtime", [Busy, Throttling])
def test_a_launch_that_is_refused_for_the_moment_is_sent_again(
    tmp_path: Path, runtime: type[MemoryRuntime]
) -> None:
    """What was refused has started nothing; the wait is said."""
    made, clock, said = services(tmp_path, runtime=runtime), FakeClock(), list[str]()
    patience = Patience(seconds=120, note=said.append, sleep=clock.sleep, clock=clock.monotonic)
    run = dispatch(made, DEV, patience)
    assert [spec.run for spec in made.runtime("memory").launched] == [run.id]
    assert len(said) == 2
    assert "trying again for up to 120 s" in said[0]


def test_without_patience_a_refusal_is_final(tmp_path: Path) -> None:
    """Whoever cannot wait hears at once."""
    made = services(tmp_path, runtime=Busy)
    with pytest.raises(LaunchError):
        dispatch(made, DEV)
    assert only(made).state is RunState.FAILED


def test_a_launch_without_an_answer_is_not_sent_again(tmp_path: Path) -> None:
    """It may have started the run, and on Lambda a second event would start a second one."""
    made, clock, said = services(tmp_path, runtime=Lost), FakeClock(), list[str]()
    patience = Patience(seconds=120, note=said.append, sleep=clock.sleep, clock=clock.monotonic)
    with pytest.raises(Unreachable):
        dispatch(made, DEV, patience)
    assert (said, clock.monotonic()) == ([], 0)


# the end


def test_settling_completes_the_receipt_once(tmp_path: Path) -> None:
    """A run that reported is final with a complete receipt; settling again changes nothing."""
    made = services(tmp_path)
    (first,) = settle(made, [dispatch(made, DEV)])
    assert first.state is RunState.SUCCEEDED
    assert first.receipt.complete
    assert settle(made, [first]) == [first]


def test_settling_a_silent_death_fails_the_run_and_deletes_its_secret(tmp_path: Path) -> None:
    """The platform says that it ended, nobody read the secret: failed, deleted, verified."""
    made = services(tmp_path, play=Play(reports=False, exit_code=None))
    run = dispatch(made, DEV)
    made.runtime("memory").kill(run.id)
    (settled,) = settle(made, [run])
    assert settled.state is RunState.FAILED
    assert (settled.receipt.read, run_secrets(made)) == (None, [])
    assert settled.receipt.verified_absent
