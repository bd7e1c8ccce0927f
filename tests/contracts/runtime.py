"""The laws of core.ports.Runtime.  A subclass gives the fixture `stage`, which can put on a play."""

import json
from typing import Protocol

from tests.fakes import Play, eventually
from toolkit.core.logs import LogEvent
from toolkit.core.ports import Runtime
from toolkit.core.run import RunHandle, RunId, RunSpec, RunState, RunStatus


class Stage(Protocol):
    """A runtime, and a way to have runs on it that follow a play."""

    runtime: Runtime

    def spec(self, play: Play) -> RunSpec:
        """A run, not yet launched, that will do so."""

    def again(self) -> Runtime:
        """The same runtime, as another process makes it."""


def status(runtime: Runtime, handle: RunHandle) -> RunStatus:
    return runtime.states([handle])[handle.run]


def ended(runtime: Runtime, handle: RunHandle) -> RunStatus:
    return eventually(lambda: s if (s := status(runtime, handle)).state.final else None)


def begun(runtime: Runtime, handle: RunHandle) -> RunStatus:
    """Once it starts no longer: a platform may have to find a place for it."""
    return eventually(
        lambda: s if (s := status(runtime, handle)).state is not RunState.STARTING else None
    )


def messages(events: list[LogEvent]) -> list[str]:
    return [event.message for event in events]


FOREVER = Play(lines=("begun",), exit_code=None)
LINES = ("one", "two", "two", '{"msg":"three"}')


class RuntimeContract:
    """Wherever runs happen, they happen so."""

    def test_a_run_that_ends_well_has_succeeded(self, stage: Stage) -> None:
        """Exit code 0."""
        handle = stage.runtime.launch(stage.spec(Play()))
        assert ended(stage.runtime, handle).state is RunState.SUCCEEDED

    def test_a_run_that_fails_says_its_exit_code(self, stage: Stage) -> None:
        """The code is the program's own."""
        handle = stage.runtime.launch(stage.spec(Play(exit_code=7)))
        over = ended(stage.runtime, handle)
        assert (over.state, over.exit_code) == (RunState.FAILED, 7)

    def test_a_run_goes_on_until_it_ends(self, stage: Stage) -> None:
        """A live run is running, and among those that run."""
        handle = stage.runtime.launch(stage.spec(FOREVER))
        assert begun(stage.runtime, handle).state is RunState.RUNNING
        assert [h.run for h in stage.runtime.running()] == [handle.run]
        stage.runtime.stop(handle)

    def test_a_stopped_run_ends(self, stage: Stage) -> None:
        """stop() leads to a final state, and stopping twice is harmless."""
        handle = stage.runtime.launch(stage.spec(FOREVER))
        assert stage.runtime.stop(handle)
        assert ended(stage.runtime, handle).state is not RunState.SUCCEEDED
        assert "already over" in stage.runtime.stop(handle)
        assert list(stage.runtime.running()) == []

    def test_launching_one_run_twice_starts_it_once(self, stage: Stage) -> None:
        """The second launch finds the first, while it runs and when it is over."""
        spec = stage.spec(Play(lines=("once",)))
        first = stage.runtime.launch(spec)
        assert stage.runtime.launch(spec) == first
        ended(stage.runtime, first)
        assert stage.again().launch(spec) == first
        assert messages(list(stage.runtime.logs(first))) == ["once"]

    def test_a_handle_serves_any_process(self, stage: Stage) -> None:
        """Written as JSON and read elsewhere, it still finds the run."""
        launched = stage.runtime.launch(stage.spec(FOREVER))
        handle = RunHandle.from_dict(json.loads(json.dumps(launched.to_dict())))
        other = stage.again()
        assert handle == launched
        assert begun(other, handle).state is RunState.RUNNING
        other.stop(handle)
        assert ended(stage.runtime, launched).state.final

    def test_states_are_of_those_asked_for(self, stage: Stage) -> None:
        """One that nobody launched is left out."""
        known = stage.runtime.launch(stage.spec(Play()))
        nobody = RunHandle(
            runtime=known.runtime,
            run=RunId("dev-00000000"),
            agent=known.agent,
            ids={**known.ids, "pid": "0", "started": ""},
        )
        assert set(stage.runtime.states([known, nobody])) == {known.run}
        assert stage.runtime.states([]) == {}

    def test_runs_do_not_mix(self, stage: Stage) -> None:
        """Two runs at once have their own lines and their own end."""
        good = stage.runtime.launch(stage.spec(Play(lines=("good",))))
        bad = stage.runtime.launch(stage.spec(Play(lines=("bad",), exit_code=3)))
        assert ended(stage.runtime, good).exit_code == 0
        assert ended(stage.runtime, bad).exit_code == 3
        assert messages(list(stage.runtime.logs(good))) == ["good"]
        assert messages(list(stage.runtime.logs(bad))) == ["bad"]

    def test_every_line_is_read_once_and_in_order(self, stage: Stage) -> None:
        """Equal lines are different events, and an event is the same at every reading."""
        handle = stage.runtime.launch(stage.spec(Play(lines=LINES)))
        ended(stage.runtime, handle)
        events = list(stage.runtime.logs(handle))
        assert messages(events) == list(LINES)
        assert len({event.id for event in events}) == len(events)
        assert {event.run for event in events} == {handle.run}
        assert list(stage.again().logs(handle)) == events

    def test_since_is_included_and_before_is_not(self, stage: Stage) -> None:
        """A reader that goes on from a time misses nothing of that millisecond."""
        handle = stage.runtime.launch(stage.spec(Play(lines=("only",))))
        ended(stage.runtime, handle)
        (event,) = stage.runtime.logs(handle)
        assert list(stage.runtime.logs(handle, since=event.time)) == [event]
        assert list(stage.runtime.logs(handle, since=event.time + 1)) == []
        assert list(stage.runtime.tail(handle, before=event.time)) == []
        assert list(stage.runtime.tail(handle, before=event.time + 1)) == [event]

    def test_the_tail_is_the_log_from_its_end(self, stage: Stage) -> None:
        """Newest first, the same events."""
        handle = stage.runtime.launch(stage.spec(Play(lines=LINES)))
        ended(stage.runtime, handle)
        events = list(stage.runtime.logs(handle))
        assert list(stage.runtime.tail(handle)) == events[::-1]

    def test_no_line_yet_is_no_error(self, stage: Stage) -> None:
        """A run that has printed nothing has an empty log."""
        handle = stage.runtime.launch(stage.spec(Play()))
        ended(stage.runtime, handle)
        assert list(stage.runtime.logs(handle)) == list(stage.runtime.tail(handle)) == []
