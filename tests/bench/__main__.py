"""`make bench`: figures, and what they are compared with.  No verdicts: machines and moments differ.

Each figure is a median of several whole-process runs, with the lowest and highest beside it.
"""

import collections
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import (
    dispatch,
    doctor,
    entry,
    fleet,
    followers,
    google,
    image,
    program,
    push,
    queue,
    redaction,
    relay,
    start,
    webhooks,
)
from tests.bench.following import line_to_follower
from tests.bench.stage import AL, PYTHON, Stage, quiet, say, timed
from toolkit.sandbox import daemon


def help_time(runs: int = 15) -> None:
    """`al --help` beside the import of click alone, in turn."""
    ours, click = [], []
    for _ in range(runs):
        ours.append(timed(lambda: quiet([*AL, "--help"])))
        click.append(timed(lambda: quiet([PYTHON, "-c", "import click"])))
    say("al --help", ours)
    say("python -c 'import click'", click)
    ratio = statistics.median(a / b for a, b in zip(ours, click, strict=True))
    code = "import sys, toolkit.cli; print(len(sys.modules))"
    modules = subprocess.run(
        [PYTHON, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
    print(f"{'':<58} ratio {ratio:.2f}; {modules} modules loaded by toolkit.cli")


def push_times(stage: Stage, agents: int, repeats: int = 5) -> Path:
    project = stage.project(f"bench{agents}", agents)
    whole, doing = stage.push(project)
    say(f"al push, first, {agents} agents", [whole], f"doing {doing:.2f} s")
    changed, unchanged = [], []
    skill = project / "agents" / "agent-0" / "SKILL.md"
    for number in range(repeats):
        skill.write_text(skill.read_text() + f"\nAnd {number}.\n")
        changed.append(stage.push(project)[0])
        unchanged.append(stage.push(project)[0])
    say(f"al push, one SKILL.md changed, {agents} agents", changed)
    say(f"al push, nothing changed, {agents} agents", unchanged)
    return project


def calls_per_run(stage: Stage, project: Path) -> None:
    """AWS calls of the launcher for one run, by operation, as botocore sends them; log reads included."""
    os.environ["AL_HOME"] = stage.environment["AL_HOME"]
    from toolkit.clouds.aws import clients_for
    from toolkit.ops import launch
    from toolkit.ops import run as runs
    from toolkit.ops.load import load_services

    services = load_services(project, "sandbox", note=lambda text: None)
    counts: collections.Counter[str] = collections.Counter()
    session = clients_for(
        services.environment.cloud
    ).session  # clients are made from it once per process
    session.events.register("before-call", lambda model, **_: counts.update([model.name]))
    for agent in ("agent-0", "agent-1"):
        counts.clear()
        run = launch.start(services, agent, None, note=lambda text: None)
        *_, run = runs.watch(services, run, every=1.0)
        shown = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
        print(
            f"{'calls of the launcher, ' + run.runtime:<58} {sum(counts.values()):9}      {shown}"
        )


def main() -> None:
    print(
        f"Python {sys.version.split()[0]}, {os.cpu_count()} processors; medians of whole processes\n"
    )
    help_time()
    with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
        stage = Stage(Path(root))
        try:
            started = timed(lambda: daemon.start(Path(stage.environment["AL_HOME"])))
            say("al sandbox start", [started])
            project = push_times(stage, 1)
            push_times(stage, 20)
            project = stage.project("benchruns", 2)
            stage.push(project)
            calls_per_run(stage, project)
            line_to_follower(stage, project, "agent-0", "agent-1")
        finally:
            daemon.stop(Path(stage.environment["AL_HOME"]))
    print()
    entry.main()
    image.main()
    dispatch.main()
    fleet.main()
    push.main()
    doctor.main()
    program.main()
    queue.main()
    redaction.main()
    relay.main()
    webhooks.main()
    followers.main()
    start.main()
    print()
    google.main()


if __name__ == "__main__":
    main()
