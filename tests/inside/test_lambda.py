"""Runs as invocations: one process, a real Runtime API over HTTP, and nothing that leaks from run to run."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.inside.runtime_api import RuntimeApi, runtime_api
from tests.inside.stage import Stage
from toolkit.core.run import RunId


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with runtime_api() as api:
        yield api


@pytest.fixture
def function(stage: Stage, api: RuntimeApi) -> Iterator["subprocess.Popen[bytes]"]:
    """The agent's function, waiting for events; its environment names no run."""
    stage.environ |= {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/al-p-e-dev",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/20/[1]abc",
        "AWS_SECRET_ACCESS_KEY": "the-platforms-own",
        "LAMBDA_TASK_ROOT": "/var/task",
        "_HANDLER": "x",
    }
    process = stage.start()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def event(stage: Stage, run: RunId) -> dict[str, object]:
    return {"al": 1, "run": run, "secret": stage.secret_name(run)}


def lines(process: "subprocess.Popen[bytes]") -> list[dict[str, object]]:
    """What was printed, once the process has been ended."""
    process.kill()
    output, _ = process.communicate()
    return [json.loads(line) for line in output.splitlines()]


def test_a_run_is_answered_with_how_it_ended(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """A failed run is no invocation error: the response says so, and the process waits for the next event."""
    stage.script("exit 7")
    run = stage.new_run()
    answer = api.invoke(event(stage, run))
    assert (answer.request_id, answer.kind) == ("request-1", "response")
    assert answer.body == {"run": run, "claimed": True, "exit_code": 7, "state": "failed"}
    assert function.poll() is None


def test_the_claim_says_where_the_log_is(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """Streams are shared by invocations, so the launcher learns stream and request from the claim."""
    stage.script("true")
    run = stage.new_run()
    api.invoke(event(stage, run))
    assert stage.mailbox(run).where == {
        "log_group": "/aws/lambda/al-p-e-dev",
        "log_stream": "2026/11/20/[1]abc",
        "request_id": "request-1",
    }


def test_nothing_of_one_run_reaches_the_next(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """The environment is reused (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html):
    processes, files, variables, prompt and secrets of the first run are gone when the second begins."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        """
        env | sort | sed 's/^/env /'; ls -a $HOME $TMPDIR | sed 's/^/home /'
        ls $(dirname $HOME)/.. | sed 's/^/place /'
        ps -eo args | grep -c '[s]leep 4242' | sed 's/^/sleeping /'
        echo leak > $HOME/leak; echo leak > $TMPDIR/leak; echo leak > $TMPDIR/../../leak-in-tmp
        echo leak > $AL_SIGNAL_DIR/leak; export LEAK=leak
        (setsid sleep 4242 &)
        """
    )
    first = stage.new_run({"github_token/default/token": "ghp_first_0123"}, prompt="prompt one")
    second = stage.new_run({"github_token/default/token": "ghp_second_012"}, prompt="prompt two")
    for run in (first, second):
        assert api.invoke(event(stage, run)).body["exit_code"] == 0
    printed = [str(line["text"]) for line in lines(function) if line.get("run") == second
               and line["msg"] == "output"]  # fmt: skip
    whole = "\n".join(printed)
    assert "sleeping 0" in printed
    assert "leak" not in whole.lower()
    assert first not in whole
    assert "prompt one" not in whole
    assert "first" not in whole
    assert "two" in whole
    assert list(stage.temporary.iterdir()) == []
    assert not stage.credentials.exists()


def test_what_a_killed_run_left_is_gone_before_the_next(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """Lambda's reset after a crash or timeout does not clear /tmp
    (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html)."""
    left = stage.temporary / "dev-0123abcd-xyz" / "home"
    left.mkdir(parents=True)
    stage.credentials.mkdir()
    (stage.credentials / "token").write_text("old")
    stage.script(f"ls {stage.temporary} | grep -v $AL_RUN_ID; ls $AL_CREDENTIALS_PATH")
    assert api.invoke(event(stage, stage.new_run())).body["exit_code"] == 0
    assert [line for line in lines(function) if line["msg"] == "output"] == []


def test_the_variables_of_two_runs_differ_only_where_they_must(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """The process's own environment is the same before the second run as before the first."""
    stage.configure(credentials=["github_token:default"])
    stage.script("env | cut -d= -f1 | sort")
    runs = [stage.new_run({"github_token/default/token": "ghp_0123456789"}) for _ in range(2)]
    for run in runs:
        api.invoke(event(stage, run))
    printed = lines(function)
    first, second = (
        [line["text"] for line in printed if line.get("run") == run and line["msg"] == "output"]
        for run in runs
    )
    assert first == second
    assert "GITHUB_TOKEN" in first


def test_the_platforms_own_variables_are_hidden(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """The role's session is not the agent's to use; only credentials that it declares are."""
    stage.script("env | grep -E '^(AWS_|LAMBDA_|_HANDLER|AL_SECRET|AL_LEDGER)'; true")
    run = stage.new_run()
    api.invoke(event(stage, run))
    assert [line for line in lines(function) if line["msg"] == "output"] == []


def test_a_run_ends_itself_before_lambda_does(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """A timeout by the platform leaves no exit code and no report, so the run is 10 s faster
    (or half of what is left, when that is less)."""
    stage.configure(timeout=300)
    stage.script("sleep 300")
    run = stage.new_run()
    answer = api.invoke(event(stage, run), seconds=2)
    assert (answer.body["exit_code"], answer.body["state"]) == (124, "timed_out")
    assert (stage.mailbox(run).report or {})["state"] == "timed_out"
    assert function.poll() is None


def test_an_event_that_is_delivered_twice_does_its_work_once(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """Asynchronous events may come twice even without an error
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""
    stage.script("echo once")
    run = stage.new_run()
    assert api.invoke(event(stage, run)).body["claimed"] is True
    assert api.invoke(event(stage, run)).body == {"run": run, "claimed": False}
    assert [line for line in lines(function) if line["msg"] == "output" and line["text"] == "once"]


@pytest.mark.parametrize(
    "wrong",
    [
        b"not json",
        {"source": "aws.events"},
        {"al": 2, "run": "dev-0123abcd", "secret": "s"},
        {"al": 1, "run": "other-0123abcd", "secret": "s"},
        {"al": 1, "run": 7, "secret": "s"},
        [],
    ],
)
def test_an_event_that_names_no_run_is_an_invocation_error(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]", wrong: object
) -> None:
    """Somebody else's event is refused, and the process lives on for the next one."""
    stage.script("echo working")
    answer = api.invoke(wrong)
    assert answer.kind == "error"
    assert answer.body["errorType"] in ("UsageError", "ConfigError")
    assert answer.body["errorMessage"]
    run = stage.new_run()
    assert api.invoke(event(stage, run)).body["exit_code"] == 0


def test_a_broken_image_is_reported_and_the_function_lives(
    stage: Stage, api: RuntimeApi, function: "subprocess.Popen[bytes]"
) -> None:
    """A file that is missing in the image ends the run, not the process."""
    (stage.static / "credentials.json").unlink()
    run = stage.new_run()
    answer = api.invoke(event(stage, run))
    assert (answer.kind, answer.body["exit_code"]) == ("response", 13)
    assert "credentials.json" in (stage.mailbox(run).report or {})["reason"]
    assert function.poll() is None


def test_the_process_ends_when_the_runtime_api_is_gone(stage: Stage, api: RuntimeApi) -> None:
    """Nobody is left to work for; the platform starts another."""
    stage.environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:9"
    done = stage.finish(stage.start())
    assert done.code == 1
    assert done.messages == ["the function ends"]
