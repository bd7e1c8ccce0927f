"""Ollama on this machine: used where it runs, started where it is installed, and never installed."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.fakes import eventually
from tests.fixtures.ollama import ollama, program
from toolkit.core.errors import AlError, ConfigError, Unreachable
from toolkit.ops.llm.serving import Means, running


def means(tmp_path: Path, heard: list[str] | None = None, **variables: str) -> Means:
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    told = heard if heard is not None else []
    return Means(home=tmp_path / "home", note=told.append, variables={"PATH": path, **variables})


@pytest.fixture
def free() -> str:
    """An address at which nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        return f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def bin_(tmp_path: Path) -> Iterator[Path]:
    """Where a started server leaves its process id; it is ended with the test."""
    yield tmp_path / "bin"
    with suppress(FileNotFoundError, ProcessLookupError, ChildProcessError):
        pid = int((tmp_path / "bin" / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_server_that_runs_is_used_as_it_is(tmp_path: Path, bin_: Path) -> None:
    """Wherever it is; nothing is started, though it could be."""
    program(bin_)
    heard: list[str] = []
    with ollama("qwen2.5-coder:7b") as server:
        found = running(f"{server.url}/v1/", means(tmp_path, heard))
    assert (found.url, heard) == (server.url, [])
    assert not (bin_ / "pid").exists()


def test_one_that_is_installed_here_is_started(tmp_path: Path, bin_: Path, free: str) -> None:
    """It is ready before anything goes on, the user is told where its log is, and it outlives us."""
    program(bin_)
    heard: list[str] = []
    found = running(free, means(tmp_path, heard))
    assert [model.name for model in found.models()] == ["qwen2.5-coder:7b"]
    log = tmp_path / "home" / "logs" / "llm.log"
    assert str(log) in heard[0]
    assert oct(log.stat().st_mode & 0o777) == "0o600"
    pid = int((bin_ / "pid").read_text())
    assert os.getsid(pid) == pid


def test_a_server_that_is_started_knows_nobodys_key(tmp_path: Path, bin_: Path, free: str) -> None:
    """It goes on long after the command whose variables it would keep."""
    program(bin_)
    running(free, means(tmp_path, ANTHROPIC_API_KEY="sk-1", OLLAMA_MODELS="/big", GH_TOKEN="t"))
    known = json.loads((bin_ / "variables").read_text())
    assert known["OLLAMA_MODELS"] == "/big"
    assert {"ANTHROPIC_API_KEY", "GH_TOKEN"}.isdisjoint(known)


def test_where_it_is_not_installed_the_ways_are_told(tmp_path: Path, free: str) -> None:
    """How to install it, and what needs no installation; nothing is downloaded."""
    with pytest.raises(ConfigError, match="Ollama is not installed on this machine") as refused:
        running(free, means(tmp_path))
    assert "ollama.com/download" in refused.value.hint
    assert "ANTHROPIC_API_KEY" in refused.value.hint


def test_one_elsewhere_is_not_started_here(tmp_path: Path, bin_: Path) -> None:
    """Another one on this machine would not be what was asked for."""
    program(bin_)
    with pytest.raises(Unreachable) as refused:
        running("http://gpu.invalid:11434", means(tmp_path))
    assert "it is not started from here" in refused.value.hint
    assert not (bin_ / "pid").exists()


def test_one_that_does_not_come_up_is_told_with_its_own_words(
    tmp_path: Path, bin_: Path, free: str
) -> None:
    program(bin_, broken=True)
    with pytest.raises(AlError, match=r"ended with exit code 1.*no GPU driver") as refused:
        running(free, means(tmp_path))
    assert "llm.log" in refused.value.hint


def test_two_who_start_it_at_once_have_one(tmp_path: Path, bin_: Path, free: str) -> None:
    """The second one's cannot listen, and the first one's answers."""
    program(bin_)
    first = running(free, means(tmp_path))
    pid = (bin_ / "pid").read_text()
    second = running(free, means(tmp_path))
    assert eventually(second.version) == first.version()
    assert (bin_ / "pid").read_text() == pid
