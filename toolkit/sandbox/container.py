"""A container, as far as the sandbox has them: a process of this machine that sees an image's files and environment.

It isolates nothing: the process has the user's rights, network and files.  What it does keep is the contract of a
container: exactly the environment that it was given, its own writable directories, its output line by line, one exit
code, and nothing of it left when it ends.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from toolkit.core.errors import LaunchError

from .images import Image
from .output import OnLines, Output

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APP = "/app"  # the part of an image that is ours; the rest of the root is this machine's
_INIT = Path(__file__).with_name("init.py")


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
    files: Mapping[str, bytes] = field(default_factory=dict)  # what is in the mounts from the start


def prepare(image: Image, wish: Wish, directory: Path) -> Command:
    """The command of a container whose private files live in `directory`.

    Raises LaunchError when there is nothing to run, or it is not to be found.
    """
    paths = _places(image, wish, directory)
    _write(wish.files, paths)
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


def _write(files: Mapping[str, bytes], paths: Paths) -> None:
    """For reading only: who puts files into a container's mounts does not want them changed."""
    for name, data in files.items():
        place = Path(paths.one(name))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o444)


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
    """A running command.  Its output goes to `on_lines`; what it writes to stderr to `on_errors`, when there is one."""

    def __init__(
        self, command: Command, on_lines: OnLines, on_errors: OnLines | None = None
    ) -> None:
        held, self._leash = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_INIT), str(held), *command.argv],
                env=dict(command.env),
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if on_errors else subprocess.STDOUT,
                pass_fds=(held,),
                start_new_session=True,
            )
        except OSError:
            os.close(self._leash)
            raise
        finally:
            os.close(held)
        self._holding, self._peak = threading.Lock(), 0
        self._outputs = [Output(cast("IO[bytes]", self._process.stdout), on_lines)]
        if on_errors:
            self._outputs.append(Output(cast("IO[bytes]", self._process.stderr), on_errors))

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def signal(self) -> int | None:
        """The signal that ended the command; None while it runs, and when it ended by itself."""
        code = self._process.poll()
        return -code if code is not None and code < 0 else None

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code once everything is over and every line was handed on; None when `timeout` came first.

        128 + the signal that ended it, as Docker and ECS report it.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        for output in self._outputs:
            output.join()
        self.kill()
        return code if code >= 0 else 128 - code

    def peak_memory(self) -> int:
        """The most that the command itself was seen to use, in bytes; 0 where the system does not tell."""
        self._peak = max(self._peak, self._memory())
        return self._peak

    def resident_memory(self) -> int:
        """What all of its processes have in memory now, in bytes; 0 where the system does not tell."""
        waiting, total = _children(self._process.pid), 0
        while waiting:
            pid = waiting.pop()
            total += _memory(pid, "VmRSS")
            waiting += _children(pid)
        return total

    def _memory(self) -> int:
        command = _children(self._process.pid)
        return _memory(command[0], "VmHWM") if command else 0

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
        for output in self._outputs:
            output.drain(seconds)


def _children(pid: int | str) -> list[str]:
    """Of all its threads, for each has its own."""
    found: list[str] = []
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += place.read_text().split()
    return found


def _memory(pid: str, field_name: str) -> int:
    """A field of /proc/<pid>/status in bytes; 0 when the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"{field_name}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
