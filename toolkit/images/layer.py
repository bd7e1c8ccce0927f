"""One deterministic layer: the same files give the same bytes on every machine, so the same digest (D9).

Pure.  Sorted, dated 1970, owned by the uid that agents run as; directories that lead to a file are included.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from toolkit.core.errors import ConfigError
from toolkit.core.ports import LayerFile

UID = 1000  # of the user that every image runs as
_LEVEL = 6  # beyond it, time grows much faster than layers shrink


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A gzipped tar: `digest` is of the bytes as they travel, `diff_id` of the tar inside."""

    data: bytes
    digest: str
    diff_id: str


def layer(files: Mapping[str, LayerFile]) -> Layer:
    """The layer that holds `files`, by absolute path.  Raises ConfigError on a path that leaves the image."""
    tar = _tar({_member(path): file for path, file in files.items()})
    packed = io.BytesIO()
    # with a name and a time the header would differ from machine to machine
    with gzip.GzipFile(
        filename="", fileobj=packed, mode="wb", compresslevel=_LEVEL, mtime=0
    ) as out:
        out.write(tar)
    data = packed.getvalue()
    return Layer(data=data, digest=sha256(data), diff_id=sha256(tar))


def sha256(data: bytes) -> str:
    """`sha256:<hex>`, as registries name content."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _member(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not path.startswith("/") or len(parts) < 2 or ".." in parts or "\0" in path:
        raise ConfigError(f"{path!r} cannot be in an image", hint="rename the file")
    return "/".join(parts[1:])


def _tar(files: Mapping[str, LayerFile]) -> bytes:
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents} - {"."}
    if both := sorted(folders & set(files)):
        raise ConfigError(f"/{both[0]} is a file and a directory", hint="rename one of them")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in _entries(folders, files):
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _entries(
    folders: set[str], files: Mapping[str, LayerFile]
) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for name in sorted(folders | set(files)):
        info = tarfile.TarInfo(name)
        info.uid = info.gid = UID
        if name in folders:
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            yield info, b""
        else:
            info.size, info.mode = len(files[name].data), files[name].mode & 0o7777
            yield info, files[name].data
