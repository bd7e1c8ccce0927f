"""How a run begins and ends: the entry point as a real process, on a real ledger, with a real secret."""

import signal
import subprocess
import sys
from datetime import datetime

import pytest

from tests.inside.stage import Stage
from tests.inside.waiting import until
from toolkit.core.run import UNCLAIMED
from toolkit.core.secrets import Secret


def test_a_script_that_ends_well_is_a_success(stage: Stage) -> None:
    """Exit code 0 is the container's, and the report says succeeded."""
    stage.script("echo working")
    run = stage.new_run()
    done = stage.run(run)
    report = stage.mailbox(run).report or {}
    assert (done.code, done.output, done.errors) == (0, ["working"], "")
    assert (report["exit_code"], report["state"], report["reason"]) == (0, "succeeded", "")
    assert (report["rerun"], report["return_value"], report["usage"]) == (False, None, None)
    datetime.fromisoformat(report["finished"])


def test_a_failing_script_gives_its_own_code(stage: Stage) -> None:
    """The script's status is the container's; the reason names it."""
    stage.script("exit 7")
    run = stage.new_run()
    assert stage.run(run).code == 7
    report = stage.mailbox(run).report or {}
    assert (report["exit_code"], report["state"]) == (7, "failed")
    assert report["reason"] == "the script ended with exit code 7"


def test_a_code_of_the_vocabulary_is_explained(stage: Stage) -> None:
    """Codes that agents share have words."""
    stage.script("exit 11")
    run = stage.new_run()
    stage.run(run)
    assert "permission denied" in (stage.mailbox(run).report or {})["reason"]


def test_a_script_that_a_signal_ended_is_a_failure(stage: Stage) -> None:
    """128 and the signal's number, as every platform reports it, with its name in the reason."""
    stage.script("kill -KILL $$")
    run = stage.new_run()
    assert stage.run(run).code == 137
    assert "SIGKILL" in (stage.mailbox(run).report or {})["reason"]


def test_code_42_asks_for_another_run(stage: Stage) -> None:
    """42 is a success that asks to be run again."""
    stage.script("exit 42")
    run = stage.new_run()
    assert stage.run(run).code == 42
    report = stage.mailbox(run).report or {}
    assert (report["state"], report["rerun"], report["reason"]) == ("succeeded", True, "")


def test_al_rerun_turns_a_success_into_42(stage: Stage) -> None:
    """The signal counts when the script itself ended well."""
    stage.script("al-rerun")
    assert stage.run().code == 42


def test_al_rerun_does_not_hide_a_failure(stage: Stage) -> None:
    """A script's own failure wins over its wish for another run."""
    stage.script("al-rerun; exit 3")
    assert stage.run().code == 3


def test_a_return_value_is_recorded_whole(stage: Stage) -> None:
    """The report has all of it; nothing is cut at a thousand characters."""
    stage.script("head -c 200000 /dev/zero | tr '\\0' x | al-return")
    run = stage.new_run()
    assert stage.run(run).code == 0
    assert (stage.mailbox(run).report or {})["return_value"] == "x" * 200_000


def test_the_status_is_seen_while_the_run_goes_on(stage: Stage) -> None:
    """al-status reaches the mailbox long before the end."""
    stage.script('al-status "half way"; sleep 60')
    run = stage.new_run()
    process = stage.start(run)
    until(lambda: stage.mailbox(run).status == "half way")
    process.terminate()
    assert stage.finish(process).code == 143


def test_a_run_ends_itself_at_its_timeout(stage: Stage) -> None:
    """The container's own timer works without anybody else: 124, timed_out, and the script is ended."""
    stage.configure(timeout=1)
    stage.script("trap '' TERM; sleep 60 & wait; sleep 60")
    run = stage.new_run()
    done = stage.run(run)
    report = stage.mailbox(run).report or {}
    assert (done.code, report["exit_code"], report["state"]) == (124, 124, "timed_out")
    assert report["reason"] == "the run reached its timeout of 1 s"
    assert "container timeout reached, self-terminating" in done.messages


