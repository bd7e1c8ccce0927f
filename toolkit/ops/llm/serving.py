"""An Ollama server that answers: the one that runs already, wherever that is, else one that is started on this machine.

What runs is never started again or stopped.  Ollama itself is never installed here.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from toolkit.core.errors import AlError, ConfigError, Unreachable
from toolkit.core.secrets import Secret
from toolkit.llm.addresses import Reach, reach_of
from toolkit.llm.ollama_server import OllamaServer
from toolkit.llm.providers import PROVIDERS
from toolkit.llm.reach import why_not

READY = 30.0  # seconds for a server that was just started
EVERY = 0.5
LOG = "llm.log"
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a server is started with; `note` hears of it."""

    home: Path
    note: Callable[[str], None]
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    sleep: Callable[[float], None] = time.sleep

    @property
    def log(self) -> Path:
        return self.home / "logs" / LOG


def running(url: str, means: Means, key: Secret | None = None) -> OllamaServer:
    """The server at `url`; started, if it is to be on this machine and nothing listens there.

    Raises ConfigError when Ollama is not installed here, Unreachable for a server elsewhere that does not answer, and
    AlError when it does not come up."""
    server = OllamaServer(url, key)
    if server.version() is not None or (failure := why_not(server.url)) is None:
        return server
    if reach_of(url) is not Reach.LOOPBACK:
        raise Unreachable(failure.message, hint=f"{failure.remedy}; it is not started from here")
    program = shutil.which("ollama", path=means.variables.get("PATH"))
    if program is None:
        raise _not_installed(server.url)
    _start(server, program, means)
    return server


def _not_installed(url: str) -> ConfigError:
    key = PROVIDERS["anthropic"].key_variables[0]
    return ConfigError(
        f"nothing answers at {url}, and Ollama is not installed on this machine",
        hint=f"install it (https://ollama.com/download), or take a hosted model: set {key}, "
        "or name a server with LLM_BASE_URL",
    )


def _start(server: OllamaServer, program: str, means: Means) -> None:
    means.note(f"• Ollama does not run at {server.url}: starting it, its log is {means.log}")
    process = _spawned(server.url, program, means)
    deadline = time.monotonic() + READY
    while server.version() is None:
        if (code := _ended(process)) is not None and server.version() is None:
            raise _failed(f"Ollama ended with exit code {code} when it was started", means.log)
        if time.monotonic() > deadline:
            raise _failed(f"Ollama was started, and is not ready after {READY:.0f} s", means.log)
        means.sleep(EVERY)
    means.note(f"• Ollama is ready at {server.url}; it goes on when this is over")


def _spawned(url: str, program: str, means: Means) -> int:
    """Its process id.  On its own, so that it outlives whoever started it; its log is the user's alone."""
    means.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    parts = urlsplit(url)
    place = f"{parts.hostname}:{parts.port or 80}"
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        program,
        [program, "serve"],
        {**_harmless(means.variables), "OLLAMA_HOST": place},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(means.log), writing, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _ended(process: int) -> int | None:
    """Its exit code, or None while it lives."""
    found, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _harmless(variables: Mapping[str, str]) -> dict[str, str]:
    """What it may know: no key of anybody, since it outlives this command."""
    return {
        name: value
        for name, value in variables.items()
        if not any(word in name.upper() for word in _SECRET_WORDS)
    }


def _failed(message: str, log: Path) -> AlError:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it is empty")
    return AlError(f"{message}; its log ends with: {last[:300]}", hint=f"read {log}")
