"""Blobs of bases on this machine, so that many images upon one base fetch it once.

A registry that does not take a layer over from its neighbour repository (ECR without blob mounting, or a base that
lives elsewhere) is sent it for each image.  What is here is gone with the process, however that ends: the files
have no name.
"""

import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO

from toolkit.core.errors import AlError

_PIECE = 1024 * 1024


class Kept:
    """Blobs by digest, in temporary files.  Thread-safe: who comes while a blob is fetched waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}
        self._files: dict[str, IO[bytes]] = {}

    def pieces(self, digest: str, fetch: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        """The blob, piece by piece; when this returns it has been fetched whole, so nothing waits in between.

        Raises what `fetch` raises, and then keeps nothing; AlError when there is no room for it.
        """
        with self._lock:
            mine = self._fetching.setdefault(digest, threading.Lock())
        with mine:
            if digest not in self._files:
                file = self._files[digest] = _fetched(digest, fetch)
                weakref.finalize(self, file.close)
        return _read(self._files[digest])


def _fetched(digest: str, fetch: Callable[[], Iterator[bytes]]) -> IO[bytes]:
    with ExitStack() as unless_whole:
        try:
            file = unless_whole.enter_context(tempfile.TemporaryFile(prefix="al-"))
            for piece in fetch():
                file.write(piece)
            file.flush()
        except OSError as error:
            raise AlError(
                f"the layer {digest} cannot be kept in {tempfile.gettempdir()} ({error.strerror})",
                hint="make room there, or set TMPDIR to a directory with room",
            ) from error
        unless_whole.pop_all()
    return file


def _read(file: IO[bytes]) -> Iterator[bytes]:
    """By offset: several threads send the same file at once."""
    at = 0
    while piece := os.pread(file.fileno(), _PIECE, at):
        yield piece
        at += len(piece)
