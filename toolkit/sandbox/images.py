"""A pushed image as a directory: its layers, extracted once per digest.

Reads the registry's storage; never runs anything.  A layer's member that would land outside of the directory is
refused, and nothing in it gets another owner or a set-user-id bit.
"""

import json
import shutil
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.core.errors import AlError, NotFound

from .image_store import Storage

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An extracted image: where its root is, and the runtime part of its configuration."""

    digest: str
    root: Path
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """`<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:...` (or `:tag`), taken apart."""

    host: str
    repository: str
    reference: str

    @classmethod
    def parse(cls, text: str) -> "ImageReference":
        """Raises NotFound when it is no image of a registry."""
        host, _, rest = text.partition("/")
        name, _, digest = rest.partition("@")
        repository, _, tag = name.partition(":")
        if not repository or "." not in host:
            raise NotFound(f"{text} is not in a registry", hint="push the image to ECR first")
        return cls(host=host, repository=repository, reference=digest or tag or "latest")


def repository_arn(image: str) -> str:
    """The repository of an image reference, as policies name it; the text itself when it is not in ECR."""
    place = ImageReference.parse(image)
    parts = place.host.split(".")
    if len(parts) != 6 or parts[1:3] != ["dkr", "ecr"]:
        return image
    return f"arn:aws:ecr:{parts[3]}:{parts[0]}:repository/{place.repository}"


class Images:
    """The images of one sandbox, kept under `root/<digest>`."""

    def __init__(self, storage: Storage, root: Path) -> None:
        self._storage, self._root = storage, root
        self._extracting = threading.Lock()
        root.mkdir(parents=True, exist_ok=True)

    def resolve(self, image: str) -> str:
        """The digest that a reference names.  Raises NotFound."""
        place = ImageReference.parse(image)
        return self._storage.manifest(place.repository, place.reference)[0]

    def media_type(self, image: str) -> str:
        """The manifest's media type.  Raises NotFound."""
        place = ImageReference.parse(image)
        return self._storage.manifest_text(place.repository, place.reference)[2]

    def extracted(self, image: str) -> Image:
        """The image's directory, made now when it is the first use.  Raises NotFound, or AlError on a bad layer."""
        place = ImageReference.parse(image)
        digest, manifest = self._storage.manifest(place.repository, place.reference)
        if "layers" not in manifest:
            digest, manifest = self._child(place.repository, manifest)
        config = json.loads(self._storage.blob_path(manifest["config"]["digest"]).read_bytes())
        root = self._root / digest.removeprefix("sha256:")
        with self._extracting:
            if not root.exists():
                self._extract(manifest, root)
        return _image(digest, root, config.get("config") or {})

    def _child(self, repository: str, index: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """An index's manifest for this kind of machine, or its first."""
        children = index.get("manifests") or []
        fitting = [c for c in children if c.get("platform", {}).get("os") == "linux"] or children
        if not fitting:
            raise NotFound("the image index is empty", hint="push the image again")
        return self._storage.manifest(repository, fitting[0]["digest"])

    def _extract(self, manifest: Mapping[str, Any], root: Path) -> None:
        part = root.with_name(f"{root.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for layer in manifest["layers"]:
            apply_layer(self._storage.blob_path(layer["digest"]), part)
        part.rename(root)


def _image(digest: str, root: Path, config: Mapping[str, Any]) -> Image:
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    return Image(
        digest=digest,
        root=root,
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        env={name: value for name, _, value in pairs},
        workdir=config.get("WorkingDir") or "/",
        volumes=tuple(config.get("Volumes") or ()),
    )


def apply_layer(layer: Path, root: Path) -> None:
    """Extract one layer over `root`, whiteouts included.  Raises AlError when a member would leave it."""
    try:
        with tarfile.open(layer) as archive:
            for member in archive:
                _apply_member(archive, member, root)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise AlError(
            f"the layer {layer.name[:12]} cannot be extracted: {error}", hint="push the image again"
        ) from error


def _apply_member(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    place = root / member.name.lstrip("/")
    if place.name == _OPAQUE:
        for entry in _inside(place.parent, root).glob("*"):
            _remove(entry)
    elif place.name.startswith(_WHITEOUT):
        _remove(_inside(place.parent, root) / place.name.removeprefix(_WHITEOUT))
    elif not member.isdev():
        if not member.isdir() and place.is_symlink():
            place.unlink()  # a later layer's file replaces a link; it is never written through it
        archive.extract(member, root, filter="data")


def _inside(place: Path, root: Path) -> Path:
    """`place`, when it really is below `root`.  Raises AlError."""
    if not place.resolve().is_relative_to(root.resolve()):
        raise AlError(f"a layer reaches outside of the image: {place.name}", hint="rebuild it")
    return place


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
