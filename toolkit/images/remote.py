"""One registry over HTTP: blobs, manifests, tags.  The only file that speaks the distribution API.

Blobs go up in one streamed PUT after the POST, never in several PATCHes: ECR drops every chunk after the first
(https://github.com/aws/containers-roadmap/issues/2831), and one PUT is how containerd pushes everywhere.
What is read is checked against its digest.  A step that failed in a way that may pass is done again from its
beginning; an answer that cannot pass becomes one of our errors, with what to do.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from toolkit.core.errors import (
    AccessDenied,
    AlError,
    Conflict,
    LimitExceeded,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.retry import retrying

from .layer import sha256

T = TypeVar("T")
Chunks = Callable[[], Iterator[bytes]]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_ACCEPT = ", ".join((OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_INDEX))
_LARGEST_READ = 64 * 1024 * 1024  # of a manifest or a configuration, which are read into memory
_PIECE = 1024 * 1024
_TIMEOUT = httpx.Timeout(120, connect=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest as stored: `body` is it parsed."""

    digest: str
    media_type: str
    body: dict[str, Any]


class Remote:
    """A registry at `url`, called `host` in messages.  Thread-safe.

    `patience`: seconds of trying a question again; for a transfer, which may take long before it breaks, only the
    waits between the tries count.
    """

    def __init__(self, url: str, *, host: str, auth: httpx.Auth, patience: float = 10.0) -> None:
        self.host = host
        self._patience = patience
        self._client = httpx.Client(
            base_url=url,
            auth=auth,
            timeout=_TIMEOUT,
            follow_redirects=True,
            trust_env=not _loopback(url),
        )

    def close(self) -> None:
        self._client.close()

    # reading

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest of a tag, or None when there is no such image or repository."""
        response = self._ask("HEAD", f"/v2/{repository}/manifests/{reference}", missing=True)
        if response.status_code == 404:
            return None
        found = response.headers.get("Docker-Content-Digest")
        return found or self.manifest(repository, reference).digest

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Raises NotFound, or Conflict when its bytes are not what the digest says."""
        response = self._ask("GET", f"/v2/{repository}/manifests/{reference}")
        digest = sha256(response.content)
        _check(reference if reference.startswith("sha256:") else digest, digest, self.host)
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        return Manifest(digest=digest, media_type=media_type, body=_json(response, self.host))

    def has_blob(self, repository: str, digest: str) -> bool:
        return (
            self._ask("HEAD", f"/v2/{repository}/blobs/{digest}", missing=True).status_code == 200
        )

    def blob(self, repository: str, digest: str) -> bytes:
        """A small blob, in memory."""
        return self._transferred(
            lambda: b"".join(self.stream(repository, digest, most=_LARGEST_READ))
        )

    def stream(self, repository: str, digest: str, *, most: int | None = None) -> Iterator[bytes]:
        """The blob piece by piece; raises at its end when it was not what `digest` says."""
        seen, size = hashlib.sha256(), 0
        with (
            self._translated(),
            self._client.stream("GET", f"/v2/{repository}/blobs/{digest}") as response,
        ):
            if response.is_error:
                response.read()
                raise self._error(response)
            for piece in response.iter_bytes(_PIECE):
                seen.update(piece)
                size += len(piece)
                if most is not None and size > most:
                    raise LimitExceeded(
                        f"{digest} in {self.host} is too large to read",
                        hint="use another base image",
                    )
                yield piece
        _check(digest, f"sha256:{seen.hexdigest()}", self.host)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Every tag, all pages.  A repository that is not there has none."""
        names: list[str] = []
        url: str | None = f"/v2/{repository}/tags/list"
        while url:
            response = self._ask("GET", url, missing=True)
            if response.status_code == 404:
                break
            names += _json(response, self.host).get("tags") or []
            url = response.links.get("next", {}).get("url")
        return tuple(names)

    # writing

    def upload(
        self,
        repository: str,
        digest: str,
        size: int,
        chunks: Chunks,
        *,
        mount_from: str | None = None,
    ) -> None:
        """Put a blob of `size` bytes there.  `chunks()` begins it anew, so that a broken upload can be repeated.

        With `mount_from` the registry may take it from its repository of that name (201); one that does not, as
        ECR by default, answers 202 and gets the bytes.
        """
        self._transferred(lambda: self._upload_once(repository, digest, size, chunks, mount_from))

    def _upload_once(
        self, repository: str, digest: str, size: int, chunks: Chunks, mount_from: str | None
    ) -> None:
        mount = {"mount": digest, "from": mount_from} if mount_from else {}
        begun = self._once("POST", f"/v2/{repository}/blobs/uploads/", params=mount)
        if begun.status_code == 201:
            return
        target = (
            httpx.URL(str(begun.url))
            .join(begun.headers["Location"])
            .copy_merge_params({"digest": digest})
        )
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._once("PUT", target, content=chunks(), headers=headers)

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str:
        """Its digest.  Raises Conflict when the registry read something else."""
        headers = {"Content-Type": media_type}
        response = self._ask(
            "PUT", f"/v2/{repository}/manifests/{reference}", content=data, headers=headers
        )
        digest = sha256(data)
        _check(digest, response.headers.get("Docker-Content-Digest", digest), self.host)
        return digest

    def delete(self, repository: str, reference: str) -> None:
        """Delete an image; one that is not there is fine."""
        self._ask("DELETE", f"/v2/{repository}/manifests/{reference}", missing=True)

    # one request

    def _ask(
        self, method: str, url: str, *, missing: bool = False, **options: Any
    ) -> httpx.Response:
        return self._again(lambda: self._once(method, url, missing=missing, **options))

    def _again(self, call: Callable[[], T]) -> T:
        return retrying(call, seconds=self._patience)

    def _transferred(self, transfer: Callable[[], T]) -> T:
        waited = 0.0

        def sleep(seconds: float) -> None:
            nonlocal waited
            waited += seconds
            time.sleep(seconds)

        return retrying(transfer, seconds=self._patience, sleep=sleep, clock=lambda: waited)

    def _once(
        self, method: str, url: str | httpx.URL, *, missing: bool = False, **options: Any
    ) -> httpx.Response:
        headers = {"Accept": _ACCEPT, **options.pop("headers", {})}
        with self._translated():
            response = self._client.request(method, url, headers=headers, **options)
        if response.is_error and not (missing and response.status_code == 404):
            raise self._error(response)
        return response

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Unreachable(
                f"the registry {self.host} does not answer ({type(error).__name__})",
                hint="check the network, and for the sandbox `al sandbox status`; then run it again",
            ) from error

    def _error(self, response: httpx.Response) -> AlError:
        """What a refusal means.  The registry's own words are kept: they name the missing permission."""
        code, words = _refusal(response)
        said = f"{self.host} answered {response.status_code}{f' ({code})' if code else ''}: {words}"
        if response.status_code in {401, 403}:
            return AccessDenied(
                said, hint="log in to the registry, or let this identity push and pull there"
            )
        if code == "NAME_UNKNOWN":
            return NotFound(
                said, hint="the repository is missing: run `al push` again, it creates it"
            )
        if response.status_code == 404:
            return NotFound(said, hint="check the image's name, and that it has not been deleted")
        if response.status_code == 429:
            return Throttled(said, hint="wait a minute and run it again")
        if response.status_code >= 500:
            return Unreachable(said, hint="the registry has a fault: run it again")
        return Conflict(
            said, hint="run it again; if it stays so, the registry does not take this image"
        )


def _refusal(response: httpx.Response) -> tuple[str, str]:
    try:
        error = response.json()["errors"][0]
        return str(error.get("code", "")), str(error.get("message", ""))[:500]
    except (ValueError, LookupError, TypeError, AttributeError, httpx.ResponseNotRead):
        return "", response.reason_phrase


def _json(response: httpx.Response, host: str) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Conflict(f"{host} did not answer like a registry", hint="check the host's name")
    return body


def _check(expected: str, actual: str, host: str) -> None:
    if expected != actual:
        raise Conflict(
            f"{host} gave {actual} for {expected}",
            hint="the image is damaged there: push or name another one",
        )


def _loopback(url: str) -> bool:
    """A proxy of the environment cannot reach what listens on this machine only."""
    return bool(re.match(r"https?://(127\.|localhost|\[::1\])", url))
