"""Images without Docker (D9): a base image and one layer more, put together through the registry's HTTP API.

The result is always one manifest for one platform, never an index: Lambda refuses an index, even of one platform
(https://docs.aws.amazon.com/lambda/latest/dg/images-create.html).  Decides nothing about what goes in.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from toolkit.core.errors import ConfigError
from toolkit.core.ports import Context, LayerFile

from .architecture import AMD64
from .auth import RegistryAuth, login_for
from .homes import Home, home_of
from .kept import Kept
from .layer import Layer, layer, sha256
from .reference import Reference
from .remote import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Manifest, Remote

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PATH = "PATH"
_AT_ONCE = 4  # transfers of one image: its parts are few, and many images are pushed side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What an image is made from: one platform's manifest and its configuration."""

    remote: Remote
    reference: Reference
    manifest: Manifest
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A blob to put into a repository, and how to begin it anew."""

    digest: str
    size: int
    chunks: Callable[[], Iterator[bytes]]
    mount_from: str | None = None
    fresh: bool = False  # made just now: not worth asking whether it is there


class OciRegistry:
    """core.ports.Registry over one registry; bases may come from any.  Thread-safe.

    `folder` is what every repository's name begins with there; whoever asks leaves it out.
    """

    def __init__(self, home: Remote, *, connect: Callable[[str], Remote], folder: str = "") -> None:
        self.home = home
        self._folder = folder
        self._connect = connect
        self._lock = threading.Lock()
        self._remotes: dict[str, Remote] = {home.host: home}
        self._bases: dict[tuple[str, str], Base] = {}
        self._kept = Kept()

    # core.ports.Registry

    def digest(self, repository: str, tag: str) -> str | None:
        return self.home.digest(self._path(repository), tag)

    def append(
        self,
        base: str,
        repository: str,
        tag: str,
        files: Mapping[str, LayerFile],
        config: Mapping[str, Any],
        *,
        architecture: str = AMD64,
    ) -> str:
        """Base + one layer as `repository:tag`; the digest.  What the registry has is not sent again."""
        found, added = self.base(base, architecture), layer(files)
        docker = found.manifest.media_type == DOCKER_MANIFEST
        data = _dump(_configured(found.config, added, config))
        place = self._path(repository)
        parts = [*self._base_parts(found, place), _made(added.data), _made(data)]
        self._put(place, parts)
        own = _descriptor(DOCKER_LAYER if docker else OCI_LAYER, added.data)
        settings = _descriptor(DOCKER_CONFIG if docker else OCI_CONFIG, data)
        layers = [*found.manifest.body["layers"], own]
        return self._put_manifest(place, tag, settings, layers, docker=docker)

    def tags(self, repository: str) -> Mapping[str, str]:
        names = self.home.tags(self._path(repository))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            digests = list(pool.map(lambda name: self.digest(repository, name), names))
        return {name: digest for name, digest in zip(names, digests, strict=True) if digest}

    def delete(self, repository: str, digests: Sequence[str]) -> None:
        for digest in digests:
            self.home.delete(self._path(repository), digest)

    # beyond the port: what images are made of

    def push_base(
        self,
        repository: str,
        tag: str,
        files: Mapping[str, LayerFile],
        config: Mapping[str, Any],
        *,
        architecture: str = AMD64,
    ) -> str:
        """An image of one layer alone; its digest."""
        added = layer(files)
        empty = {"architecture": architecture, "os": "linux", "config": {}}
        data = _dump(_configured(empty, added, config))
        place = self._path(repository)
        self._put(place, [_made(added.data), _made(data)])
        settings, layers = _descriptor(OCI_CONFIG, data), [_descriptor(OCI_LAYER, added.data)]
        return self._put_manifest(place, tag, settings, layers, docker=False)

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Raises NotFound."""
        return self.home.manifest(self._path(repository), reference)

    def base(self, text: str, architecture: str = AMD64) -> Base:
        """The base image for a platform, of an index its own.  One that is named by digest is read once per process.

        Raises ConfigError when it has no such platform: it would end with `exec format error` at run time
        (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html).
        """
        key = (text, architecture)
        with self._lock:
            known = self._bases.get(key)
        if known is None:
            known = self._read_base(Reference.parse(text), architecture)
            if known.reference.digest:
                with self._lock:
                    self._bases[key] = known
        return known

    def _path(self, repository: str) -> str:
        return f"{self._folder}{repository}"

    def _read_base(self, reference: Reference, architecture: str) -> Base:
        remote = self._remote(reference.host)
        manifest = remote.manifest(reference.repository, reference.version)
        if manifest.media_type in {OCI_INDEX, DOCKER_INDEX}:
            child = _child(manifest, architecture, str(reference))
            manifest = remote.manifest(reference.repository, child)
        _check_kind(manifest, str(reference))
        config = json.loads(remote.blob(reference.repository, manifest.body["config"]["digest"]))
        _check_platform(config, architecture, str(reference))
        return Base(remote=remote, reference=reference, manifest=manifest, config=config)

    def _remote(self, host: str) -> Remote:
        with self._lock:
            if host not in self._remotes:
                self._remotes[host] = self._connect(host)
            return self._remotes[host]

    def _base_parts(self, base: Base, repository: str) -> list[_Part]:
        source, name = base.remote, base.reference.repository
        if source is self.home and name == repository:
            return []
        mount = name if source is self.home else None
        return [
            _Part(
                digest=part["digest"],
                size=part["size"],
                chunks=self._below(source, name, part["digest"]),
                mount_from=mount,
            )
            for part in base.manifest.body["layers"]
        ]

    def _below(self, source: Remote, name: str, digest: str) -> Callable[[], Iterator[bytes]]:
        """A base's layer: read from its registry once, however many images are sent it."""
        return lambda: self._kept.pieces(digest, lambda: source.stream(name, digest))

    def _put(self, repository: str, parts: Sequence[_Part]) -> None:
        def put(part: _Part) -> None:
            if part.fresh or not self.home.has_blob(repository, part.digest):
                self.home.upload(
                    repository, part.digest, part.size, part.chunks, mount_from=part.mount_from
                )

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(put, {part.digest: part for part in parts}.values()))

    def _put_manifest(
        self,
        repository: str,
        tag: str,
        config: Mapping[str, Any],
        layers: Sequence[Mapping[str, Any]],
        *,
        docker: bool,
    ) -> str:
        kind = DOCKER_MANIFEST if docker else OCI_MANIFEST
        body = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": list(layers)}
        return self.home.put_manifest(repository, tag, _dump(body), kind)


