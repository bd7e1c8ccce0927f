"""Who holds an environment, in words that help whoever waits."""

import os
import subprocess
import sys

import pytest

from toolkit.ops.holder import ci_run, holder

GITHUB = {
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "octo/shop",
    "GITHUB_RUN_ID": "77",
}


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        (GITHUB, "https://github.example/octo/shop/actions/runs/77"),
        ({"CI_JOB_URL": "https://gitlab.example/-/jobs/1"}, "https://gitlab.example/-/jobs/1"),
        ({"CIRCLE_BUILD_URL": "https://circleci.com/gh/o/s/2"}, "https://circleci.com/gh/o/s/2"),
        ({"BUILDKITE_BUILD_URL": "https://buildkite.com/o/s/3"}, "https://buildkite.com/o/s/3"),
        ({"BUILD_URL": "https://jenkins.example/job/s/4/"}, "https://jenkins.example/job/s/4/"),
        ({"CI": "true"}, ""),
        ({}, ""),
    ],
)
def test_a_ci_run_is_named_by_its_address(environ: dict[str, str], address: str) -> None:
    """So that whoever waits can look at it."""
    assert ci_run(environ) == address
    assert address in holder(environ).name


def test_a_process_is_named_by_user_host_and_number() -> None:
    """Enough to find it, and to end it."""
    name = holder({}).name
    assert f"pid {os.getpid()}" in name
    assert "@" in name


def test_a_variable_cannot_write_on_somebody_elses_terminal() -> None:
    """The name is shown to others: control characters are left out, and it has an end."""
    name = holder({"BUILD_URL": "https://x/\x1b]0;owned\x07" + "y" * 500}).name
    assert name.isprintable()
    assert len(name) <= 300


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run a process as another user")
def test_a_user_without_a_name_is_named_by_number() -> None:
    """Containers run as a number that no file knows, with neither USER nor LOGNAME nor HOME."""
    script = (
        "import os; from toolkit.ops.holder import holder; os.setuid(54321); print(holder({}).name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("uid 54321@"), done.stderr
