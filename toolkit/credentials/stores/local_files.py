"""Secrets as files on this machine: one per field, directories 0700, files 0600.

The user's credentials are at `<home>/credentials/<type>/<instance>/<field>`; with another root, the runs'
secrets of `-E local`.  Tags stand beside a value in a hidden file.  Nothing outside the root is touched.
"""

import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from toolkit.core.errors import Conflict, CredentialError
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret, StoredSecret

_ATTEMPTS = (
    20  # for a directory that somebody else removes, because it is empty, before we write into it
)


class LocalFiles:
    """core.ports.Store in a directory."""

    name = "local_files"

    def __init__(self, context: Context, *, root: Path | None = None) -> None:
        self._root = root or context.home / "credentials"
        self._trim = root is None  # people edit their credentials by hand; runs' secrets are exact

    def put(self, name: str, value: Secret, *, tags: Mapping[str, str]) -> None:
        """Write the value atomically, its tags before it.  Raises CredentialError when it cannot be written."""
        path = self._path(name)
        with _worded(name):
            if tags:
                self._write(_tags_file(path), json.dumps(dict(tags)))
            else:
                _tags_file(path).unlink(missing_ok=True)
            self._write(path, f"{value.reveal()}\n")

    def get(self, name: str) -> Secret | None:
        """The value; a user's credential without the white space around it."""
        path = self._path(name)
        with _worded(name):
            if not path.is_file():
                return None
            text = path.read_bytes().decode()
        return Secret(text.strip() if self._trim else text.removesuffix("\n"))

    def delete(self, name: str) -> None:
        """Remove the value, what stands beside it, and the directories that this leaves empty."""
        path = self._path(name)
        with _worded(name):
            path.unlink(missing_ok=True)
            for beside in path.parent.glob(f".{_escaped(path.name)}.*"):
                beside.unlink(missing_ok=True)
            self._remove_empty(path.parent)

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def revive(self, names: Collection[str]) -> tuple[str, ...]:
        return ()  # a file is there or it is not

    def list(self, prefix: str) -> Iterator[StoredSecret]:
        """By name.  A file that vanishes meanwhile is left out.  Raises CredentialError for what cannot be read."""
        for path in sorted(self._files(prefix)):
            name = path.relative_to(self._root).as_posix()
            with _worded(name):
                try:
                    stored = _stored(name, path)
                except FileNotFoundError:
                    continue
            yield stored

    def _files(self, prefix: str) -> Iterator[Path]:
        """Those whose names begin so; directories that hold none of them are not looked into."""
        with _worded(prefix or str(self._root)):
            for directory, inner, names in os.walk(self._root, onerror=_raise):
                place = Path(directory)
                above = place.relative_to(self._root).parts
                inner[:] = [
                    d for d in inner if d[0] != "." and _leads("/".join((*above, d)), prefix)
                ]
                found = (place / name for name in names if not name.startswith("."))
                yield from (
                    path
                    for path in found
                    if path.relative_to(self._root).as_posix().startswith(prefix) and path.is_file()
                )

    def _path(self, name: str) -> Path:
        """Where `name` is kept.  Raises CredentialError for a name that leads, or is linked, out of the root."""
        parts = name.split("/")
        if any(not part or part.startswith(".") or "\0" in part for part in parts):
            raise CredentialError(
                f"{name!r} is not a secret's name", hint="write it like 'type/instance/field'"
            )
        path = self._root.joinpath(*parts)
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise CredentialError(
                f"{path} is a link out of {self._root}",
                hint="replace the link by the file or directory itself",
            )
        return path

    def _write(self, path: Path, text: str) -> None:
        for attempt in range(_ATTEMPTS):
            try:  # a neighbour's removal may take an empty directory away at any moment
                self._make_directories(path.parent)
                _replace(path, text)
            except (FileNotFoundError, FileExistsError):  # mkdir says so of one that goes just then
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _make_directories(self, directory: Path) -> None:
        """Private ones, and no others inside the root."""
        inside = directory.relative_to(self._root).parts
        for depth in range(len(inside) + 1):
            place = self._root.joinpath(*inside[:depth])
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if place.stat().st_mode & 0o077:
                place.chmod(0o700)

    def _remove_empty(self, directory: Path) -> None:
        while directory != self._root:
            try:
                directory.rmdir()
            except OSError:  # somebody else's secret is in it, or it is gone already
                return
            directory = directory.parent


def _raise(error: OSError) -> None:
    """Of a directory that cannot be looked into; one that is not there, or not any more, has nothing in it."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _leads(directory: str, prefix: str) -> bool:
    """Whether a directory may hold names that begin so."""
    return f"{directory}/".startswith(prefix) or prefix.startswith(f"{directory}/")


def _tags_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.tags")


def _escaped(name: str) -> str:
    """`name` for glob, which gives square brackets and stars a meaning."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _stored(name: str, path: Path) -> StoredSecret:
    tags_file = _tags_file(path)
    try:
        tags = json.loads(tags_file.read_text(encoding="utf-8")) if tags_file.exists() else {}
    except json.JSONDecodeError as error:
        words = f"{name}: its tags are damaged"
        raise CredentialError(words, hint=f"remove {tags_file}") from error
    created = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return StoredSecret(name=name, tags=tags, created=created)


@contextmanager
def _worded(name: str) -> Iterator[None]:
    """Turns the system's errors into ours, naming the secret and never its value."""
    try:
        yield
    except UnicodeDecodeError:  # it holds the bytes, so it is not passed on as the cause
        raise CredentialError(f"{name} is not text", hint="store it with `al creds add`") from None
    except (IsADirectoryError, NotADirectoryError) as error:
        words = f"{name} is both a secret and a directory of secrets"
        raise Conflict(words, hint="rename one of them") from error
    except OSError as error:
        words = f"{name} cannot be kept or read ({error.strerror})"
        raise CredentialError(words, hint="check the permissions of the directory") from error


PLUGIN = LocalFiles
