"""How many webhooks a gateway takes: one process on one core, 64 connections from another, every answer after its fsync.

python -m tests.bench.webhooks                        the whole measure
python -m tests.bench.webhooks serve DIR fast|plain   the gateway alone; prints its port
python -m tests.bench.webhooks load PORT N FILE       the sender alone; what it saw, as JSON
"""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.bench.stage import PYTHON
from toolkit.core.agent import AgentName, CredentialRef, WebhookTrigger
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.roster import Post, Roster, Source
from toolkit.wiring import Services

SECRET = "a webhook's secret for the bench"
CONNECTIONS = 64
BODY = 8 * 1024  # bytes
SERVER_CORE, SENDER_CORE = 0, 1
FAST, PLAIN = "fast", "plain"  # as a gateway listens, or with uvicorn's parts in pure Python
KILLED_AFTER = 2.0  # seconds of load
STEPS = (20_000,) * 5


def services_in(directory: Path) -> Services:
    environment = Environment(name="local", scope=Scope(project="bench", environment="local"))
    return Services(
        Context(environment=environment, home=directory / "home", project=directory / "project")
    )


def roster() -> Roster:
    trigger = WebhookTrigger(source="hub", filters={"events": ["issues"], "repos": ["acme/shop"]})
    post = Post(agent=AgentName("dev"), webhooks=(trigger,), max_queue=1_000_000)
    source = Source(
        name="hub", type="github", credentials=(CredentialRef(type="github_webhook_secret"),)
    )
    return Roster(project="bench", posts={"dev": post}, sources={"hub": source})


def body() -> bytes:
    issue = {"number": 7, "title": "It breaks", "html_url": "https://example.com/7", "labels": []}
    event = {
        "action": "opened",
        "issue": issue | {"user": {"login": "ada"}, "body": ""},
        "repository": {"full_name": "acme/shop"},
        "sender": {"login": "ada"},
    }
    missing = BODY - len(json.dumps(event))
    event["issue"]["body"] = "x" * missing  # type: ignore[index]
    return json.dumps(event).encode()


def serve(directory: Path, how: str) -> None:
    import uvicorn

    from gateway.app import create_app
    from gateway.listening import configured
    from gateway.memory import settle
    from toolkit.scheduler.dispatch import Definition, fact_key

    services = services_in(directory)
    services.ledger.prepare()
    services.store.put("github_webhook_secret/default/secret", Secret(SECRET), tags={})
    services.store.put("gateway_api_key/default/key", Secret("k" * 43), tags={})
    known = Definition(agent="dev", runtime="local", ref="bench", image="", hash="", timeout=900)
    services.ledger.set_fact(fact_key(AgentName("dev")), asdict(known))
    agents = roster()
    app = create_app(services, desk=Desk(services=services, roster=lambda: agents))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        settle()
        print(listening.getsockname()[1], flush=True)
        plain: dict[str, Any] = {
            "loop": "asyncio",
            "http": "h11",
            "log_level": "warning",
            "access_log": False,
        }
        settings = uvicorn.Config(app, **plain) if how == PLAIN else configured(app, ending=1)
        uvicorn.Server(settings).run(sockets=[listening])


