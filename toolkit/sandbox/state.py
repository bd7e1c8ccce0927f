"""The sandbox that a home has: where it listens, as told by `<home>/sandbox/state.json`."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """Where the embedded Google cloud is: `grpc` and `http` are host:port on loopback."""

    grpc: str
    http: str
    project: str
    number: str
    region: str

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.grpc, self.http, self.project, self.number, self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox.  `registry` is host:port, `endpoint` and `gateway` are URLs; `google` is None where the google
    libraries are not installed."""

    pid: int
    endpoint: str
    region: str
    account: str
    registry: str
    gateway: str | None = None
    google: Google | None = None
    keep: bool = False

    def rows(self) -> list[tuple[str, object]]:
        """What `al sandbox status` shows: what, and where it is."""
        google = self.google
        missing = "not installed: al-toolkit[gcp]"
        return [
            ("pid", self.pid),
            ("AWS endpoint", self.endpoint),
            ("Google endpoint (gRPC)", google.grpc if google else missing),
            ("Google endpoint (HTTP)", f"http://{google.http}" if google else missing),
            ("registry", self.registry),
            ("gateway", self.gateway or "not deployed yet"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """What `al sandbox status --json` prints."""
        return {
            "running": True,
            "pid": self.pid,
            "aws": {"endpoint": self.endpoint, "region": self.region, "account": self.account},
            "gcp": asdict(self.google) if self.google else None,
            "registry": self.registry,
            "gateway": self.gateway,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """The sandbox's directory of a home, and the files in it that starting and stopping are about."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "sandbox"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def log(self) -> Path:
        return self.root / "daemon.log"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"

    @property
    def kept(self) -> Path:
        """The account of a sandbox that was stopped and keeps its contents."""
        return self.root / "kept.pickle"

    @property
    def google_settings(self) -> Path:
        """Of the embedded Google cloud."""
        return self.root / "settings-gcp.json"

    @property
    def google_kept(self) -> Path:
        """The Google project of a sandbox that was stopped and keeps its contents."""
        return self.root / "kept-gcp.pickle"

    def clear(self, *, keep: bool) -> None:
        """Remove what a sandbox made: tasks' directories and its state; without `keep` all of its contents."""
        for name in ("work", *(() if keep else ("images", "registry", "engine"))):
            shutil.rmtree(self.root / name, ignore_errors=True)
        for place in (self.state, *(() if keep else (self.kept, self.google_kept))):
            place.unlink(missing_ok=True)

    def make(self) -> None:
        """The directory, for the user alone."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)

    @contextmanager
    def locked(self, name: str, *, wait: bool = True, shared: bool = False) -> Iterator[bool]:
        """Hold a lock file of this home; yields whether it was to be had."""
        self.make()
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        with (self.root / f"{name}.lock").open("a") as file:  # what it says stays
            try:
                fcntl.flock(file, kind | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def write(self, data: dict[str, Any]) -> None:
        """The state, whole or not at all, readable for the user alone."""
        part = self.state.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(data, file)
        part.replace(self.state)

    def read(self) -> dict[str, Any] | None:
        """The state, or None when there is none, or it is damaged."""
        try:
            found = dict(json.loads(self.state.read_text()))
            aws = found["aws"]
            texts = [aws["endpoint"], aws["region"], aws["account"], found["registry"]]
            texts += Google(**found["gcp"]).texts if found.get("gcp") else ()
            whole = isinstance(found["pid"], int) and all(isinstance(text, str) for text in texts)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return found if whole else None

    @property
    def damaged(self) -> bool:
        """Whether there is a state that cannot be read.  It is written whole, so something else was at it."""
        return self.state.exists() and self.read() is None

    def sign(self) -> None:
        """Whose the daemon's lock is; by whoever holds it."""
        (self.root / "daemon.lock").write_text(str(os.getpid()))

    def holder(self) -> int | None:
        """The process that signed the daemon's lock; true as long as the lock is held."""
        try:
            return int((self.root / "daemon.lock").read_text())
        except (OSError, ValueError):
            return None
