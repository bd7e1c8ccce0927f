"""From a line printed in an agent to the same line from `al logs -f`, as whole processes."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.stage import AL, Stage, quiet, say


def line_to_follower(stage: Stage, project: Path, *agents: str) -> None:
    """Through the gateway, where there is one: not a cold one."""
    quiet([*AL, "logs", agents[0], "-E", stage.where], cwd=project, env=stage.environment)
    for agent in agents:
        started = subprocess.run([*AL, "run", agent, "--detach", "-E", stage.where, "--json"], cwd=project,
                                 env=stage.environment, check=True, capture_output=True, text=True)  # fmt: skip
        run = json.loads(started.stdout)
        with following(stage, project, run["run"]) as lines:
            lags = [
                at - float(text.split()[-1]) / 1000 for at, text in lines if text.startswith("at ")
            ]
        say(f"line to `al logs -f`, {run['runtime']}", lags[2:], "the first two lines are start-up")


@contextmanager
def following(stage: Stage, project: Path, run: str) -> Iterator[list[tuple[float, str]]]:
    """Every line of `al logs RUN -f` with the time of its arrival."""
    process = subprocess.Popen([*AL, "logs", run, "-f", "-E", stage.where], cwd=project, env=stage.environment,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    lines: list[tuple[float, str]] = []
    reader = threading.Thread(
        target=lambda: lines.extend((time.time(), t.strip()) for t in process.stdout or ())
    )
    reader.start()
    process.wait(timeout=60)
    reader.join()
    yield lines