def test_a_stop_flag_ends_the_run(stage: Stage) -> None:
    """What nothing can do from outside on Lambda, the run does itself."""
    stage.script("echo begun; sleep 60")
    run = stage.new_run()
    process = stage.start(run)
    until(lambda: stage.mailbox(run).burned)
    stage.ledger.request_stop(run)
    done = stage.finish(process)
    report = stage.mailbox(run).report or {}
    assert (done.code, report["state"]) == (143, "stopped")
    assert report["reason"] == "stopped on request"


def test_a_stop_flag_may_be_older_than_the_run(stage: Stage) -> None:
    """A run that was stopped before its container began ends as stopped."""
    stage.script("sleep 60")
    run = stage.new_run()
    stage.ledger.request_stop(run)
    assert stage.run(run).code == 143


def test_sigterm_stops_the_run_and_it_still_reports(stage: Stage) -> None:
    """StopTask sends SIGTERM and waits 30 s before SIGKILL
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html)."""
    stage.script("sleep 60")
    run = stage.new_run()
    process = stage.start(run)
    until(lambda: stage.mailbox(run).burned)
    process.send_signal(signal.SIGTERM)
    assert stage.finish(process).code == 143
    assert (stage.mailbox(run).report or {})["state"] == "stopped"


def test_what_a_stopped_script_says_last_is_logged(stage: Stage) -> None:
    """SIGTERM comes before SIGKILL, and the output in between is not lost."""
    stage.script("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done")
    run = stage.new_run()
    process = stage.start(run)
    assert process.stdout is not None
    heard = b""
    while b"ready" not in heard:
        heard = process.stdout.readline()
    process.terminate()
    assert stage.finish(process).output.count("saved") == 1


def test_the_second_of_two_containers_touches_nothing(stage: Stage) -> None:
    """At most one execution of a run works: the loser leaves secret and mailbox alone, and its
    exit code says that it is no success of the run (an asynchronous event may be delivered twice: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""
    stage.script("echo working; exit 5")
    run = stage.new_run()
    assert stage.run(run).code == 5
    first = stage.mailbox(run)
    again = stage.run(run)
    assert (again.code, again.output) == (UNCLAIMED, [])
    assert again.text == ""  # the log is the winner's, and may have had its last line
    assert stage.mailbox(run) == first


def test_the_loser_leaves_the_secret_to_the_winner(stage: Stage) -> None:
    """Whoever did not claim the run must not burn its secret."""
    stage.script("echo working")
    run = stage.new_run()
    stage.run(run)
    stage.secrets.put(stage.secret_name(run), Secret("{}"), tags={})
    stage.run(run)
    assert stage.secrets.exists(stage.secret_name(run))


def test_the_secret_is_burned_before_the_agent_works(stage: Stage) -> None:
    """When the first command of the agent runs, the secret is gone and both times are noted."""
    stage.configure(hooks={"pre": [f"find {stage.root}/secrets -type f | wc -l"]})
    stage.script("true")
    run = stage.new_run()
    done = stage.run(run)
    box = stage.mailbox(run)
    assert done.output[0].strip() == "0"
    assert box.read is not None
    assert box.burned is not None
    assert box.claimed is not None
    assert box.claimed <= box.read <= box.burned


def test_a_run_without_its_secret_fails_and_says_why(stage: Stage) -> None:
    """Never with half of the credentials: 14, and the cause in the report."""
    stage.script("echo must not run")
    run = stage.new_run()
    stage.secrets.delete(stage.secret_name(run))
    done = stage.run(run)
    report = stage.mailbox(run).report or {}
    assert (done.code, done.output, report["state"]) == (14, [], "failed")
    assert report["reason"].startswith("the run's secret is gone")


def test_a_secret_that_is_no_json_fails_without_showing_it(stage: Stage) -> None:
    """A parser's error quotes what it parsed, so it goes nowhere."""
    stage.script("echo must not run")
    run = stage.new_run()
    stage.secrets.put(stage.secret_name(run), Secret("hunter2-is-not-json"), tags={})
    done = stage.run(run)
    assert (done.code, done.output) == (14, [])
    assert "hunter2" not in done.text
    assert "hunter2" not in str(stage.mailbox(run))


