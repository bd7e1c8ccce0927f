"""Which images may go: a pure decision, and the looks at the cloud that it needs, each cloud's in a file of its own.

An image that a definition names must stay: without it the next start fails, and neither ECR nor Artifact Registry
protects an image in use (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html,
https://cloud.google.com/run/docs/deploying#images).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from toolkit.core.environment import GcpCloud
from toolkit.core.ports import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One image of a repository: all its tags, and when it came."""

    digest: str
    tags: tuple[str, ...]
    time: datetime


def prunable(images: Iterable[Pushed], *, named: Collection[str], keep: int) -> tuple[str, ...]:
    """Digests to delete, oldest last: neither `named` by a definition, nor the newest, nor among `keep` before it.

    A digest that was pushed under several tags is one image, as old as its latest push.
    """
    latest: dict[str, datetime] = {}
    for image in images:
        latest[image.digest] = max(image.time, latest.get(image.digest, image.time))
    newest_first = sorted(latest, key=lambda digest: (latest[digest], digest), reverse=True)
    older = [digest for digest in newest_first[1:] if digest not in named]
    return tuple(older[max(keep, 0) :])


def pushed(context: Context, repository: str) -> list[Pushed]:
    """Every image of the repository, newest first.  One that is missing has none."""
    if isinstance(context.environment.cloud, GcpCloud):
        from .artifacts import pushed as found
    else:
        from .ecr import pushed as found
    return sorted(
        found(context, repository), key=lambda image: (image.time, image.digest), reverse=True
    )


def delete(context: Context, repository: str, digests: Sequence[str]) -> tuple[str, ...]:
    """Delete these with their tags; which of them are gone now.  Those that had gone before are fine."""
    if isinstance(context.environment.cloud, GcpCloud):
        from .artifacts import delete as remove

        remove(context, repository, digests)
        return tuple(digests)
    from .ecr import delete as remove_from_ecr

    return remove_from_ecr(context, repository, digests)


def in_use(context: Context) -> Collection[str]:
    """Digests that the cloud itself still runs, whatever is recorded: Cloud Run's jobs outlast their definition while a
    run of them goes on.  On AWS what is registered is recorded, too."""
    if not isinstance(context.environment.cloud, GcpCloud):
        return ()
    from .artifacts import in_use as named

    return named(context)
