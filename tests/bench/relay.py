"""From a line printed in an agent to its followers through the relay: three processes, as in life.

The log service shows nothing meanwhile.  `python -m tests.bench.relay` runs this part alone.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from gateway.sse import Pace
from tests.bench.stage import PYTHON, say
from tests.gateway.party import Guest, Party, party
from tests.gateway.place import KEY
from tests.inside.stage import Stage
from toolkit.core.agent import AgentName
from toolkit.core.run import RunHandle
from toolkit.core.secrets import Secret

LINES, PAUSE = 40, 0.25
SCRIPT = f"""
python3 -c '
import time
time.sleep(3)
for _ in range({LINES}):
    print("at", int(time.time() * 1000), flush=True)
    time.sleep({PAUSE})
'
"""


def line_to_followers(followers: int) -> None:
    """Each line's way, as each follower sees it."""
    with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
        here = party(Path(root) / "party")
        here.app.state.pace = Pace()
        with here.serving() as address:
            stage, guest = _staged(Path(root) / "stage", here, address)
            process = stage.start(guest.run.id)
            path = f"{address}/api/logs/agents/alpha/{guest.run.id}"
            command = [PYTHON, "-m", "tests.bench.relay", path, str(followers)]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            stage.finish(process)
    lags = sorted(json.loads(told))
    name = f"line to {followers} follower{'s' * (followers > 1)}, relayed"
    late = f"95 % within {lags[int(len(lags) * 0.95)] * 1000:.0f} ms"
    say(name, lags, f"of {len(lags)} arrivals; {late}")


def _staged(root: Path, here: Party, address: str) -> tuple[Stage, Guest]:
    stage = Stage(root, agent=AgentName("alpha"))
    stage.script(SCRIPT)
    guest = here.guest()
    handle = RunHandle(runtime="memory", run=guest.run.id, agent=guest.run.agent)
    here.ledger.update(guest.run.id, handle=handle)
    body = {"credentials": {}, "trigger": {}, "token": guest.token, "gateway": address}
    secret = Secret(json.dumps(body))
    stage.secrets.put(stage.secret_name(guest.run.id), secret, tags={"al:run": guest.run.id})
    return stage, guest


async def _follow(address: str, followers: int) -> list[float]:
    """The seconds of all arrivals."""
    found = await asyncio.gather(*(_lags(address) for _ in range(followers)))
    return [lag for lags in found for lag in lags]


async def _lags(address: str) -> list[float]:
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Bearer {KEY}",
            "Accept: text/event-stream", "", "")  # fmt: skip
    writer.write("\r\n".join(head).encode())
    lags = list[float]()
    while len(lags) < LINES and (line := await reader.readline()):
        if line.startswith(b"data: ") and b'"at ' in line:
            printed = float(json.loads(line[6:])["text"].split()[-1]) / 1000
            lags.append(time.time() - printed)
    writer.close()
    return lags


def main() -> None:
    line_to_followers(1)
    line_to_followers(200)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(_follow(sys.argv[1], int(sys.argv[2])))))
    else:
        main()
