"""From the start of a container's process to its first request on the wire, and to the first line of a script.

The entry point on this machine, with everything before the work: claim, secret, burning, files.  Beside it what Python alone
needs to load the same library.  `python -m tests.bench.entry`
"""

import resource
import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.stage import PYTHON, say, timed
from tests.fixtures.llm_server import Turn, llm_server
from tests.inside.stage import Stage

TIMES = 7
_LIBRARIES = {
    "anthropic": "import pydantic_ai.models.anthropic",
    "openai": "import pydantic_ai.models.openai",
    "ollama": "import pydantic_ai.models, httpx",
}


class Arrivals(list[Any]):
    """Requests of which it is known when the last one came."""

    last = 0.0

    def append(self, request: Any) -> None:
        self.last = time.perf_counter()
        super().append(request)


def processor() -> float:
    """Seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_request(stage: Stage, provider: str, key: str) -> tuple[float, float]:
    """Seconds until it has come, and those of a processor for the whole run."""
    with llm_server(Turn(text="done")) as server:
        server.requests = arrivals = Arrivals()
        named = {"name": "m", "provider": provider, "model": "test-model", "baseUrl": server.url}
        stage.configure(models=[named], credentials=[])
        run = stage.new_run({f"{provider}_key/default/token": key})
        before, began = processor(), time.perf_counter()
        done = stage.run(run)
        assert done.code == 0, done.text
        return arrivals.last - began, processor() - before


def whole_script(stage: Stage) -> float:
    """Seconds until a script has begun: it says when itself."""
    stage.script("#!/bin/sh\ndate +%s%N\n")
    run = stage.new_run()
    began = time.time()
    return int(stage.run(run).output[0]) / 1e9 - began


def main(times: int = TIMES) -> None:
    for provider, library in _LIBRARIES.items():
        with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
            stage = Stage(Path(root))
            taken = [
                first_request(stage, provider, "sk-ant-a-key-of-the-bench") for _ in range(times)
            ]
        cost = statistics.median(used for _, used in taken)
        note = f"{cost * 1000:.0f} ms of a processor for the whole run"
        say(f"entry point to the first request, {provider}", [came for came, _ in taken], note)
        say(f"python -c '{library}'", [timed(partial(python, library)) for _ in range(times)])
    with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
        stage = Stage(Path(root))
        say(
            "entry point to the first line of a script", [whole_script(stage) for _ in range(times)]
        )
    say("python -c pass", [timed(partial(python, "pass")) for _ in range(times)])


def python(code: str) -> None:
    subprocess.run([PYTHON, "-c", code], check=True)


if __name__ == "__main__":
    main()
