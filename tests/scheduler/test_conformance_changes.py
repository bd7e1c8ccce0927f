"""What changes between two runs holds for the next one: limits of the queue, and the values of credentials."""

from pathlib import Path
from typing import Any

from tests.fakes import MemoryRuntime
from tests.scheduler.stage import post, stage
from toolkit.core.run import Cause, RunState, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.scheduler import switches

TOKEN = "github_token/default/token"


class Seeing(MemoryRuntime):
    """Remembers what each run's one secret holds when it is launched."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self.seen: list[str] = []

    def launch(self, spec: Any) -> Any:
        assert self._store
        found = self._store.get(spec.lease.ref.name)
        assert found
        self.seen.append(found.reveal())
        return super().launch(spec)


def test_a_smaller_queue_drops_what_is_too_much_for_it(tmp_path: Path) -> None:
    """Without a restart, at the next piece of work; the newest stay."""
    made = stage(tmp_path, post("dev", max_queue=5))
    switches.pause(made.ledger)
    runs = []
    for limit in (5, 5, 5, 2):
        made.set_post("dev", max_queue=limit)
        runs.append(made.submit("dev", TriggerKind.WEBHOOK))
        made.clock.sleep(1)
    ended = [made.get(run) for run in runs]
    assert [run.cause for run in ended[:2]] == [Cause.DROPPED] * 2
    assert [run.state for run in ended[2:]] == [RunState.QUEUED] * 2


def test_a_larger_queue_keeps_more(tmp_path: Path) -> None:
    """Nothing is dropped that has its place by now."""
    made = stage(tmp_path, post("dev", max_queue=1))
    switches.pause(made.ledger)
    first = made.submit("dev", TriggerKind.WEBHOOK)
    made.set_post("dev", max_queue=2)
    made.submit("dev", TriggerKind.WEBHOOK)
    assert made.get(first).state is RunState.QUEUED


def test_the_next_run_has_the_new_value_of_a_credential(tmp_path: Path) -> None:
    """It is read at each launch, so that nothing has to be restarted or pushed for it."""
    made = stage(tmp_path, post("dev"), runtime=Seeing)
    runtime: Any = made.runtime
    fact = made.ledger.fact("definition/dev")
    made.ledger.set_fact("definition/dev", {**fact, "credentials": [TOKEN]})
    place = f"{made.desk.services.context.names.secrets}{TOKEN}"
    for value in ("before", "after"):
        made.desk.services.store.put(place, Secret(value), tags={})
        made.submit("dev")
        made.step(times=2)
    assert ["before" in seen for seen in runtime.seen] == [True, False]
    assert ["after" in seen for seen in runtime.seen] == [False, True]
