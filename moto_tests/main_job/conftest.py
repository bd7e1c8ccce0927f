"""A project in a home of its own, the embedded cloud behind it, and the real `al` in processes of its own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.inside.seen import NAMES
from toolkit.sandbox import daemon

from . import in_process

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Stage:
    """One project; `al` runs the program in it, against the environment `where`."""

    home: Path
    project: Path
    where: str = "sandbox"

    @property
    def environment(self) -> dict[str, str]:
        """The embedded cloud's timers fire when a test asks for it (`tick`)."""
        own = {"AL_HOME": str(self.home), "NO_COLOR": "1", "AL_SANDBOX_CLOCK": "0"}
        own |= {"ANYTHING": "leaked-from-the-host"}
        return {**os.environ, **own}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "toolkit.cli", *words]
        return subprocess.Popen(
            command, cwd=self.project, env=self.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def al(self, *words: str, given: str = "") -> Done:
        return in_process.al(
            words, directory=self.project, environment=self.environment, given=given
        )

    def answer(self, *words: str) -> Any:
        """What a verb answers in JSON; it must succeed."""
        done = self.al(*words, "-E", self.where, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, agent: str, *more: str) -> tuple[dict[str, Any], Done]:
        """Run an agent to its end; its summary, and the call itself."""
        done = self.al("run", agent, *more, "-E", self.where, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout), done

    def agent(
        self, name: str, script: str, *, timeout: int = 300, config: str = "", skill: str = "Work."
    ) -> None:
        """Write an agent that runs a script."""
        folder = self.project / "agents" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "SKILL.md").write_text(
            f"---\nname: {name}\ndescription: for a test\n---\n\n{skill}\n"
        )
        (folder / "config.toml").write_text(f"timeout = {timeout}\n{config}")
        (folder / "test-script.sh").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "test-script.sh").chmod(0o755)

    def client(self, service: str) -> Any:
        running = daemon.status(self.home)
        assert running is not None
        return boto3.client(
            service, endpoint_url=running.endpoint, region_name=running.region,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def tick(self) -> int:
        """Let every rule with a schedule fire; how many there were.  Returns when what they call has answered."""
        running = daemon.status(self.home)
        assert running is not None
        answer = httpx.post(f"{running.endpoint}/al-sandbox/tick", trust_env=False, timeout=90)
        return int(answer.raise_for_status().json()["fired"])

    def run_secrets(self) -> list[str]:
        """Run secrets of this project that the cloud still lists."""
        pages = self.client("secretsmanager").get_paginator("list_secrets").paginate()
        prefix = f"action-llama/{self.project.name}/sandbox/runs/"
        return [
            s["Name"] for page in pages for s in page["SecretList"] if s["Name"].startswith(prefix)
        ]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose sandbox ends with the session.  Its timers fire when a test asks: fifty projects with a gateway each, woken
    every minute, would leave the machine for nothing else."""
    made = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AL_SANDBOX_CLOCK", "0")
        yield made
        daemon.stop(made)


@pytest.fixture(scope="session")
def new_stage(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stage]:
    """Another project with the same cloud: `new_stage("shop")`."""

    def make(name: str) -> Stage:
        project = tmp_path_factory.mktemp("projects") / name
        (project / "agents").mkdir(parents=True)
        (project / "config.toml").write_text(f'name = "{name}"\n')
        return Stage(home=home, project=project)

    return make


AGENTS = {
    "quick": 'echo "hello from $AL_RUN_ID"; al-return "done $AL_RUN_ID"',
    "asked": 'echo "asked: $PROMPT"; sleep 1',
    "fails": "echo about to fail; exit 7",
    "again": "exit 42",
    "slow": 'for n in 1 2 3 4 5 6 7 8 9 10; do echo "line $n"; sleep 0.5; done',
    "dies": 'kill -9 "$PPID"; sleep 5',
}


@pytest.fixture(scope="session")
def pushed(new_stage: Callable[[str], Stage]) -> Stage:
    """A pushed project with one agent for each way to end, on Lambda, and `long` on Fargate."""
    stage = new_stage("shop")
    for name, script in AGENTS.items():
        stage.agent(name, script)
    stage.agent("late", "sleep 30", timeout=2)
    stage.agent("long", f'echo "long work of $AL_RUN_ID"; {NAMES}', timeout=3600)
    stage.agent("long-dies", 'kill -9 "$PPID"; sleep 5', timeout=3600)
    stage.agent("secretive", 'cat "$AL_CREDENTIALS_PATH"/github_token/default/token; echo "=$GITHUB_TOKEN="; '
                f"{NAMES}",
                config='credentials = ["github_token"]\n')  # fmt: skip
    assert stage.al("creds", "add", "github_token", given="ghp_0123456789abcdef").returncode == 0
    done = stage.al("push", "-E", "sandbox")
    assert done.returncode == 0, done.stderr
    return stage


def gateway_of(home: Path) -> tuple[str, str]:
    """The address of the newest gateway in this home's sandbox, and this machine's key."""
    running = daemon.status(home)
    assert running is not None
    assert running.gateway
    (key,) = home.glob("credentials/gateway_api_key/**/key")
    return running.gateway.rstrip("/"), key.read_text().strip()


def wait_until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `look` returns once it is true; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)
    return found


def kill(process: subprocess.Popen[str]) -> tuple[str, str]:
    """`kill -9`, as a machine that loses power would; what it had still said, in both its streams.  It may be over."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()


def copy_of(stage: Stage, target: Path) -> Stage:
    """The same project on another laptop (with the same account)."""
    shutil.copytree(
        stage.project, target / stage.project.name, ignore=shutil.ignore_patterns(".al")
    )
    return Stage(home=stage.home, project=target / stage.project.name, where=stage.where)
