"""What leaves a run is looked at for secrets first: rule and place are named, and no character of the secret."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.inside.stage import Stage
from toolkit.inside.commands import scan

TOKEN = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
OWN = "hunter2-of-this-run"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, and a credential."""
    secret = tmp_path / "credentials" / "reddit_oauth" / "default" / "password"
    secret.parent.mkdir(parents=True)
    secret.write_text(OWN)
    monkeypatch.setenv("AL_CREDENTIALS_PATH", str(tmp_path / "credentials"))
    monkeypatch.setenv("AL_MASKED", "reddit_oauth/default/password")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    text = capsys.readouterr().out
    assert "hunter2" not in text
    assert TOKEN[4:9] not in text
    return json.loads(text)


def test_a_file_is_told_by_rule_and_place(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1, and every place; a credential of the run is called by its name."""
    (place / "a.txt").write_text(f"fine\nmine: {OWN}\n")
    (place / "b.txt").write_text(f"  {TOKEN}")
    assert scan.main(["a.txt", "b.txt"]) == 1
    assert printed(capsys)["found"] == [
        {"file": "a.txt", "line": 2, "column": 7, "rule": "reddit_oauth/default/password"},
        {"file": "b.txt", "line": 1, "column": 3, "rule": scan.TOKEN},
    ]


def test_a_text_is_read_from_stdin(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 when there is nothing, and 1 for the body of a comment that has it."""
    for text, code in (("all good", 0), (f"use {OWN}", 1)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert scan.main([]) == code
        assert printed(capsys)["ok"] is (code == 0)


def test_what_cannot_be_read_is_9(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, a directory that is no repository."""
    assert [scan.main(["nope"]), scan.main(["--staged"])] == [9, 9]
    assert "nope" in capsys.readouterr().err


def test_of_a_commit_only_new_lines_count() -> None:
    """With the numbers that they will have; a line that looks like the head of a file is a line."""
    diff = (
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-old\n+++ b/new\n+two\n"
        "@@ -9,0 +11 @@ def f():\n+eleven\ndiff --git a/y b/y\n--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+y\n"
    )
    _, first, second = scan.added(diff)
    assert (first.name, first.lines, first.numbers) == (
        "x",
        ["++ b/new", "two", "eleven"],
        [1, 2, 11],
    )
    assert (second.name, second.lines, second.numbers) == ("y", ["y"], [1])


def test_git_commits_no_secret(stage: Stage) -> None:
    """In a repository that the agent makes or clones; without it the same commit is made."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        """
        exec 2>&1
        git init -q there && git clone -q there here && cd here
        git config user.name a && git config user.email a@b
        echo fine > f && echo "token = $GITHUB_TOKEN" > g && git add .
        git commit -qm one; echo "code $?"
        git rm -q --cached g; git commit -qm one; echo "code $?"
        """
    )
    done = stage.run(credentials={"github_token/default/token": OWN})
    said = [line for line in done.output if "empty repository" not in line]
    place = '{"file":"g","line":1,"column":9,"rule":"github_token/default/token"}'
    assert said == [f'{{"ok":false,"found":[{place}]}}', "code 1", '{"ok":true}', "code 0"]