def test_a_missing_required_field_stops_the_run(stage: Stage) -> None:
    """The field is named, and the script never starts."""
    stage.configure(credentials=["github_token:default"])
    stage.script("echo must not run")
    run = stage.new_run()
    done = stage.run(run)
    assert (done.code, done.output) == (14, [])
    assert "github_token/default/token" in (stage.mailbox(run).report or {})["reason"]


def test_an_image_without_its_files_is_a_clear_failure(stage: Stage) -> None:
    """13, and the file is named in the report."""
    (stage.static / "credentials.json").unlink()
    stage.script("echo must not run")
    run = stage.new_run()
    assert stage.run(run).code == 13
    assert "credentials.json" in (stage.mailbox(run).report or {})["reason"]


def test_a_place_that_cannot_be_written_is_named(stage: Stage) -> None:
    """13: the platform owes the run a directory for its credentials."""
    stage.script("echo must not run")
    (stage.root / "file").touch()
    stage.environ["AL_CREDENTIALS_PATH"] = str(stage.root / "file" / "credentials")
    run = stage.new_run()
    assert stage.run(run).code == 13
    assert "file/credentials cannot be written" in (stage.mailbox(run).report or {})["reason"]


def test_an_interpreter_that_is_not_there_is_said(stage: Stage) -> None:
    """127, as a shell has it, and the system's words in the log."""
    stage.script("#!/no/such/interpreter\n")
    (stage.static / "test-script.sh").chmod(0o755)
    done = stage.run()
    assert done.code == 127
    assert "a program could not be started" in done.messages


def test_a_return_value_of_only_control_characters_does_not_cost_the_report(stage: Stage) -> None:
    """JSON makes six characters of each; a report that DynamoDB refuses would be a run that was lost
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""
    stage.script("head -c 200000 /dev/zero | tr '\\0' '\\001' > $AL_SIGNAL_DIR/return")
    run = stage.new_run()
    done = stage.run(run)
    report = stage.mailbox(run).report or {}
    assert (report["exit_code"], report["return_value"]) == (0, None)
    assert "the return value is too large to be reported" in done.messages


def test_the_entry_point_loads_nothing_heavy() -> None:
    """Lambda's init phase has 10 s (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html),
    and every run waits for it: no SDK, no pydantic, no HTTP client of ours."""
    rooms = ("entry", "on_lambda", "platforms.aws", "platforms.local", "commands.status")
    code = (
        f"import sys, {', '.join(f'toolkit.inside.{room}' for room in rooms)}; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    heavy = {"boto3", "botocore", "pydantic", "pydantic_ai", "httpx", "urllib.request", "asyncio"}
    assert not heavy & set(loaded.stdout.split())


def test_an_agent_with_neither_model_nor_script_fails(stage: Stage) -> None:
    """There is nothing to run, and the reason says so."""
    run = stage.new_run()
    assert stage.run(run).code == 13
    assert "neither a model nor a test-script.sh" in (stage.mailbox(run).report or {})["reason"]


@pytest.mark.parametrize("name", ["AL_RUN_ID", "AL_SECRET", "AL_AGENT", "AL_LEDGER"])
def test_an_environment_that_lacks_a_variable_is_named(stage: Stage, name: str) -> None:
    """A container that was started by hand says what it misses, and does nothing."""
    stage.lacking = name
    done = stage.run()
    assert done.code == 13
    assert name in done.text


def test_an_unreachable_ledger_means_no_work(stage: Stage) -> None:
    """Without a claim nothing starts: somebody else may be at it."""
    stage.script("echo must not run")
    stage.environ["AL_LEDGER"] = str(stage.root / "nowhere.db")
    done = stage.run()
    assert (done.code, done.output) == (14, [])
    assert not (stage.root / "nowhere.db").exists()
