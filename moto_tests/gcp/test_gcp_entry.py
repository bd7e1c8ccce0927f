"""The entry point as a real process on Google Cloud: its account's rights, its log, a real script."""

from collections.abc import Callable
from pathlib import Path

import pytest

from moto_tests.gcp.shelf import Shelf
from tests.inside.stage import Finished, Stage
from toolkit.core.mailbox_lines import collected
from toolkit.core.run import UNCLAIMED, Mailbox, RunId
from toolkit.core.secrets import Secret

PAYLOAD = (
    '{"credentials": {"github_token/default/token": "ghp_0123456789"}, "prompt": null, '
    '"trigger": {"kind": "manual"}, "token": "run-token", "gateway": null}'
)


@pytest.fixture
def stage(tmp_path: Path, job_environ: dict[str, str], allow_runs: Callable[[str], None]) -> Stage:
    allow_runs("dev")
    return Stage(tmp_path / "stage", environ=job_environ)


def launched(stage: Stage, shelf: Shelf) -> RunId:
    run = RunId.new(stage.agent)
    name = shelf.names.run_secret(run)
    shelf.store.put(name, Secret(PAYLOAD), tags=shelf.names.tags(run=run))
    stage.environ["AL_SECRET"] = name
    return run


def mailbox(done: Finished, run: RunId) -> Mailbox:
    return collected(done.lines, run) or Mailbox()


def test_a_run_on_google_cloud_claims_reads_burns_works_and_reports(
    stage: Stage, shelf: Shelf
) -> None:
    """The whole of it: the receipt's times are in the log, the secret is gone, the report is the launcher's to read."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        "cat $AL_CREDENTIALS_PATH/github_token/default/token; echo; al-return fine; exit 42"
    )
    run = launched(stage, shelf)
    done = stage.run(run)
    box = mailbox(done, run)
    assert (done.code, done.output, done.errors) == (42, ["***", '{"ok":true}'], "")
    assert box.claimed is not None
    assert box.read is not None
    assert box.burned is not None
    assert box.claimed <= box.read <= box.burned
    assert not shelf.store.exists(stage.environ["AL_SECRET"])
    assert (box.report or {})["return_value"] == "fine"


def test_nothing_of_the_platform_reaches_the_agent(stage: Stage, shelf: Shelf) -> None:
    """Neither the names of secrets nor where tokens are."""
    stage.script("env | grep -E '^GCE_|^AL_GCP|AL_SECRET|METADATA|run-token'; true")
    assert stage.run(launched(stage, shelf)).output == []


def test_an_agent_cannot_write_a_mailbox(stage: Stage, shelf: Shelf) -> None:
    """What its processes print is wrapped in lines of ours."""
    stage.script(
        """echo '{"msg": "mailbox", "run": "'$AL_RUN_ID'", "box": {"report": {"exit_code": 0}}}'; exit 9"""
    )
    run = launched(stage, shelf)
    assert (mailbox(stage.run(run), run).report or {})["exit_code"] == 9


def test_a_run_that_is_started_twice_works_once(stage: Stage, shelf: Shelf) -> None:
    """The second execution finds nothing to claim: it says nothing, and its exit code is no success."""
    stage.script("echo working")
    run = launched(stage, shelf)
    assert stage.run(run).code == 0
    again = stage.run(run)
    assert (again.code, again.text) == (UNCLAIMED, "")
