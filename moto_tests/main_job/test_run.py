"""`al run` against the embedded cloud: every way to end, and what is left of it."""

import json
import signal
from pathlib import Path

import pytest

from tests.inside.seen import GATEWAY, GITHUB, OURS, SHELL, names

from .conftest import Stage, copy_of, kill, wait_until
from .terminal import terminal


@pytest.mark.parametrize(("agent", "runtime"), [("quick", "aws_lambda"), ("long", "ecs_fargate")])
def test_a_run_succeeds_and_its_secret_is_gone(pushed: Stage, agent: str, runtime: str) -> None:
    """Up to 900 s on Lambda, longer on Fargate; the receipt has all four times, in order."""
    run, done = pushed.run(agent)
    assert (run["runtime"], run["state"], run["exit_code"], done.returncode) == (
        runtime,
        "succeeded",
        0,
        0,
    )
    secret = run["secret"]
    assert secret["created"] <= secret["read"] <= secret["deleted"] <= secret["verified_absent"]
    assert run["run"] in done.stderr


def test_a_return_value_is_kept_whole(pushed: Stage) -> None:
    """What `al-return` was given is in the record."""
    run, _ = pushed.run("quick")
    assert run["return_value"] == f"done {run['run']}"


@pytest.mark.parametrize(
    ("agent", "state", "code", "ends"),
    [("fails", "failed", 7, 7), ("again", "succeeded", 42, 0), ("late", "timed_out", 124, 124)],
)
def test_the_exit_code_is_the_agent_s(
    pushed: Stage, agent: str, state: str, code: int, ends: int
) -> None:
    """An agent's own code; 0 for a rerun request; 124 for a timeout."""
    run, done = pushed.run(agent)
    assert (run["state"], run["exit_code"], done.returncode) == (state, code, ends)
    assert all(run["secret"].values())


@pytest.mark.parametrize("agent", ["dies", "long-dies"])
def test_a_run_whose_container_dies_is_failed_and_leaves_nothing(pushed: Stage, agent: str) -> None:
    """No report ever comes; the platform's end is believed, and the secret is gone all the same."""
    run, done = pushed.run(agent)
    assert run["state"] == "failed", run
    assert done.returncode not in (0, 2)
    assert run["secret"]["verified_absent"]


def test_runs_of_one_agent_at_once_keep_their_prompts(pushed: Stage) -> None:
    """Each has its own secret, prompt, log and completion."""
    words = [f"task number {n}" for n in range(3)]
    calls = [pushed.start("run", "asked", word, "-E", "sandbox", "--json") for word in words]
    for word, call in zip(words, calls, strict=True):
        out, err = call.communicate(timeout=120)
        assert json.loads(out)["state"] == "succeeded"
        assert word in err
        assert not [other for other in words if other != word and other in err]


def test_a_credential_is_a_file_and_a_variable_and_never_in_the_log(pushed: Stage) -> None:
    """The agent has it; whoever reads the log does not."""
    run, done = pushed.run("secretive")
    assert run["state"] == "succeeded"
    assert "ghp_0123456789abcdef" not in done.stdout + done.stderr
    assert "=***=" in done.stderr


@pytest.mark.parametrize(("agent", "more"), [("secretive", GITHUB | {"TZ"}), ("long", frozenset())])
def test_nothing_of_the_host_reaches_an_agent(
    pushed: Stage, agent: str, more: frozenset[str]
) -> None:
    """On Lambda, which sets TZ, and on Fargate: a closed list of ours, and what its credentials bring."""
    _, done = pushed.run(agent)
    assert names(done.stderr) - SHELL == OURS | GATEWAY | more
    assert "leaked" not in done.stderr


def test_an_unknown_agent_names_the_known(pushed: Stage) -> None:
    """Wrong use, before anything is made."""
    done = pushed.al("run", "nobody", "-E", "sandbox")
    assert done.returncode == 2
    assert "quick" in done.stderr


def test_killing_al_run_does_not_kill_the_run(pushed: Stage, tmp_path: Path) -> None:
    """After `kill -9` the run goes on, its secret goes, and another laptop's logs and doctor tell the truth."""
    call = pushed.start("run", "slow", "-E", "sandbox")
    assert call.stderr is not None
    run = wait_until(
        lambda: next((w for w in call.stderr.readline().split() if w.startswith("slow-")), "")
    )
    kill(call)
    wait_until(lambda: not [name for name in pushed.run_secrets() if run in name])
    other = copy_of(pushed, tmp_path)
    followed = other.al("logs", run, "-f", "-E", "sandbox")
    assert [line for line in followed.stdout.splitlines() if line.startswith("line ")] == [
        f"line {n}" for n in range(1, 11)
    ]
    assert other.al("doctor", "-E", "sandbox").returncode == 0


def test_an_interrupted_watch_leaves_the_run_alone(pushed: Stage) -> None:
    """Where nobody can be asked, Ctrl-C only stops watching, and says how to go on."""
    call = pushed.start("run", "slow", "-E", "sandbox")
    assert call.stderr is not None
    wait_until(lambda: "started" in call.stderr.readline())
    call.send_signal(signal.SIGINT)
    _, err = call.communicate(timeout=60)
    assert call.returncode == 130
    assert "goes on" in err


def test_an_interrupted_watch_stops_the_run_when_told_to(pushed: Stage) -> None:
    """On a terminal Ctrl-C asks; "stop the run" stops it, waits for its end, and ends with 130."""
    with terminal(pushed, "run", "slow", "-E", "sandbox") as (process, keyboard, screen):
        wait_until(lambda: "line 1" in screen())
        keyboard(b"\x03")
        wait_until(lambda: "stop the run" in screen())
        keyboard(b"1\n")
        wait_until(lambda: "its secret is gone" in screen())
        wait_until(lambda: process.poll() is not None)
    assert process.returncode == 130
    assert "stopped after" in screen()
    assert "line 10" not in screen()


@pytest.mark.parametrize("agent", ["quick", "long"])
def test_a_launcher_that_died_before_it_could_say_where_loses_no_log(
    pushed: Stage, agent: str
) -> None:
    """`kill -9` between the launch and its record: the run's lines and end are found all the same."""
    done = pushed.al("run", agent, "--detach", "-E", "sandbox", "--json")
    run = json.loads(done.stdout)["run"]
    pushed.client("dynamodb").update_item(
        TableName=f"al-{pushed.project.name}-sandbox",
        Key={"pk": {"S": f"run/{run}"}, "sk": {"S": "run"}},
        UpdateExpression="REMOVE handle",
    )
    followed = pushed.al("logs", run, "-f", "-E", "sandbox")
    assert run in followed.stdout, followed.stderr
    assert pushed.al("doctor", "-E", "sandbox").returncode == 0


def test_nothing_is_left_of_any_run(pushed: Stage) -> None:
    """When all runs are over, the cloud lists no run secret and no task."""
    wait_until(lambda: not pushed.run_secrets())
    ecs = pushed.client("ecs")
    clusters = ecs.list_clusters()["clusterArns"]
    wait_until(lambda: not [t for c in clusters for t in ecs.list_tasks(cluster=c)["taskArns"]])
