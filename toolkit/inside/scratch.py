"""The writable directories of one run, and their end.

`home` is where the agent works: HOME and the working directory, with copies of the agent's own files.  Copies, of
large files too, because the image's file system is read-only on Lambda
(https://docs.aws.amazon.com/lambda/latest/dg/images-create.html) and shared by every run elsewhere: a script that
changes one of its files does so everywhere, and no other run sees it.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PRIVATE = frozenset({"agent-config.json", "credentials.json", "prompt-static.txt", "timeout"})


@dataclass(frozen=True, slots=True)
class Scratch:
    """A fresh private directory below the platform's temporary one."""

    root: Path

    @classmethod
    def make(cls, place: Path, run: str, static: Path) -> "Scratch":
        scratch = cls(Path(tempfile.mkdtemp(prefix=f"{run}-", dir=place)))
        for directory in (scratch.home, scratch.signals, scratch.temporary):
            directory.mkdir(mode=0o700)
        for entry in static.iterdir():
            if entry.name not in PRIVATE:
                _copy(entry, scratch.home / entry.name)
        return scratch

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def signals(self) -> Path:
        return self.root / "signals"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    def environment(self) -> dict[str, str]:
        """Everything that tools write to by default, in a place where they may."""
        return {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
            "AL_SIGNAL_DIR": str(self.signals),
        }


def _copy(source: Path, target: Path) -> None:
    """Writable whatever the image's rights are; what is executable stays so."""
    if source.is_dir():
        target.mkdir(mode=0o700)
        for entry in source.iterdir():
            _copy(entry, target / entry.name)
        return
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode & 0o777 | 0o600)


def temporary_root(environ: Mapping[str, str]) -> Path:
    """Where the platform lets us write: TMPDIR, else /tmp."""
    return Path(environ.get("TMPDIR") or "/tmp")  # noqa: S108 - private directories are made in it


def wipe(place: Path) -> None:
    """Delete `place` and all in it, whatever rights the agent left on it.  One that is not there is fine.

    A mount point is emptied and stays.  Raises OSError when something could not be deleted.
    """
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.exists():
        empty(place)
        with suppress(OSError):  # a volume cannot be removed from inside
            place.rmdir()


def empty(place: Path) -> None:
    """Delete everything in `place`.

    Directories in directories are moved up before they are entered: a path can be too long to be named, and a tree
    too deep for recursion, while one level can always be deleted.
    """
    while directories := _only_directories(place):
        for directory in directories:
            for inner in _only_directories(directory):
                inner.rename(place / uuid.uuid4().hex)
            directory.rmdir()


def _only_directories(place: Path) -> list[Path]:
    """What is left in `place`, and can be entered and moved, when everything else in it is deleted."""
    place.chmod(0o700)
    with os.scandir(place) as found:
        entries = list(found)
    inner = [Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for directory in inner:
        directory.chmod(0o700)
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry)  # noqa: PTH108 - a Path for each of many files takes its time
    return inner


def newcomers(place: Path, known: frozenset[str]) -> list[Path]:
    """What of ours is in `place` that was not there before."""
    found = (entry for entry in place.iterdir() if entry.name not in known)
    return [entry for entry in found if entry.lstat().st_uid == os.getuid()]
