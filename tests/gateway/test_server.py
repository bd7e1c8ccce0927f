"""The gateway as a program that listens, as Cloud Run starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.deployment import dump
from gateway.server import host, port
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.retry import retrying

CLOUD = GcpCloud(project="p", number="1", region="r", repository="i")


class NotYet(ConfigError):
    temporary = True


class Served:
    """`python -m gateway.server` on a port of its own, in an embedded cloud where nobody answers."""

    def __init__(self, place: Path, **variables: str) -> None:
        scope = Scope(project="shop", environment="staging")
        environment = Environment(name="staging", scope=scope, cloud=CLOUD)
        place.write_text(json.dumps(dump(environment)))
        self.url = f"http://127.0.0.1:{variables['PORT']}"
        own = {"AL_DEPLOYMENT": str(place), "AL_GCP_ENDPOINT": "127.0.0.1:9"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateway.server"],
            env={**os.environ, **own, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def get(self, path: str) -> httpx.Response:
        def ask() -> httpx.Response:
            try:
                return httpx.get(f"{self.url}{path}", trust_env=False)
            except httpx.ConnectError as error:
                raise NotYet("it does not listen yet", hint="") from error

        return retrying(ask, seconds=30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "deployment.json", PORT=str(free_port()))
    yield made
    made.process.kill()
    made.process.communicate()


def test_it_listens_where_it_is_told(served: Served) -> None:
    """$PORT is Cloud Run's contract (https://cloud.google.com/run/docs/container-contract#port); health asks nobody."""
    assert served.get("/health").json() == {"status": "ok"}


def test_it_ends_when_it_is_told(served: Served) -> None:
    """SIGTERM comes ten seconds before SIGKILL; the log up to then is JSON, line by line."""
    assert served.get("/login").is_error
    served.process.send_signal(signal.SIGTERM)
    told, _ = served.process.communicate(timeout=10)
    lines = [json.loads(line) for line in told.splitlines()]
    assert {"al.gateway.access"} <= {line["logger"] for line in lines}


@pytest.mark.parametrize("given", ["0", "x", "70000", "-1"])
def test_a_port_that_is_none_is_refused(given: str) -> None:
    """By the variable that says so."""
    with pytest.raises(ConfigError, match="PORT="):
        port(given)


def test_without_a_port_it_is_cloud_run_s() -> None:
    """8080 (https://cloud.google.com/run/docs/container-contract#port)."""
    assert port(None) == 8080


def test_the_embedded_cloud_s_is_for_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of Cloud Run must listen everywhere; the sandbox's is a process of this machine."""
    monkeypatch.setenv("AL_GCP_ENDPOINT", "127.0.0.1:1")
    assert host() == "127.0.0.1"
    monkeypatch.delenv("AL_GCP_ENDPOINT")
    assert host() == "0.0.0.0"
