"""Exit code 42: another run, for schedules and users' hands only, so often and no more."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import Play
from tests.scheduler.stage import Stage, post, stage
from toolkit.core.run import RERUN, Run, RunState, TriggerKind, status_of_exit
from toolkit.inside.outcome import Outcome
from toolkit.scheduler import switches
from toolkit.scheduler.reruns import follow

AGAIN = Play(exit_code=RERUN)


def runs(made: Stage) -> list[Run]:
    return sorted(made.ledger.runs(limit=100), key=lambda run: run.rerun)


@pytest.mark.parametrize("kind", [TriggerKind.MANUAL, TriggerKind.SCHEDULE])
def test_an_agent_that_asks_is_run_again_up_to_the_limit(tmp_path: Path, kind: TriggerKind) -> None:
    """Each has an id of its own and says which rerun it is; a user's prompt is not repeated."""
    made = stage(tmp_path, post("dev"), plays={"dev": AGAIN}, max_reruns=3)
    made.submit("dev", kind, prompt="look")
    made.step(times=8)
    found = runs(made)
    assert [run.rerun for run in found] == [0, 1, 2, 3]
    assert [run.source for run in found[1:]] == ["rerun 1/3", "rerun 2/3", "rerun 3/3"]
    assert [run.prompt for run in found] == ["look", None, None, None]
    assert len({run.id for run in found}) == 4
    assert {run.trigger for run in found} == {kind}


@pytest.mark.parametrize("kind", [TriggerKind.WEBHOOK, TriggerKind.CALL])
def test_webhooks_and_calls_are_not_run_again(tmp_path: Path, kind: TriggerKind) -> None:
    """They asked for one answer; the run counts as done."""
    made = stage(tmp_path, post("dev"), plays={"dev": AGAIN})
    made.submit("dev", kind)
    made.step(times=3)
    assert [run.state for run in runs(made)] == [RunState.SUCCEEDED]


def test_an_agent_that_was_disabled_meanwhile_is_not_run_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its wish is not kept for later, and somebody hears of it."""
    made = stage(tmp_path, post("dev"), plays={"dev": AGAIN})
    run = made.submit("dev")
    loop = made.loop()
    switches.disable(made.ledger, "dev")
    follow(made.desk, replace(made.get(run), state=RunState.SUCCEEDED, exit_code=RERUN))
    made.step(loop)
    assert len(runs(made)) == 1
    assert "asked to be run again" in caplog.text


def test_one_run_has_one_rerun_however_often_its_end_is_seen(tmp_path: Path) -> None:
    """A scheduler that died between the two steps leaves an end that the next one sees again."""
    made = stage(tmp_path, post("dev"), plays={"dev": AGAIN}, max_reruns=1)
    ended = replace(made.get(made.submit("dev")), state=RunState.SUCCEEDED, exit_code=RERUN)
    follow(made.desk, ended)
    follow(made.desk, ended)
    assert len(runs(made)) == 2


def test_a_rerun_of_a_run_that_ends_while_all_is_paused_waits(tmp_path: Path) -> None:
    """It is not refused as a user's new run would be."""
    made = stage(tmp_path, post("dev"), plays={"dev": AGAIN}, max_reruns=1)
    ended = replace(made.get(made.submit("dev")), state=RunState.SUCCEEDED, exit_code=RERUN)
    switches.pause(made.ledger)
    follow(made.desk, ended)
    assert [run.state for run in runs(made)] == [RunState.QUEUED, RunState.QUEUED]


def test_the_number_42_by_al_exit_is_a_failure_and_asks_for_nothing() -> None:
    """`al-rerun`, or a script's own code, asks; `al-exit 42` only ends with a number."""
    by_number = Outcome.of_code(RERUN, "the session", rerun=False)
    report = by_number.report("2026-11-20T12:00:00.000Z")
    assert (by_number.state, report["rerun"]) == (RunState.FAILED, False)
    assert status_of_exit(RERUN, state=report["state"]).state is RunState.FAILED
    asked = Outcome.of_code(RERUN, "the session").report("2026-11-20T12:00:00.000Z")
    assert status_of_exit(RERUN, state=asked["state"]).state is RunState.SUCCEEDED
