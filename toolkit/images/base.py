"""Which image agents are built upon (D20), and what an image is called.

In the sandbox it is one layer made from the installed package, pushed once per content.  A real account names its
base: `al` does not guess what should run there.
"""

from typing import TYPE_CHECKING

from toolkit.clouds.aws import cloud_of
from toolkit.core.errors import ConfigError
from toolkit.core.names import BASE
from toolkit.core.ports import Context

from .context import AGENT_CONFIG, base_files, content_hash
from .reference import Reference, ecr_host

if TYPE_CHECKING:
    from .oci import OciRegistry  # it brings httpx, which a push that changes nothing does without

NO_BASE = "the environment does not say which base image agents are built upon"
_CHOICE = (
    'build toolkit/images/base/Dockerfile, push it, and set base = "HOST/REPOSITORY:TAG" under [images] of the '
    "environment; building it for you with docker or codebuild is not there yet"
)


def image(context: Context, repository: str, digest: str) -> str:
    """The reference for definitions: by digest, under ECR's own name in the sandbox too."""
    return f"{ecr_host(cloud_of(context.environment))}/{repository}@{digest}"


def base_reference(
    context: Context, registry: "OciRegistry", *, part: str = "base"
) -> tuple[str, str]:
    """(reference, digest) of the base.  `part` is `base` or `gateway`, as under [images]; in the sandbox one is made.

    Raises ConfigError when a real environment names none.
    """
    named = context.environment.images.get(part) or context.environment.images.get("base")
    if named:
        found = registry.base(named)
        pinned = Reference(
            host=found.reference.host,
            repository=found.reference.repository,
            digest=found.manifest.digest,
        )
        return str(pinned), found.manifest.digest
    if cloud_of(context.environment).endpoint is None:
        raise _unnamed(context.environment.images.get("builder"))
    return _sandbox_base(context, registry)


def _sandbox_base(context: Context, registry: "OciRegistry") -> tuple[str, str]:
    repository, files = context.names.repository(BASE), base_files()
    tag = content_hash("", files, AGENT_CONFIG)
    digest = registry.digest(repository, tag) or registry.push_base(
        repository, tag, files, AGENT_CONFIG
    )
    return image(context, repository, digest), digest


def _unnamed(builder: str | None) -> ConfigError:
    if builder and builder != "append":
        return ConfigError(f"the builder {builder!r} cannot make a base image yet", hint=_CHOICE)
    return ConfigError(NO_BASE, hint=_CHOICE)
