"""A run on a daemon behind ssh, as a program: prints what became of it."""

import json
import sys
from pathlib import Path

from tests.contracts.runtime import ended, status
from tests.fakes import eventually
from tests.runtimes.docker_stage import DockerStage
from toolkit.core.run import RunId


def main(project: str, run: str, image: str) -> None:
    stage = DockerStage.at("ssh://al@other.example.com", Path(project))
    runtime = stage.runtime
    handle = runtime.launch(stage.of(RunId(run), image))
    (line,) = eventually(lambda: list(runtime.logs(handle)))
    said = {
        "state": status(runtime, handle).state.value,
        "same": list(runtime.tail(handle)) == [line],
        "length": int(line.message) > 100,
    }
    runtime.stop(handle)
    print(json.dumps({**said, "exit": ended(runtime, handle).exit_code}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
