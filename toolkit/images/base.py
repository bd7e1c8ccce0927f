"""Which image agents are built upon (D20), and what an image is called.

In the sandbox it is one layer made from the installed package, pushed once per content.  A real account names its base, or a
builder that makes ours (own_base.py): `al` does not guess what should run there.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from toolkit.core.errors import ConfigError
from toolkit.core.names import BASE
from toolkit.core.ports import Context

from .architecture import AMD64, ARM64
from .context import AGENT_CONFIG, base_files, content_hash
from .homes import home_of
from .reference import Reference

if TYPE_CHECKING:
    from .oci import OciRegistry  # it brings httpx, which a push that changes nothing does without

NO_BASE = "the environment does not say which base image agents are built upon"
_CHOICE = (
    'set builder = "docker", "codebuild" or "cloudbuild" under [images] of the environment, which makes it; or build '
    'what `python -m toolkit.images.own_base` writes, push it, and set base = "HOST/REPOSITORY:TAG"'
)


def image(context: Context, repository: str, digest: str) -> str:
    """The reference for definitions: by digest, under the cloud's own name in the sandbox too."""
    home = home_of(context.environment)
    return f"{home.host}/{home.path(repository)}@{digest}"


def base_reference(
    context: Context, registry: "OciRegistry", *, part: str = "base", architecture: str = AMD64
) -> tuple[str, str]:
    """(reference, digest) of the base.  `part` is `base` or `gateway`, as under [images]; in the sandbox one is made.

    Raises ConfigError when a real environment names none, or none for this architecture.
    """
    if named := _named(context.environment.images, part, architecture):
        found = registry.base(named, architecture)
        pinned = Reference(
            host=found.reference.host,
            repository=found.reference.repository,
            digest=found.manifest.digest,
        )
        return str(pinned), found.manifest.digest
    if not context.environment.embedded:
        raise ConfigError(NO_BASE, hint=_CHOICE)
    return _sandbox_base(context, registry, architecture)


def sandbox_tag(architecture: str) -> str:
    """The tag of the sandbox's own base: a hash of what is in it.  The layer is the same for every architecture."""
    return content_hash("" if architecture == AMD64 else architecture, base_files(), AGENT_CONFIG)


def _named(images: Mapping[str, str], part: str, architecture: str) -> str | None:
    """`baseArm64` wins for arm64; `base` may be an index of both."""
    own = images.get("baseArm64") if architecture == ARM64 else images.get(part)
    return own or images.get("base")


def _sandbox_base(context: Context, registry: "OciRegistry", architecture: str) -> tuple[str, str]:
    repository, tag = context.names.repository(BASE), sandbox_tag(architecture)
    digest = registry.digest(repository, tag) or registry.push_base(
        repository, tag, base_files(), AGENT_CONFIG, architecture=architecture
    )
    return image(context, repository, digest), digest
