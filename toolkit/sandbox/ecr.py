"""ECR's two faces, one set of images: what is pushed to the registry is in the API, what the API deletes is gone.

moto keeps the repositories; the registry's storage keeps the images.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .calls import Answer, Call, Refusal
from .cloud import Cloud
from .handlers import Ask, Handler
from .image_store import Storage

TOKEN_HOURS = (
    12  # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html
)


class Ecr:
    """The operations that concern both, and the registry's callbacks."""

    def __init__(self, cloud: Cloud, storage: Storage) -> None:
        self._cloud, self._storage = cloud, storage
        self.registry = ""  # its URL, once it is served

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("ecr", "GetAuthorizationToken"): self.token,
            ("ecr", "BatchDeleteImage"): self.delete_images,
            ("ecr", "DeleteRepository"): self.delete_repository,
            ("ecr", "PutImage"): self.put_image,
        }

    # what the registry asks

    def exists(self, repository: str) -> bool:
        with self._cloud.backend("ecr") as backend:
            return repository in backend.repositories

    def immutable(self, repository: str) -> bool:
        with self._cloud.backend("ecr") as backend:
            return bool(backend.repositories[repository].image_tag_mutability == "IMMUTABLE")

    def pushed(self, repository: str, tag: str | None, digest: str, kind: str, text: str) -> None:
        """A manifest is in the registry: list it in the API."""
        with self._cloud.backend("ecr") as backend:
            images = backend.repositories[repository].images
            known = next((i for i in images if i.get_image_digest() == digest), None)
            if known is None or (tag and tag not in known.image_tags):
                backend.put_image(repository, text, tag, kind, digest)

    def gone(self, repository: str, digest: str) -> None:
        with self._cloud.backend("ecr") as backend:
            if repository in backend.repositories:
                backend.batch_delete_image(repository, image_ids=[{"imageDigest": digest}])

    # what the API is asked

    def token(self, _: Call, ask: Ask) -> Answer:
        """moto's token ended in 2015 and is for AWS's own registry."""
        answer = ask()
        found = answer.json()
        for entry in found.get("authorizationData", ()):
            entry["expiresAt"] = (datetime.now(UTC) + timedelta(hours=TOKEN_HOURS)).timestamp()
            entry["proxyEndpoint"] = self.registry
        return answer.replaced(found)

    def delete_images(self, call: Call, ask: Ask) -> Answer:
        answer = ask()
        repository = call.parameters["repositoryName"]
        for image in answer.json().get("imageIds", ()) if answer.ok else ():
            asked = [i for i in call.parameters["imageIds"] if _names(i, image)]
            by_digest = any("imageTag" not in i for i in asked)
            reference = image.get("imageDigest") if by_digest else image.get("imageTag")
            if reference:
                self._storage.delete(repository, reference)
        return answer

    def delete_repository(self, call: Call, ask: Ask) -> Answer:
        answer = ask()
        if answer.ok:
            self._storage.delete_repository(call.parameters["repositoryName"])
        return answer

    def put_image(self, call: Call, ask: Ask) -> Answer:
        """Refused while a layer is missing from this very repository (API reference, PutImage)."""
        asked = call.parameters
        manifest = _parsed(asked["imageManifest"])
        needed = [
            part["digest"] for part in (manifest.get("config"), *manifest.get("layers", ())) if part
        ]
        missing = [d for d in needed if not self._storage.has_blob(asked["repositoryName"], d)]
        if missing or not needed:
            raise Refusal(
                "LayersNotFoundException",
                f"The specified layers do not exist in the repository '{asked['repositoryName']}'",
            )
        answer = ask()
        if answer.ok:
            kind = asked.get("imageManifestMediaType") or manifest.get("mediaType", "")
            data = asked["imageManifest"].encode()
            digest = self._storage.put_manifest(asked["repositoryName"], data, kind)
            if tag := asked.get("imageTag"):
                self._storage.tag(asked["repositoryName"], tag, digest)
        return answer


def _names(wanted: Mapping[str, Any], image: Mapping[str, Any]) -> bool:
    return all(image.get(key) == value for key, value in wanted.items())


def _parsed(text: str) -> dict[str, Any]:

    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise Refusal(
            "InvalidParameterException",
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
        ) from error
