"""Image references, as people write them: `python:3.11-slim`, `ghcr.io/me/base@sha256:...`."""

import re
from dataclasses import dataclass

from toolkit.core.errors import ConfigError

_REFERENCE = re.compile(
    r"(?P<path>(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
DOCKER_HUB = "registry-1.docker.io"  # where `docker.io` images are served


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where an image is.  A digest, when there is one, wins over the tag."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Docker's rules: the part before the first slash is a host when it has a dot, a port or is localhost.

        Raises ConfigError.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"{text!r} is not an image reference",
                hint="write HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:DIGEST",
            )
        host, slash, repository = match["path"].partition("/")
        if not slash or not ({".", ":"} & set(host) or host == "localhost"):
            host, repository = "docker.io", match["path"]
        if host in {"docker.io", "index.docker.io"}:
            host = DOCKER_HUB
            repository = repository if "/" in repository else f"library/{repository}"
        return cls(host=host, repository=repository, tag=match["tag"], digest=match["digest"])

    @property
    def version(self) -> str:
        """What to ask the registry for."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        mark = "@" if self.digest else ":"
        return f"{self.host}/{self.repository}{mark}{self.version}"
