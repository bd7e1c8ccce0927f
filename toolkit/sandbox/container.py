"""A container, as far as the sandbox has them: a process of this machine that sees an image's files and environment.

It isolates nothing: the process has the user's rights, network and files.  What it does keep is the contract of a
container: exactly the environment that it was given, its own writable directories, its output line by line, one exit
code, and nothing of it left when it ends.
"""

import os
import re
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from toolkit.core.errors import LaunchError

from .images import Image

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APP = "/app"  # the part of an image that is ours; the rest of the root is this machine's
_INIT = Path(__file__).with_name("init.py")
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths in the container -> paths on this machine."""

    places: Mapping[str, Path]

    def one(self, text: str) -> str:
        """`text` with its beginning replaced, when it is a path at or below one of the places."""
        for inside in sorted(self.places, key=len, reverse=True):
            if text == inside or text.startswith(f"{inside.rstrip('/')}/"):
                return f"{self.places[inside]}{text[len(inside) :]}"
        return text

    def value(self, name: str, text: str) -> str:
        """A variable's value; one whose name ends in PATH may hold several paths."""
        if name.endswith("PATH"):
            return ":".join(self.one(part) for part in text.split(":"))
        return self.one(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start: the argument vector, all of the environment, and where."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a task definition or function adds to its image.  None means the image's own."""

    env: Mapping[str, str]
    entrypoint: Sequence[str] | None = None
    command: Sequence[str] | None = None
    workdir: str | None = None
    mounts: Sequence[str] = ()


def prepare(image: Image, wish: Wish, directory: Path) -> Command:
    """The command of a container whose private files live in `directory`.

    Raises LaunchError when there is nothing to run, or it is not to be found.
    """
    paths = _places(image, wish, directory)
    given = dict(image.env) | dict(wish.env)
    given.setdefault("PATH", DEFAULT_PATH)
    env = {name: paths.value(name, value) for name, value in given.items()}
    env = {"HOME": str(directory / "home"), "TMPDIR": str(directory / "tmp")} | env
    env["PATH"] = f"{_interpreters(directory.parent)}:{env['PATH']}"
    entrypoint = image.entrypoint if wish.entrypoint is None else tuple(wish.entrypoint)
    # a new entry point drops the image's arguments, as in Docker
    defaults = image.command if wish.entrypoint is None else ()
    arguments = defaults if wish.command is None else tuple(wish.command)
    argv = tuple(paths.one(word) for word in (*entrypoint, *arguments))
    cwd = paths.one(wish.workdir or image.workdir)
    if not argv:
        raise LaunchError("No command specified", hint="give the image an entry point")
    if not shutil.which(argv[0], path=env["PATH"]):
        raise LaunchError(
            f'exec: "{argv[0]}": executable file not found in $PATH',
            hint="correct the image's entry point",
        )
    return Command(argv=argv, env=env, cwd=cwd)


def _places(image: Image, wish: Wish, directory: Path) -> Paths:
    places = {APP: image.root / APP[1:], "/tmp": directory / "tmp"}  # noqa: S108 - the container's
    for at, mount in enumerate((*image.volumes, *wish.mounts)):
        if mount not in places:
            places[mount] = directory / f"volume-{at}"
    for place in (directory / "home", *places.values()):
        if not place.is_relative_to(image.root):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Paths(places)


def _interpreters(home: Path) -> Path:
    """A directory with `python3` and `python`: the interpreter of the sandbox, with its packages."""
    place = home / "bin"
    if not (place / "python").exists():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("python3", "python"):
            part = place / f".{name}-{os.getpid()}-{threading.get_ident()}"
            part.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            part.chmod(0o755)
            part.rename(place / name)
    return place


class Container:
    """A running command.  `on_lines` gets its output, from another thread, a few lines at a time."""

    def __init__(self, command: Command, on_lines: Callable[[Sequence[str]], None]) -> None:
        held, self._leash = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_INIT), str(held), *command.argv],
                env=dict(command.env),
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(held,),
                start_new_session=True,
            )
        except OSError:
            os.close(self._leash)
            raise
        finally:
            os.close(held)
        self._out = cast("IO[bytes]", self._process.stdout)
        self._holding, self._reading = threading.Lock(), threading.Lock()
        self._drained, self._peak = False, 0
        self._on_lines = on_lines
        self._reader = threading.Thread(target=self._read, daemon=True, name="container-output")
        self._reader.start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code once everything is over and every line was handed on; None when `timeout` came first."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join()
        self.kill()
        return code if code >= 0 else 128 - code

    def peak_memory(self) -> int:
        """The most that the command itself was seen to use, in bytes; 0 where the system does not tell."""
        self._peak = max(self._peak, self._memory())
        return self._peak

    def _memory(self) -> int:
        try:
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            status = Path(f"/proc/{children[0]}/status").read_text()
        except (OSError, IndexError):
            return 0
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def terminate(self) -> None:
        """SIGTERM to the command, as `docker stop` begins."""
        if self.running:
            self._process.terminate()

    def kill(self) -> None:
        """End all of it now.  Harmless when it is over."""
        with self._holding:
            if self._leash >= 0:
                os.close(self._leash)
                self._leash = -1

    def drain(self, seconds: float = 1.0) -> None:
        """Wait until what was printed so far was handed on, but no longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while self._waiting() and time.monotonic() < deadline:
            time.sleep(0.001)

    def _waiting(self) -> bool:
        """Whether the pipe holds output that nobody has read."""
        with self._reading:
            return not self._drained and bool(_poll(self._out).poll(0))

    def _read(self) -> None:
        rest, poll = b"", _poll(self._out)
        with self._out:
            while not self._drained:
                poll.poll()
                with self._reading:
                    rest = self._hand_on(rest)

    def _hand_on(self, rest: bytes) -> bytes:
        """Read once, hand on the whole lines, and return what has no end yet."""
        chunk = os.read(self._out.fileno(), _CHUNK)
        self._drained = not chunk
        *lines, rest = (rest + chunk).split(b"\n")
        if rest and (self._drained or len(rest) > _CHUNK):
            lines, rest = [*lines, rest], b""
        if lines:
            self._on_lines([line.decode(errors="replace") for line in lines])
        return rest


def _poll(file: IO[bytes]) -> "select.poll":
    """One for each thread: they cannot be shared."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return poll
