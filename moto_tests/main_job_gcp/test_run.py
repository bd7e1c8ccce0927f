"""`al run` and `al logs` against the embedded Google cloud: every way to end, and what is left of it."""

import json
import signal
from typing import Any

import pytest

from moto_tests.main_job.conftest import Stage, wait_until
from moto_tests.main_job.terminal import terminal
from moto_tests.main_job_gcp.conftest import FIELDS, WHERE, Cloud


def test_a_run_succeeds_and_its_secret_is_gone(pushed: Stage) -> None:
    """An execution of the agent's job; the receipt has all four times, in order; what it returned is kept."""
    run, done = pushed.run("quick")
    assert (run["runtime"], run["state"], run["exit_code"]) == ("cloud_run", "succeeded", 0)
    secret = run["secret"]
    assert secret["created"] <= secret["read"] <= secret["deleted"] <= secret["verified_absent"]
    assert run["return_value"] == f"done {run['run']}"
    assert f"hello from {run['run']}" in done.stderr


Ended = dict[str, tuple[dict[str, Any], int]]


@pytest.fixture(scope="module")
def ended(pushed: Stage) -> Ended:
    """Agent -> its run and the exit code of `al run`: of several that ran at once."""
    calls = {name: pushed.start("run", name, "-E", WHERE, "--json") for name in ENDS}
    told = {name: call.communicate(timeout=120)[0] for name, call in calls.items()}
    return {name: (json.loads(told[name]), call.returncode) for name, call in calls.items()}


ENDS = {"fails": ("failed", 7, 7), "again": ("succeeded", 42, 0), "late": ("timed_out", 124, 124)}


@pytest.mark.parametrize("agent", ENDS)
def test_the_exit_code_is_the_agent_s(ended: Ended, agent: str) -> None:
    """An agent's own code; 0 for a rerun request; 124 for a timeout."""
    run, code = ended[agent]
    assert (run["state"], run["exit_code"], code) == ENDS[agent]
    assert all(run["secret"].values())


def test_every_field_of_a_credential_is_a_file_and_never_in_the_log(pushed: Stage) -> None:
    """The agent has them, readable by itself alone; whoever reads the log does not."""
    run, done = pushed.run("secretive")
    assert run["state"] == "succeeded"
    for name, value in FIELDS.items():
        assert f"{name}: 400 {len(value)} bytes" in done.stderr
        assert value not in done.stdout + done.stderr
    assert "=***=" in done.stderr


def test_a_watch_that_is_left_is_gone_on_with_by_al_logs(pushed: Stage) -> None:
    """Ctrl-C where nobody can be asked only stops watching; the run's lines go on, and its end ends the follower."""
    call = pushed.start("run", "counts", "-E", WHERE)
    assert call.stdout is not None
    assert call.stderr is not None
    run = wait_until(
        lambda: next((w for w in call.stderr.readline().split() if w.startswith("counts-")), "")
    )
    wait_until(lambda: "line 1" in call.stdout.readline())
    call.send_signal(signal.SIGINT)
    _, err = call.communicate(timeout=60)
    assert (call.returncode, "goes on" in err) == (130, True)
    followed = pushed.al("logs", run, "-f", "-E", WHERE)
    assert followed.returncode == 0, followed.stderr
    shown = [line for line in followed.stdout.splitlines() if line.startswith("line ")]
    # one that came before the live tail was open is listed a moment later, behind those that the tail told
    assert sorted(shown) == sorted(f"line {n}" for n in range(1, 11))


def test_ctrl_c_on_a_terminal_stops_the_run_when_told_to(pushed: Stage, cloud: Cloud) -> None:
    """It asks; "stop the run" cancels the execution, waits for its end, and ends with 130."""
    with terminal(pushed, "run", "slow", "-E", WHERE) as (process, keyboard, screen):
        wait_until(lambda: "line 1" in screen())
        keyboard(b"\x03")
        wait_until(lambda: "stop the run" in screen())
        keyboard(b"1\n")
        wait_until(lambda: process.poll() is not None)
    assert process.returncode == 130
    assert "is stopped" in screen() or "is stopping" in screen()
    assert "its secret is gone" in screen()
    wait_until(lambda: not cloud.running())
    assert cloud.run_secrets() == []
