"""What the figures are taken with: printing, timing, and a home with its own sandbox.  No verdicts: machines and moments differ."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PYTHON = sys.executable
AL = [PYTHON, "-m", "toolkit.cli"]


def say(what: str, seconds: list[float], note: str = "") -> None:
    middle, low, high = (f(seconds) * 1000 for f in (statistics.median, min, max))
    print(
        f"{what:<58} {middle:9.0f} ms   ({low:.0f} to {high:.0f}, n={len(seconds)})  {note}",
        flush=True,
    )


def timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def quiet(command: list[str], **options: Any) -> None:
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )


class Stage:
    """A home with its own sandbox, and projects in it that go to the environment `where`."""

    def __init__(self, root: Path, where: str = "sandbox") -> None:
        self.root, self.where = root, where
        self.environment = {**os.environ, "AL_HOME": str(root / "home"), "NO_COLOR": "1"}

    def project(self, name: str, agents: int) -> Path:
        project = self.root / name
        for number in range(agents):
            folder = project / "agents" / f"agent-{number}"
            folder.mkdir(parents=True)
            (folder / "SKILL.md").write_text(
                f"---\nname: agent-{number}\ndescription: bench\n---\n\nWork.\n"
            )
            (folder / "config.toml").write_text(f"timeout = {300 if number % 2 == 0 else 3600}\n")
            script = 'for n in 1 2 3 4 5 6 7 8; do echo "at $(date +%s%3N)"; sleep 0.4; done'
            (folder / "test-script.sh").write_text(f"#!/bin/sh\n{script}\n")
        (project / "config.toml").write_text(f'name = "{name}"\n')
        return project

    def push(self, project: Path) -> tuple[float, float]:
        """Seconds of the whole process, and of the doing alone."""
        started = time.perf_counter()
        done = subprocess.run([*AL, "push", "-E", self.where, "--json"], cwd=project, env=self.environment, check=True,
                              capture_output=True, text=True)  # fmt: skip
        return time.perf_counter() - started, json.loads(done.stdout)["seconds"]

    def run(self, project: Path, agent: str) -> None:
        """One run to its end."""
        quiet([*AL, "run", agent, "-E", self.where], cwd=project, env=self.environment)
