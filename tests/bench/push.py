"""Figures of `al push` for a large project in the sandbox: whole processes, and the calls that they make.

`python -m tests.bench.push [AGENTS]`; no verdicts: machines and moments differ.
"""

import collections
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench.stage import Stage, say
from toolkit.sandbox import daemon

AGENTS = 100


def push_times(stage: Stage, project: Path, repeats: int = 5) -> None:
    """The first push, then as often one SKILL.md that changed and nothing that did."""
    agents = len(list((project / "agents").iterdir()))
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


def calls(stage: Stage, project: Path) -> None:
    """AWS calls of a push that finds nothing to do, and of one that changes one prompt, as botocore sends them."""
    os.environ["AL_HOME"] = stage.environment["AL_HOME"]
    from toolkit.clouds.aws import clients_for
    from toolkit.ops import push
    from toolkit.ops.load import load_services
    from toolkit.ops.push import steps as push_steps

    services = load_services(project, "sandbox", note=lambda text: None)
    counts: collections.Counter[str] = collections.Counter()
    session = clients_for(services.environment.cloud).session  # type: ignore[arg-type]
    session.events.register("before-call", lambda model, **_: counts.update([model.name]))
    push_steps.carry_out(push.decide(services), lambda text: None)
    shown("calls of a push, nothing changed", counts)
    counts.clear()
    skill = project / "agents" / "agent-0" / "SKILL.md"
    skill.write_text(skill.read_text() + "\nAnd once more.\n")
    services = load_services(project, "sandbox", note=lambda text: None)
    push_steps.carry_out(push.decide(services), lambda text: None)
    shown("calls of a push, one SKILL.md changed", counts)


def shown(what: str, counts: Mapping[str, int]) -> None:
    each = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
    print(f"{what:<58} {sum(counts.values()):9}      {each}", flush=True)


def main(agents: int = AGENTS) -> None:
    with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
        stage = Stage(Path(root))
        home = Path(stage.environment["AL_HOME"])
        try:
            daemon.start(home)
            project = stage.project(f"bench{agents}", agents)
            push_times(stage, project)
            calls(stage, project)
        finally:
            daemon.stop(home)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
