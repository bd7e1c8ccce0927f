"""What a builder is to make: one image, named by all that goes into it.  Pure.

A builder far away gets the context as an image of one layer, in the registry that the result goes to: no bucket, no right
but the registry's, and nothing to clean up besides images.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from toolkit.core.ports import LayerFile

from .architecture import AMD64
from .context import content_hash
from .layer import sha256

Note = Callable[[str], None]
CONTEXT = "/context"  # in the image that carries it

# Attestations make an index of an image, which Lambda refuses
# (https://docs.docker.com/build/metadata/attestations/#disable-attestations).
SCRIPT = """\
set -eu
docker pull --quiet "$AL_CONTEXT"
holder=$(docker create "$AL_CONTEXT" none)
docker cp "$holder:/context" context
docker rm "$holder" >/dev/null
export DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1
docker build --pull --platform "$AL_PLATFORM" --tag "$AL_TARGET" context
docker push "$AL_TARGET"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`name` is for people; `repository` is within the environment's registry."""

    name: str
    repository: str
    tag: str
    dockerfile: str
    context: Mapping[str, LayerFile] = field(default_factory=dict)
    architecture: str = AMD64

    @property
    def platform(self) -> str:
        return f"linux/{self.architecture}"

    @property
    def parts(self) -> Mapping[str, LayerFile]:
        """All that a builder sees, the Dockerfile over a file of that name."""
        return {**self.context, "Dockerfile": LayerFile(self.dockerfile.encode())}


class Builder(Protocol):
    """Who makes images from Dockerfiles and puts them into the environment's registry."""

    def make(self, orders: Sequence[Order], note: Note) -> None:
        """All of them, side by side where it can.  Raises AlError with the last lines of one that fails; when it is
        interrupted, nothing goes on elsewhere."""


def order(
    name: str,
    repository: str,
    dockerfile: str,
    context: Mapping[str, LayerFile],
    *,
    upon: str = "",
    architecture: str = AMD64,
) -> Order:
    """`upon` names what is below it, if its Dockerfile does not."""
    named = {f"{CONTEXT}/{path}": file for path, file in context.items()}
    seed = sha256(f"{upon}\0{architecture}\0{dockerfile}".encode())
    return Order(
        name=name,
        repository=repository,
        tag=f"built-{content_hash(seed, named, {})}",
        dockerfile=dockerfile,
        context=context,
        architecture=architecture,
    )


def carried(one: Order) -> tuple[str, Mapping[str, LayerFile]]:
    """The tag and the files of the image that carries an order's context."""
    digest = hashlib.sha256(one.tag.encode()).hexdigest()[:20]
    return f"context-{digest}", {f"{CONTEXT}/{path}": file for path, file in one.parts.items()}