def _made(data: bytes) -> _Part:
    return _Part(digest=sha256(data), size=len(data), chunks=lambda: iter((data,)), fresh=True)


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}


def _dump(value: Mapping[str, Any]) -> bytes:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _configured(
    base: Mapping[str, Any], added: Layer, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The base's configuration with our layer and `changes`: Env by variable, None removes a key."""
    rootfs = base.get("rootfs") or {}
    settings = {**(base.get("config") or {}), **changes}
    settings["Env"] = _environment((base.get("config") or {}).get("Env"), changes.get("Env"))
    return {
        **base,
        "config": {key: value for key, value in settings.items() if value is not None},
        "rootfs": {"type": "layers", "diff_ids": [*rootfs.get("diff_ids", ()), added.diff_id]},
        "history": [*(base.get("history") or ()), {"created_by": "al push"}],
    }


def _environment(base: Sequence[str] | None, ours: Sequence[str] | None) -> list[str]:
    """By variable; of PATH what the base has stays, behind our own directory."""
    theirs, mine = (
        dict(line.partition("=")[::2] for line in lines or ()) for lines in (base, ours)
    )
    merged = theirs | mine
    if PATH in theirs and PATH in mine:
        first, rest = mine[PATH].partition(":")[0], theirs[PATH]
        merged[PATH] = rest if first in rest.split(":") else f"{first}:{rest}"
    return [f"{name}={value}" for name, value in merged.items()]


def _child(index: Manifest, architecture: str, name: str) -> str:
    platforms = [(m.get("platform") or {}, m["digest"]) for m in index.body["manifests"]]
    for platform, digest in platforms:
        if (platform.get("os"), platform.get("architecture")) == ("linux", architecture):
            return str(digest)
    has = sorted({f"{p.get('os')}/{p.get('architecture')}" for p, _ in platforms})
    raise ConfigError(
        f"{name} has no linux/{architecture}, only {', '.join(has) or 'nothing'}",
        hint=_build(architecture),
    )


def _check_platform(config: Mapping[str, Any], architecture: str, name: str) -> None:
    has = f"{config.get('os')}/{config.get('architecture')}"
    if has != f"linux/{architecture}":
        raise ConfigError(
            f"{name} is for {has}, and what is built upon it runs on linux/{architecture}",
            hint=_build(architecture),
        )


def _build(architecture: str) -> str:
    wanted = f"build it with `docker build --platform linux/{architecture}`"
    if architecture == AMD64:
        return wanted
    return f'{wanted} and name it as `baseArm64` under [images], or take arch = "arm64" from the agents'


def _check_kind(manifest: Manifest, name: str) -> None:
    if manifest.media_type not in {OCI_MANIFEST, DOCKER_MANIFEST}:
        raise ConfigError(
            f"{name} is no image that can be added to: its type is {manifest.media_type!r}",
            hint="push it again with a current Docker, or name another base image",
        )


# making one


def registry_for(context: Context) -> OciRegistry:
    """The environment's registry: its cloud's, or the sandbox's under that one's name and with its login."""
    environment = context.environment
    home = home_of(environment)

    def connect(other: str) -> Remote:
        url = f"https://{other}"
        login, eager = login_for(other, None if environment.embedded else environment.cloud)
        return Remote(url, host=other, auth=RegistryAuth(url, login, eager=eager))

    return OciRegistry(_remote(home), connect=connect, folder=home.folder)


def _remote(home: Home) -> Remote:
    url = _url(home.address) if home.address else f"https://{home.host}"
    return Remote(url, host=home.host, auth=RegistryAuth(url, home.login, eager=home.eager))


def _url(registry: str) -> str:
    return registry if "://" in registry else f"http://{registry}"
