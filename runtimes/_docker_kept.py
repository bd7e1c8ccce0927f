"""The logs of runs whose containers are gone: files of the lines as the daemon gave them, each with its time."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from . import _lines


class Kept:
    """In one private directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def has(self, run: str) -> bool:
        return self._file(run).exists()

    def keep(self, run: str, lines: Iterable[bytes]) -> None:
        """All of them or, when that fails, none."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self._file(run).with_suffix(f".{os.getpid()}.part")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - made private before it is written
                file.writelines(line + b"\n" for line in lines)
            partial.rename(self._file(run))
        finally:
            partial.unlink(missing_ok=True)

    def lines(self, run: str) -> Iterator[bytes]:
        with self._file(run).open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")

    def newest_first(self, run: str) -> Iterator[bytes]:
        with self._file(run).open("rb") as file:
            yield from (text for _, text in _lines.reversed_lines(file, over=True))

    def forget(self, before: datetime) -> int:
        """Remove those that were last written earlier; how many.  What a process that died has left of one goes too."""
        files = (*self._directory.glob("*.docker.log"), *self._directory.glob("*.docker.*.part"))
        old = [file for file in files if file.stat().st_mtime < before.timestamp()]
        for file in old:
            file.unlink(missing_ok=True)
        return sum(file.suffix == ".log" for file in old)

    def _file(self, run: str) -> Path:
        return self._directory / f"{run}.docker.log"