class Sender(asyncio.Protocol):
    """One connection that always has one delivery on its way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._began = 0.0
        self._number = ""
        self._seen = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        if (number := self._load.draw()) is None:
            self._transport.close()
            return
        self._number, self._seen, self._began = number, b"", time.perf_counter()
        self._transport.write(self._load.head % number.encode() + self._load.body)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if b"\r\n\r\n" in self._seen and self._seen.endswith(b"}"):
            self._load.note(self._number, time.perf_counter() - self._began, self._seen)
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost()


class Load:
    def __init__(self, port: int, count: int) -> None:
        self.body = body()
        signature = hmac.new(SECRET.encode(), self.body, hashlib.sha256).hexdigest()
        self.head = (
            (
                f"POST /webhooks/github HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
                f"x-github-event: issues\r\nx-hub-signature-256: sha256={signature}\r\n"
                f"user-agent: GitHub-Hookshot/bench\r\naccept: */*\r\n"
                f"content-length: {len(self.body)}\r\nx-github-delivery: %s\r\n\r\n"
            )
            .encode()
            .replace(b"%s", b"\0")
            .replace(b"%", b"%%")
            .replace(b"\0", b"%s")
        )
        self._port, self._left, self._open = port, count, CONNECTIONS
        self.seconds: list[float] = []
        self.acknowledged: list[str] = []
        self.refused = 0
        self.done = asyncio.Event()

    def draw(self) -> str | None:
        if self._left == 0:
            return None
        self._left -= 1
        return str(uuid.uuid4())  # as random as GitHub's

    def note(self, number: str, seconds: float, answer: bytes) -> None:
        if not self.seconds:
            print("sending", flush=True)
        self.seconds.append(seconds)
        if answer.startswith(b"HTTP/1.1 200") and b'"matched":1' in answer:
            self.acknowledged.append(number)
        else:
            self.refused += 1

    def lost(self) -> None:
        self._open -= 1
        if self._open == 0:
            self.done.set()

    async def run(self) -> float:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: Sender(self), "127.0.0.1", self._port)
        await self.done.wait()
        return time.perf_counter() - started


def load(port: int, count: int, seen: Path) -> None:
    async def measured() -> dict[str, Any]:
        sender, before = Load(port, count), time.process_time()
        seconds = await sender.run()
        own = time.process_time() - before
        ordered = sorted(sender.seconds)
        at = [ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99)] if ordered else []
        return {
            "rate": len(sender.acknowledged) / seconds,
            "ms": at,
            "us": own / max(len(sender.seconds), 1) * 1e6,
            "refused": sender.refused,
            "acknowledged": sender.acknowledged,
        }

    if find_spec("uvloop"):
        import uvloop

        uvloop.install()
    seen.write_text(json.dumps(asyncio.run(measured())))


def _on(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), PYTHON, "-m", "tests.bench.webhooks", *command]


@contextmanager
def gateway(directory: Path, how: str = FAST) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        _on(SERVER_CORE, "serve", str(directory), how), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def sent(port: int, count: int, directory: Path) -> dict[str, Any]:
    seen = directory / "seen.json"
    command = _on(SENDER_CORE, "load", str(port), str(count), str(seen))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    answer: dict[str, Any] = json.loads(seen.read_text())
    return answer


def cpu_seconds(pid: int) -> float:
    """User and system time so far (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html): what others on the machine
    do to the rates, they do not do to this."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def hmac_us(times: int = 20_000) -> float:
    """Of this process's own time, whatever else the machine does."""
    text, started = body(), time.process_time()
    for _ in range(times):
        hmac.digest(b"key", text, "sha256")
    return (time.process_time() - started) / times * 1e6


def rates(directory: Path, how: str, steps: tuple[int, ...]) -> None:
    queued = 0
    with gateway(directory, how) as (process, port):
        sent(port, 2_000, directory)  # warm
        for count in steps:
            before = cpu_seconds(process.pid)
            seen = sent(port, count, directory)
            each = (cpu_seconds(process.pid) - before) / count * 1e6
            queued += count
            middle, high = seen["ms"]
            print(
                f"{f'webhooks, {how}, queue of {queued:,}':<58} {seen['rate']:9.0f} /s      "
                f"p50 {middle:.1f} ms, p99 {high:.1f} ms, each {each:.0f} us of the gateway's core and "
                f"{seen['us']:.0f} us of the sender's, {seen['refused']} refused",
                flush=True,
            )


def killed(directory: Path) -> None:
    """Everything that was answered before kill -9 is there afterwards, with its run."""
    with gateway(directory) as (process, port):
        seen = directory / "seen.json"
        command = _on(SENDER_CORE, "load", str(port), "1000000", str(seen))
        sender = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert sender.stdout is not None
        sender.stdout.readline()  # the first answer is there
        time.sleep(KILLED_AFTER)
        process.send_signal(signal.SIGKILL)
        sender.wait()
    answer = json.loads(seen.read_text())
    ledger = services_in(directory).ledger
    numbers = answer["acknowledged"]
    receipts = [ledger.deliveries.seen("hub", number) for number in numbers]
    waiting = {item.trigger.delivery for item in ledger.queue.waiting(limit=10_000_000)}
    lost = sum(receipt is None or receipt not in waiting for receipt in receipts)
    print(f"{'acknowledged before kill -9, and lost':<58} {len(numbers):9}      {lost} lost")


def main() -> None:
    fast = [name for name in ("httptools", "uvloop") if find_spec(name)]
    print(
        f"webhook intake, {CONNECTIONS} connections, {BODY} bytes, with {fast or 'plain uvicorn'}"
    )
    print(f"{'one HMAC of a body, to compare machines by':<58} {hmac_us():9.1f} us")
    for measure in (
        lambda where: rates(where, PLAIN, STEPS[:1]),
        lambda where: rates(where, FAST, STEPS),
        killed,
    ):
        with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
            measure(Path(root))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", directory, how]:
            serve(Path(directory), how)
        case ["load", port, count, seen]:
            load(int(port), int(count), Path(seen))
        case _:
            main()
