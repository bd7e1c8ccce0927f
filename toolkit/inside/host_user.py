"""Runs and ends agents as the user of this machine that agents are given; started by sudo, and told everything on stdin.

First a line with the size in bytes of the wish that follows, JSON; nothing of it is ever in argv or in a variable.  `run`: the
agent's files and its environment, and then the line that the entry point reads.  `end`: every process of a run.  `look`:
what a doctor asks.

A run has one private directory in this user's home.  This process stays its parent, so what a killed entry point leaves is
removed, and sudo passes on how it ended.
"""

import base64
import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

# sudo starts this file by its path, and hands on no variable that could say where the rest is
LIBRARY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(LIBRARY))

from toolkit.core.run import UNCLAIMED, RunId  # noqa: E402 - found by the line above

WRONG = 2  # exit code for a wish that cannot be carried out
_LAST = 10.0  # seconds for what was killed to go


def main() -> int:
    """The exit code: of `run` the run's own."""
    os.umask(0o077)
    if (data := _wished()) is None:  # whoever asked died half-way
        return UNCLAIMED
    wish = json.loads(data)
    verbs: Mapping[str, Callable[[Mapping[str, Any]], int]] = {
        "run": _run,
        "end": _end,
        "look": _look,
    }
    return verbs[wish["verb"]](wish)


def home() -> Path:
    """This user's own, as the system says: HOME may be somebody else's."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


def place_of(run: str) -> Path:
    """Raises UsageError for what is no run's id, and so could lead anywhere."""
    return home() / ".action-llama" / "runs" / RunId.parse(run)


def _run(wish: Mapping[str, Any]) -> int:
    if lacking := _lacking(wish["groups"]):
        return _refused(f"{_name()} is not in the group {', '.join(lacking)}")
    place = place_of(wish["run"])
    try:
        place.mkdir(parents=True)
    except FileExistsError:
        return UNCLAIMED  # it was started before
    except OSError as error:
        return _refused(f"{place} cannot be made: {error.strerror}")
    try:
        return _worked(place, wish)
    finally:
        _kill(place)
        shutil.rmtree(place, ignore_errors=True)


def _worked(place: Path, wish: Mapping[str, Any]) -> int:
    for folder in ("work", "credentials"):
        (place / folder).mkdir()
    for name, file in wish["files"].items():
        target = place / "app" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b64decode(file["data"]))
        target.chmod(file["mode"] & 0o700)
    with suppress(PermissionError):  # it leads a group already
        os.setsid()
    (place / "leader").write_text(str(os.getpid()))
    # asked to end, the entry point ends what it started; we stay to pass on how it went
    signal.signal(signal.SIGTERM, lambda *_: None)
    command = (sys.executable, *wish["program"])
    code = subprocess.run(command, env=_environment(place, wish), cwd=place / "work", check=False)
    return code.returncode if code.returncode >= 0 else 128 - code.returncode


def _environment(place: Path, wish: Mapping[str, Any]) -> dict[str, str]:
    own = {
        "HOME": str(place / "work"),
        "TMPDIR": str(place / "work"),
        "AL_APP": str(place / "app"),
        "AL_CREDENTIALS_PATH": str(place / "credentials"),
        "USER": _name(),
        "PYTHONPATH": str(LIBRARY),
    }
    return {**wish["environment"], **own}


def _end(wish: Mapping[str, Any]) -> int:
    """SIGTERM to the run's group, SIGKILL after the grace to all that is left: what it took, on stdout."""
    place = place_of(wish["run"])
    leader = _leader(place)
    if leader is None:
        print("over")  # noqa: T201 - the answer
        return 0
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)
    told = _gone(leader, wish["grace"])
    if not told:
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)
        _kill(place)
        _gone(leader, _LAST)
        shutil.rmtree(place, ignore_errors=True)
    print("SIGTERM" if told else "SIGKILL")  # noqa: T201 - the answer
    return 0


def _look(wish: Mapping[str, Any]) -> int:
    """What a doctor asks: whether it can work here at all."""
    answer = {
        "user": _name(),
        "groups": sorted(_groups()),
        "writable": os.access(home(), os.W_OK),
        "python": sys.executable,
    }
    print(json.dumps(answer))  # noqa: T201 - the answer
    return 0


def _leader(place: Path) -> int | None:
    """The process that leads a run's group; None when there is no such run."""
    try:
        return int((place / "leader").read_text())
    except (FileNotFoundError, ValueError):
        return None


def _gone(leader: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _alive(leader):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _alive(leader: int) -> bool:
    """Whether anything of the group is left that is no zombie."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = entry.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state not in "ZX":
                return True
    return False


def _kill(place: Path) -> None:
    """What left the group: whatever still has the run's directory in its environment."""
    for pid in _marked(f"={place}/".encode()):
        if pid != os.getpid():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _marked(mark: bytes) -> Iterator[int]:
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in environ.read_bytes():
                yield int(environ.parent.name)


def _lacking(groups: list[str]) -> list[str]:
    return sorted(set(groups) - _groups())


def _groups() -> set[str]:
    """All that this process is in: sudo applies every group that the system's database names."""
    found = set[str]()
    for number in {os.getgid(), *os.getgroups()}:
        with suppress(KeyError):
            found.add(grp.getgrgid(number).gr_name)
    return found


def _name() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _refused(why: str) -> int:
    """As the entry point says it, in the run's log."""
    line = {"_log": True, "level": "error", "msg": "the run could not be started", "reason": why}
    print(json.dumps(line))  # noqa: T201 - the log
    return WRONG


def _wished() -> bytes | None:
    """Unbuffered: what follows is the entry point's."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if not (piece := os.read(0, 1)):
            return None
        line += piece
    wish, size = bytearray(), int(line)
    while len(wish) < size:
        if not (piece := os.read(0, size - len(wish))):
            return None
        wish += piece
    return bytes(wish)


if __name__ == "__main__":
    sys.exit(main())
