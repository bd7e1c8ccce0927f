"""The sandbox's OCI registry: the distribution API v2 as far as docker, crane and `al` use it, with ECR's manners.

Manners of ECR that differ from a plain registry: Basic authentication as `AWS:<token>`; a repository must have been
created first; a blob is looked for in its own repository only, and mounting one from another is answered with
202 and an upload (https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html); a manifest may not
exceed 4 MiB; all that a manifest names must be in its repository
(https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html).

A WSGI application, safe under a threaded server.  Serving it, and keeping browsers out, is the sandbox's part.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from toolkit.core.errors import AlError, NotFound

from .image_store import DIGEST, NAME, TAG, Storage, digest_of

__all__ = ["Registry", "Storage"]

MANIFESTS = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }
)
INDEXES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
LARGEST_MANIFEST = 4 * 1024 * 1024
LARGEST_PAGE = 1000
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html,
# https://cloud.google.com/artifact-registry/docs/docker/authentication#token
_USERS = frozenset({"AWS", "oauth2accesstoken"})
_ROUTE = re.compile(
    rf"/v2/(?P<name>{NAME.pattern})/(?:(?P<uploads>blobs/uploads)/(?P<upload>[^/]*)|(?P<blobs>blobs)/(?P<digest>[^/]+)"
    r"|(?P<manifests>manifests)/(?P<reference>[^/]+)|(?P<tags>tags)/list)"
)


class Refusal(Exception):
    """An answer in the API's error form: a status, a code of the specification and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> Response:
        body = {"errors": [{"code": self.code, "message": self.message, "detail": None}]}
        return Response(json.dumps(body), self.status, content_type="application/json")


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The application.  Every callback may be called from several threads at once.

    `on_manifest(repository, tag or None, digest, media type, manifest)` gets the manifest's text exactly as it was
    pushed, so that whoever hashes it again finds the same digest.  `on_delete(repository, digest)` follows a deletion.
    `authorised` gets the password of `AWS:<password>`, or of `oauth2accesstoken:<token>`.
    """

    storage: Storage
    repository_exists: Callable[[str], bool]
    authorised: Callable[[str], bool] = bool
    immutable: Callable[[str], bool] = lambda _: False
    on_manifest: Callable[[str, str | None, str, str, str], None] = lambda *_: None
    on_delete: Callable[[str, str], None] = lambda *_: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        response = self.respond(request)
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return response(environ, start_response)

    def respond(self, request: Request) -> Response:
        """The answer to any request; a refusal is an answer too."""
        try:
            if not self._known(request.headers.get("Authorization", "")):
                return _challenge(request)
            return self._route(request)
        except Refusal as refusal:
            return refusal.response()
        except NotFound as error:
            return Refusal(404, "BLOB_UPLOAD_UNKNOWN", error.message).response()
        except AlError as error:
            return Refusal(400, "UNSUPPORTED", error.message).response()

    def _known(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and user in _USERS and self.authorised(password)

    def _route(self, request: Request) -> Response:
        if request.path in {"/v2", "/v2/"}:
            return Response("{}", content_type="application/json")
        match = _ROUTE.fullmatch(request.path)
        if match is None:
            raise Refusal(404, "UNSUPPORTED", f"{request.path} is not part of this registry")
        name, noun = match["name"], next(n for n in _NOUNS if match[n])
        if not self.repository_exists(name):
            raise Refusal(
                404,
                "NAME_UNKNOWN",
                f"The repository with name '{name}' does not exist in the registry",
            )
        handler = getattr(self, f"_{request.method.lower()}_{noun}", None)
        if handler is None:
            raise Refusal(405, "UNSUPPORTED", f"{request.method} is not supported on {noun}")
        return cast("Response", handler(request, name, match[_NOUNS[noun]]))

    # blobs

    def _get_blobs(self, request: Request, name: str, digest: str) -> Response:
        if not self.storage.has_blob(name, digest):
            raise Refusal(404, "BLOB_UNKNOWN", f"no blob {digest} in {name}")
        place = self.storage.blob_path(digest)
        kind = "application/octet-stream"
        response = send_file(place, request.environ, mimetype=kind, conditional=True, etag=False)
        response.headers["Docker-Content-Digest"] = digest
        return response

    _head_blobs = _get_blobs

    def _delete_blobs(self, request: Request, name: str, digest: str) -> Response:
        if not self.storage.delete_blob(name, digest):
            raise Refusal(404, "BLOB_UNKNOWN", f"no blob {digest} in {name}")
        return Response(status=202)

    # uploads

    def _post_uploads(self, request: Request, name: str, upload: str) -> Response:
        """Also for `?mount=`: the client then sends the blob itself."""
        upload = self.storage.begin()
        if "digest" in request.args and request.content_length:
            return self._put_uploads(request, name, upload)
        return self._progress(name, upload, 202)

    def _get_uploads(self, request: Request, name: str, upload: str) -> Response:
        return self._progress(name, upload, 204)

    def _patch_uploads(self, request: Request, name: str, upload: str) -> Response:
        begin = request.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if begin and begin != str(self.storage.received(upload)):
            return self._progress(name, upload, 416)
        self.storage.receive(upload, request.stream)
        return self._progress(name, upload, 202)

    def _put_uploads(self, request: Request, name: str, upload: str) -> Response:
        digest = request.args.get("digest", "")
        if not DIGEST.fullmatch(digest):
            raise Refusal(400, "DIGEST_INVALID", f"{digest!r} is not a digest")
        self.storage.receive(upload, request.stream)
        if not self.storage.finish(upload, name, digest):
            raise Refusal(400, "DIGEST_INVALID", f"what was uploaded is not {digest}")
        return _created(f"/v2/{name}/blobs/{digest}", digest)

    def _delete_uploads(self, request: Request, name: str, upload: str) -> Response:
        self.storage.cancel(upload)
        return Response(status=204)

    def _progress(self, name: str, upload: str, status: int) -> Response:
        last = max(self.storage.received(upload) - 1, 0)
        headers = {
            "Location": f"/v2/{name}/blobs/uploads/{upload}",
            "Range": f"0-{last}",
            "Docker-Upload-UUID": upload,
        }
        return Response(status=status, headers=headers)

    # manifests

    def _get_manifests(self, request: Request, name: str, reference: str) -> Response:
        try:
            digest, data, media_type = self.storage.manifest_text(name, reference)
        except NotFound as error:
            raise Refusal(
                404, "MANIFEST_UNKNOWN", f"Requested image not found: {reference}"
            ) from error
        headers = {"Docker-Content-Digest": digest}
        return Response(data, headers=headers, content_type=media_type)

    _head_manifests = _get_manifests

    def _put_manifests(self, request: Request, name: str, reference: str) -> Response:
        data = request.stream.read(LARGEST_MANIFEST + 1)
        media_type = request.headers.get("Content-Type", "").partition(";")[0]
        self._check_manifest(name, data, media_type)
        tag = self._check_reference(reference, data)
        digest = self.storage.put_manifest(name, data, media_type)
        if tag and not self.storage.tag(name, tag, digest, immutable=self.immutable(name)):
            raise Refusal(
                400,
                "TAG_INVALID",
                f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten "
                "because the repository is immutable.",
            )
        self.on_manifest(name, tag, digest, media_type, data.decode())
        return _created(f"/v2/{name}/manifests/{reference}", digest)

    def _check_reference(self, reference: str, data: bytes) -> str | None:
        """The tag to set, or None when the reference is the digest."""
        if ":" in reference:
            if reference != digest_of(data):
                raise Refusal(400, "DIGEST_INVALID", f"the manifest is not {reference}")
            return None
        if not TAG.fullmatch(reference):
            raise Refusal(400, "TAG_INVALID", f"{reference!r} is not a tag")
        return reference

    def _check_manifest(self, name: str, data: bytes, media_type: str) -> None:
        manifest = _parsed(data, media_type)
        try:
            if media_type in INDEXES:
                needed = [child["digest"] for child in manifest["manifests"]]
                lacking = set(needed) - set(self.storage.manifests(name))
            else:
                needed = [part["digest"] for part in (manifest["config"], *manifest["layers"])]
                lacking = {digest for digest in needed if not self.storage.has_blob(name, digest)}
        except (KeyError, TypeError) as error:
            raise Refusal(400, "MANIFEST_INVALID", f"the manifest lacks {error}") from error
        if lacking:
            code = "MANIFEST_UNKNOWN" if media_type in INDEXES else "MANIFEST_BLOB_UNKNOWN"
            raise Refusal(400, code, f"not in {name}: {', '.join(sorted(map(str, lacking)))}")

    def _delete_manifests(self, request: Request, name: str, reference: str) -> Response:
        if self.storage.resolve(name, reference) not in self.storage.manifests(name):
            raise Refusal(404, "MANIFEST_UNKNOWN", f"Requested image not found: {reference}")
        gone = self.storage.delete(name, reference)
        if gone:
            self.on_delete(name, gone)
        return Response(status=202)

    def _get_tags(self, request: Request, name: str, _: str) -> Response:
        tags = [tag for tag in self.storage.tags(name) if tag > request.args.get("last", "")]
        wanted = request.args.get("n", "")
        size = min(int(wanted) if wanted.isdecimal() else LARGEST_PAGE, LARGEST_PAGE)
        page = tags[:size]
        body = json.dumps({"name": name, "tags": page})
        response = Response(body, content_type="application/json")
        if page and len(tags) > size:
            response.headers["Link"] = (
                f'</v2/{name}/tags/list?n={size}&last={page[-1]}>; rel="next"'
            )
        return response


_NOUNS = {"uploads": "upload", "blobs": "digest", "manifests": "reference", "tags": "tags"}


def _parsed(data: bytes, media_type: str) -> dict[str, Any]:
    if len(data) > LARGEST_MANIFEST:
        raise Refusal(400, "MANIFEST_INVALID", "a manifest may have 4 MiB at most")
    if media_type not in MANIFESTS | INDEXES:
        raise Refusal(
            400, "MANIFEST_INVALID", f"{media_type!r} is not a supported manifest media type"
        )
    try:
        manifest = json.loads(data)
    except ValueError as error:
        raise Refusal(400, "MANIFEST_INVALID", "the manifest is not JSON") from error
    if not isinstance(manifest, dict) or manifest.get("mediaType", media_type) != media_type:
        raise Refusal(400, "MANIFEST_INVALID", "the manifest's mediaType is not its Content-Type")
    return manifest


def _created(location: str, digest: str) -> Response:
    return Response(status=201, headers={"Location": location, "Docker-Content-Digest": digest})


def _challenge(request: Request) -> Response:
    refusal = Refusal(401, "UNAUTHORIZED", "Not Authorized").response()
    refusal.headers["WWW-Authenticate"] = (
        f'Basic realm="{request.host_url}",service="ecr.amazonaws.com"'
    )
    return refusal
