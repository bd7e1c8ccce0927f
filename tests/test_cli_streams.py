"""`al` with a standard stream that is closed or full, as shells and services leave them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.program import variables

SHOW = "env list --json"


def shell(redirected: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`al` as a shell starts it."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m toolkit.cli {redirected}', sys.executable],
        cwd=cwd, env=variables(cwd / "home"), capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_an_answer_that_cannot_be_printed_is_a_failure(tmp_path: Path, where: str) -> None:
    """Exit code 1, and stdout is named."""
    done = shell(f"{SHOW} {where}", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: stdout: ")


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_a_lost_conversation_changes_neither_answer_nor_code(tmp_path: Path, where: str) -> None:
    """Good or bad."""
    done = shell(f"{SHOW} {where}", tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)
    assert shell(f"push --colour {where}", tmp_path).returncode == 2
    assert shell(f"push {where}", tmp_path).returncode == 2


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """Or a child's complaints would be written into it."""
    code = (
        "import os, toolkit.cli as c; c._keep_standard_streams_free(); print(os.open('f', 64 | 1))"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1" 2>&- <&-', sys.executable, code],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert int(done.stdout) > 2


def test_an_empty_environment_is_wrong_use(tmp_path: Path) -> None:
    """It comes of a variable that is not set, and means no environment: least of all this machine."""
    done = shell("push -E ''", tmp_path)
    assert (done.returncode, "--env is empty" in done.stderr) == (2, True)


def test_a_new_project_needs_a_name(tmp_path: Path) -> None:
    """Nothing is written into the present directory."""
    assert shell("new ''", tmp_path).returncode == 2
    assert not (tmp_path / "config.toml").exists()


def test_the_next_step_of_a_new_project_can_be_pasted(tmp_path: Path) -> None:
    """Also where its name has a space."""
    assert "cd 'my shop'," in shell("new 'my shop'", tmp_path).stderr
