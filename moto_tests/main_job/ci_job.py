"""A job of CI: a fresh clone, almost no variables, no terminal, no home of its own, and a user without a name."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from infra.desired.oidc import Repository
from toolkit.ops.ci.github_actions import Deployment, workflow

from .conftest import Done, Stage

_NAMELESS = ("unshare", "--user", "--map-user=54321", "--map-group=54321")
PROGRAMS = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"


def git(place: Path, *words: str) -> None:
    """Run git there, without anybody's own configuration."""
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
           "GIT_COMMITTER_EMAIL": "a@example.com"}  # fmt: skip
    quiet = {"PATH": PROGRAMS, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "-C", str(place), *words], check=True, capture_output=True, env={**quiet, **who})  # fmt: skip


def commit(stage: Stage) -> None:
    """Everything as it is now."""
    git(stage.project, "init", "--quiet")
    git(stage.project, "add", "--all")
    git(stage.project, "commit", "--quiet", "--message", "as it is")


def nameless() -> bool:
    """Whether a process may be started here as a user that no file knows, as containers often run."""
    try:
        return (
            subprocess.run([*_NAMELESS, "true"], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class Job:
    """One job: `clone` is its directory, `home` holds the running sandbox and no credential."""

    clone: Path
    home: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": PROGRAMS, "AL_HOME": str(self.home), **self.more}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [*(_NAMELESS if nameless() else ()), *words]
        return subprocess.Popen(
            command, cwd=self.clone, env=self.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *words: str) -> Done:
        process = self.start(*words)
        out, err = process.communicate(timeout=240)
        return Done(words, process.returncode, out, err)

    def al(self, *words: str) -> Done:
        return self.run("al", *words)


def job(stage: Stage, place: Path, **more: str) -> Job:
    """A new job for what was last committed."""
    place.mkdir()
    git(place, "clone", "--quiet", "--depth", "1", f"file://{stage.project}", "work")
    (place / "home").mkdir()
    (place / "home" / "sandbox").symlink_to(stage.home / "sandbox")
    return Job(clone=place / "work", home=place / "home", more=more)


def commands(environment: str) -> list[str]:
    """The calls of `al` in the workflow that `al ci init github` writes, as the runner's shell gets them."""
    made = Deployment(
        project="shop", environment=environment, account="123456789012", region="us-east-1", table="t",
        repository=Repository(owner="octo", name="shop"), branch="main", directory=".", role="r",
        plan_role=None, install="x", pulumi="3",
    )  # fmt: skip
    steps = yaml.safe_load(workflow(made))["jobs"]["deploy"]["steps"]
    return [step["run"] for step in steps if step.get("run", "").startswith("al ")]
