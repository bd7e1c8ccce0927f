"""How long the Pulumi program of a hundred agents takes by itself: Pulumi's mocks, no engine and no cloud."""

import statistics
import subprocess
import sys
import time

from infra.programs.aws import program
from tests.bench.stage import say, timed
from tests.infra.rendering import rendered
from tests.infra.scenes import ON_FARGATE, ON_LAMBDA, items

AGENTS = 100


def many(agents: int = AGENTS) -> dict[str, str]:
    """Half of them on Lambda, half on Fargate."""
    return {f"agent-{n}": ON_LAMBDA if n % 2 else ON_FARGATE for n in range(agents)}


def main(runs: int = 5) -> None:
    agents = many()
    wanted = items(agents=agents)
    say(
        f"desired state, {AGENTS} agents",
        [timed(lambda: items(agents=agents)) for _ in range(runs)],
    )
    took, resources = [], 0
    for _ in range(runs):
        started = time.perf_counter()
        resources = len(rendered(wanted))
        took.append(time.perf_counter() - started)
    rate = resources / statistics.median(took)
    say(f"the Pulumi program with mocks, {AGENTS} agents", took, f"{resources} resources, {rate:.0f} a second")  # fmt: skip
    code = f"import {program.__module__}"
    command = [sys.executable, "-c", code]
    say("importing the program (pulumi, pulumi_aws)", [timed(lambda: subprocess.run(command, check=True)) for _ in range(runs)])  # fmt: skip


if __name__ == "__main__":
    main()
