"""200 followers of one run's log: how long a line takes to each, what it costs the gateway, and whether each gets all of them.

python -m tests.bench.followers              the whole measure
python -m tests.bench.followers serve DIR    the gateway alone; prints its port
"""

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.stage import PYTHON
from tests.bench.webhooks import cpu_seconds, services_in
from toolkit.core.clock import iso
from toolkit.core.run import Run, RunHandle, RunId, RunState, TriggerKind
from toolkit.core.secrets import Secret

FOLLOWERS = 200
LINES, EVERY = 100, 0.1  # seconds between two lines
KEY = "k" * 43
RUN = RunId("dev-00000001")
PATH = f"/api/logs/agents/{RUN.agent}/{RUN}"


def serve(directory: Path) -> None:
    import uvicorn

    from gateway.app import create_app

    services = services_in(directory)
    services.ledger.prepare()
    services.store.put("gateway_api_key/default/key", Secret(KEY), tags={})
    handle = RunHandle(runtime="local", run=RUN, agent=RUN.agent, ids={"pid": "0", "started": "x"})
    services.ledger.add(Run(id=RUN, agent=RUN.agent, runtime="local", created=iso(datetime.now(UTC)),
                            state=RunState.RUNNING, handle=handle, trigger=TriggerKind.MANUAL))  # fmt: skip
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(create_app(services), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


class Follower:
    """One stream; `waits` has the seconds that each line took from its writing to here, by its number."""

    def __init__(self) -> None:
        self.waits: dict[int, float] = {}
        self.repeated = 0

    async def follow(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET {PATH} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer {KEY}\r\n\r\n".encode()
        )
        try:
            while len(self.waits) < LINES:
                self._read(await reader.readline())
        finally:
            writer.close()

    def _read(self, line: bytes) -> None:
        if line.startswith(b"data: ") and b'"number"' in line:
            told = json.loads(line[6:])
            self.repeated += told["number"] in self.waits
            self.waits.setdefault(told["number"], time.time() - told["at"])


async def write(log: Path) -> None:
    """The run prints a line now and then."""
    log.parent.mkdir(parents=True, exist_ok=True)
    for number in range(LINES):
        now = time.time()
        line = {"_log": True, "msg": "working", "run": RUN, "ts": int(now * 1000)}
        with log.open("a") as file:
            file.write(json.dumps({**line, "number": number, "at": now}) + "\n")
        await asyncio.sleep(EVERY)


async def followed(port: int, log: Path) -> list[Follower]:
    followers = [Follower() for _ in range(FOLLOWERS)]
    streams = [asyncio.create_task(follower.follow(port)) for follower in followers]
    await asyncio.sleep(3)  # until all are connected
    await write(log)
    with suppress(TimeoutError):  # what has not come by then is told as lost
        await asyncio.wait_for(asyncio.gather(*streams), 60)
    return followers


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="al-bench-followers-") as root:
        directory = Path(root)
        process = subprocess.Popen(
            [PYTHON, "-m", "tests.bench.followers", "serve", root],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            before, began = cpu_seconds(process.pid), time.perf_counter()
            log = directory / "project" / ".al" / "logs" / f"{RUN}.log"
            followers = asyncio.run(followed(port, log))
            share = (cpu_seconds(process.pid) - before) / (time.perf_counter() - began) * 100
        finally:
            process.kill()
            process.wait()
    tell(followers, share)


def tell(followers: list[Follower], share: float) -> None:
    waits = sorted(wait for follower in followers for wait in follower.waits.values())
    missing = FOLLOWERS * LINES - len(waits)
    repeated = sum(follower.repeated for follower in followers)
    middle, high = statistics.median(waits) * 1000, waits[int(len(waits) * 0.99)] * 1000
    what = f"{FOLLOWERS} followers of one run, a line to each"
    print(
        f"{what:<58} {middle:9.0f} ms   p99 {high:.0f} ms, {missing} lost, {repeated} repeated, "
        f"{share:.0f} % of a processor",
        flush=True,
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", directory]:
            serve(Path(directory))
        case _:
            main()
