"""The single door to a run: what is checked first, what is undone when it fails, what is never half."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.services import FakeServices
from toolkit.core.agent import AgentName, CredentialRef
from toolkit.core.errors import CredentialError, LaunchError, LimitExceeded, NotFound
from toolkit.core.run import Cause, RunState, Trigger, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.scheduler.dispatch import Definition, dispatch, fact_key
from toolkit.scheduler.settle import settle

DEV = Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL, prompt="look")
TOKEN = "github_token/default/token"


def services(tmp_path: Path, *, play: Play | None = None, stored: bool = True) -> Any:
    """One pushed agent `dev`, its credential in the environment's store unless it was not `stored`."""
    ledger, store = MemoryLedger(), MemoryStore()
    runtime = MemoryRuntime(
        {"dev": play or Play(lines=("done",))}, ledger=ledger, store=store, clock=FakeClock()
    )
    made = FakeServices(tmp_path, ledger=ledger, store=store, runtime=runtime)
    definition = Definition(
        agent="dev",
        runtime="memory",
        ref="dev:3",
        image="i",
        hash="h",
        timeout=60,
        credentials=(TOKEN,),
    )
    ledger.prepare()
    ledger.set_fact(fact_key("dev"), definition.to_fact())
    if stored:
        name = made.context.names.credential(CredentialRef(type="github_token"), "token")
        store.put(name, Secret("ghp_value"), tags={})
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


def test_an_interrupt_while_launching_leaves_no_secret(tmp_path: Path) -> None:
    """Ctrl-C between secret and launch: nothing waits for the sweeper, and the record says stopped."""
    made = services(tmp_path)

    class Interrupted(MemoryRuntime):
        def launch(self, spec: Any) -> Any:
            raise KeyboardInterrupt

    made.__dict__["_runtimes"]["memory"] = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        dispatch(made, DEV)
    (run,) = made.ledger.runs()
    assert (run.state, run_secrets(made)) == (RunState.STOPPED, [])


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
