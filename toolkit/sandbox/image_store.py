"""What the embedded registry keeps: blobs by content, and per repository which blobs, manifests and tags it has.

Files under one root directory, so the executor reads layers without HTTP and a kept sandbox survives a restart:

    blobs/sha256/<hex>                        bytes, moved into place only when their digest was checked
    repositories/<name>/_blobs/<hex>          this repository has the blob (empty file)
    repositories/<name>/_manifests/<hex>      this repository has the manifest (the file's text: its media type)
    repositories/<name>/_tags/<tag>           the tag (the file's text: its digest)
    uploads/<id>                              what a client is sending

Knows nothing of HTTP, accounts or moto; checks nothing but digests and names.
"""

import hashlib
import json
import re
import secrets
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from toolkit.core.errors import ConfigError, NotFound

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NAME = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_UPLOAD = re.compile(r"[0-9a-f]{32}")


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Storage:
    """Thread-safe: every change is one rename, and what must look before it changes holds the lock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._changing = threading.RLock()
        for name in ("blobs/sha256", "repositories", "uploads"):
            (root / name).mkdir(parents=True, exist_ok=True)

    # reading

    def blob_path(self, digest: str) -> Path:
        """Where the bytes of `digest` are (whether or not they are there yet).  Raises ConfigError on no digest."""
        if not DIGEST.fullmatch(digest):
            raise ConfigError(
                f"{digest!r} is not a digest", hint="write it like sha256:<64 hex digits>"
            )
        return self.root / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether this repository has it: another repository's blob does not count, as in ECR."""
        return bool(DIGEST.fullmatch(digest)) and self._link(repository, "_blobs", digest).exists()

    def manifest(self, repository: str, reference: str) -> tuple[str, dict[str, Any]]:
        """The digest and the parsed manifest of a tag or digest.  Raises NotFound."""
        digest, text, _ = self.manifest_text(repository, reference)
        return digest, dict(json.loads(text))

    def manifest_text(self, repository: str, reference: str) -> tuple[str, bytes, str]:
        """(digest, bytes as pushed, media type).  Raises NotFound."""
        digest = self.resolve(repository, reference)
        link = self._link(repository, "_manifests", digest) if digest else None
        if digest is None or link is None or not link.exists():
            raise NotFound(f"no image {reference} in {repository}", hint="push it with `al push`")
        return digest, self.blob_path(digest).read_bytes(), link.read_text()

    def resolve(self, repository: str, reference: str) -> str | None:
        """The digest that a tag or digest names, or None."""
        if DIGEST.fullmatch(reference):
            return reference
        tag = self._repository(repository) / "_tags" / reference
        return tag.read_text() if TAG.fullmatch(reference) and tag.is_file() else None

    def tags(self, repository: str) -> dict[str, str]:
        """tag -> digest, sorted by tag."""
        places = sorted((self._repository(repository) / "_tags").glob("[!.]*"))
        return {place.name: place.read_text() for place in places}

    def manifests(self, repository: str) -> tuple[str, ...]:
        """Every digest that the repository has a manifest for."""
        places = sorted((self._repository(repository) / "_manifests").glob("[!.]*"))
        return tuple(f"sha256:{place.name}" for place in places)

    # uploads

    def begin(self) -> str:
        """The id of a new, empty upload."""
        upload = secrets.token_hex(16)
        self._upload(upload).touch()
        return upload

    def received(self, upload: str) -> int:
        """Bytes so far.  Raises NotFound when there is no such upload."""
        try:
            return self._upload(upload).stat().st_size
        except FileNotFoundError as error:
            raise NotFound(f"no upload {upload}", hint="begin a new one with POST") from error

    def receive(self, upload: str, stream: IO[bytes]) -> int:
        """Append everything that `stream` has; the bytes so far."""
        self.received(upload)
        with self._upload(upload).open("ab") as out:
            shutil.copyfileobj(stream, out, 1024 * 1024)
        return self.received(upload)

    def finish(self, upload: str, repository: str, digest: str) -> bool:
        """Turn the upload into a blob of `repository`; False, and the upload is gone, when its digest is another."""
        place = self._upload(upload)
        with place.open("rb") as data:
            actual = f"sha256:{hashlib.file_digest(data, 'sha256').hexdigest()}"
        if actual != digest:
            place.unlink()
            return False
        place.replace(self.blob_path(digest))
        self._write(self._link(repository, "_blobs", digest), "")
        return True

    def cancel(self, upload: str) -> None:
        self._upload(upload).unlink(missing_ok=True)

    # changing

    def put_manifest(self, repository: str, data: bytes, media_type: str) -> str:
        """Keep a manifest; its digest.  The caller has checked what it refers to."""
        digest = digest_of(data)
        self._write(self.blob_path(digest), data.decode())
        self._write(self._link(repository, "_manifests", digest), media_type)
        return digest

    def tag(self, repository: str, tag: str, digest: str, *, immutable: bool = False) -> bool:
        """Point `tag` at `digest`; False when `immutable` and it points elsewhere."""
        with self._changing:
            if immutable and self.resolve(repository, tag) not in {None, digest}:
                return False
            self._write(self._repository(repository) / "_tags" / tag, digest)
            return True

    def untag(self, repository: str, tag: str) -> bool:
        """Forget a tag, and not what it named; whether there was one."""
        with self._changing:
            known = TAG.fullmatch(tag) is not None and tag in self.tags(repository)
            if known:
                (self._repository(repository) / "_tags" / tag).unlink()
            return known

    def delete(self, repository: str, reference: str) -> str | None:
        """Forget an image with all its tags, or one tag; the digest that is gone, or None.

        Removing an image's last tag removes the image
        (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html).
        """
        with self._changing:
            digest = self.resolve(repository, reference)
            if digest is None or digest not in self.manifests(repository):
                return None
            tags = [tag for tag, value in self.tags(repository).items() if value == digest]
            leaving = tags if reference == digest else [reference]
            for tag in leaving:
                (self._repository(repository) / "_tags" / tag).unlink(missing_ok=True)
            if set(leaving) != set(tags):
                return None
            self._link(repository, "_manifests", digest).unlink(missing_ok=True)
            return digest

    def delete_blob(self, repository: str, digest: str) -> bool:
        """Forget that `repository` has the blob; whether it had.  Another repository's stays."""
        had = self.has_blob(repository, digest)
        if had:
            self._link(repository, "_blobs", digest).unlink(missing_ok=True)
        return had

    def delete_repository(self, repository: str) -> None:
        shutil.rmtree(self._repository(repository), ignore_errors=True)

    def collect(self) -> int:
        """Delete blobs that no repository has any more; how many.  Only while nothing is being pushed."""
        linked = set(self._linked())
        loose = [
            blob for blob in (self.root / "blobs" / "sha256").iterdir() if blob.name not in linked
        ]
        for blob in loose:
            blob.unlink()
        return len(loose)

    def _linked(self) -> Iterable[str]:
        for kind in ("_blobs", "_manifests"):
            yield from (link.name for link in (self.root / "repositories").rglob(f"{kind}/*"))

    # places: a name that could leave the root never becomes a path

    def _repository(self, name: str) -> Path:
        if not NAME.fullmatch(name) or len(name) > 256:
            raise ConfigError(
                f"{name!r} is not a repository", hint="use lower-case letters, digits, . _ - and /"
            )
        return self.root / "repositories" / name

    def _link(self, repository: str, kind: str, digest: str) -> Path:
        return self._repository(repository) / kind / self.blob_path(digest).name

    def _upload(self, upload: str) -> Path:
        if not _UPLOAD.fullmatch(upload):
            raise NotFound(f"no upload {upload}", hint="begin a new one with POST")
        return self.root / "uploads" / upload

    def _write(self, place: Path, text: str) -> None:
        """All of it or nothing: a reader never sees half."""
        place.parent.mkdir(parents=True, exist_ok=True)
        part = self.root / "uploads" / f".{secrets.token_hex(8)}"
        part.write_bytes(text.encode())
        part.replace(place)
