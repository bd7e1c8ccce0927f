"""`al start` with 1,000 agents: when it answers, when all are ready, what it weighs, and what it costs to do nothing.

python -m tests.bench.start [AGENTS]
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, Popen
from urllib.request import urlopen

from tests.bench.stage import AL
from tests.bench.webhooks import cpu_seconds

AGENTS = 1_000
PATIENCE = 600.0
IDLE = 10.0  # seconds over which the cost of doing nothing is taken


def project(root: Path, agents: int) -> Path:
    """Every fourth agent has a schedule, once a day."""
    for number in range(agents):
        folder = root / "agents" / f"agent-{number}"
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(
            f"---\nname: agent-{number}\ndescription: bench\n---\n\nWork.\n"
        )
        timed = "" if number % 4 else f'schedule = "{number % 60} 3 * * *"\n'
        (folder / "config.toml").write_text(timed)
        (folder / "test-script.sh").write_text("#!/bin/sh\ntrue\n")
    (root / "config.toml").write_text('name = "bench"\n[local]\nruntime = "process"\n')
    return root


def until(look: Callable[[], object], process: "Popen[bytes]") -> float:
    """Seconds until it is true."""
    began = time.perf_counter()
    while not look():
        if process.poll() is not None or time.perf_counter() - began > PATIENCE:
            raise RuntimeError("`al start` has ended, or takes too long")
        time.sleep(0.05)
    return time.perf_counter() - began


def megabytes(pid: int) -> float:
    """Resident memory (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def answers(place: Path) -> bool:
    try:
        url = json.loads(place.read_text())["url"]
    except (OSError, ValueError):
        return False
    return bool(urlopen(f"{url}/health", timeout=10).status == 200)  # noqa: S310 - our own


def main(agents: int = AGENTS) -> None:
    with tempfile.TemporaryDirectory(prefix="al-bench-start-") as name:
        root = Path(name)
        where, log = project(root / "bench", agents), root / "log"
        environment = {**os.environ, "AL_HOME": str(root / "home"), "NO_COLOR": "1"}
        with log.open("w") as said:
            process = Popen(
                [*AL, "start", "-H", "-E", "local", "--port", "0"],
                cwd=where, env=environment, stdout=DEVNULL, stderr=said,
            )  # fmt: skip
        try:
            first = until(lambda: answers(where / ".al" / "scheduler-local.json"), process)
            rest = until(lambda: "are ready" in log.read_text(), process)
            before = spent = cpu_seconds(process.pid)
            time.sleep(IDLE)
            idle = (cpu_seconds(process.pid) - before) / IDLE * 100
            weight = megabytes(process.pid)
        finally:
            process.terminate()
            process.wait()
    what = f"al start, {agents:,} agents"
    print(f"{f'{what}: the gateway answers':<58} {first:9.1f} s")
    print(f"{f'{what}: all are ready':<58} {first + rest:9.1f} s     {spent:.1f} s of a processor")
    print(f"{f'{what}: memory':<58} {weight:9.0f} MB     {idle:.0f} % of a processor when idle")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
