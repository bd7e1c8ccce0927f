"""What the embedded Google cloud has of this machine: images, and a directory to work in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolkit.sandbox.image_store import Storage
from toolkit.sandbox.images import Images


def _nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`registry` is host:port of the OCI registry that serves `storage`; `work` holds one directory per container."""

    storage: Storage
    images: Images
    work: Path
    registry: str
    touch: Callable[[], None] = _nothing
