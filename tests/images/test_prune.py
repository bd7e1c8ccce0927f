"""Which images may be deleted: laws over any history."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from toolkit.images.prune import Pushed, prunable

START = datetime(2026, 1, 1, tzinfo=UTC)


def image(number: int, minutes: int, *tags: str) -> Pushed:
    return Pushed(
        digest=f"sha256:{number:064x}", tags=tags, time=START + timedelta(minutes=minutes)
    )


IMAGES = st.lists(
    st.builds(image, st.integers(0, 12), st.integers(0, 5), st.text("ab", min_size=1, max_size=2)),
    max_size=20,
)
NAMED = st.sets(st.integers(0, 12).map(lambda n: f"sha256:{n:064x}"))
KEEP = st.integers(-1, 6)


@given(IMAGES, NAMED, KEEP)
def test_what_a_definition_names_is_never_deleted(
    images: Sequence[Pushed], named: set[str], keep: int
) -> None:
    """Lambda's functions and ECS's task definitions start from it at any time."""
    assert not set(prunable(images, named=named, keep=keep)) & named


@given(IMAGES, NAMED, KEEP)
def test_at_least_so_many_older_ones_stay(
    images: Sequence[Pushed], named: set[str], keep: int
) -> None:
    """The newest, and `keep` before it that nothing names, or all when there are fewer."""
    digests = {i.digest for i in images}
    left = digests - set(prunable(images, named=named, keep=keep)) - named
    assert len(left) >= min(len(digests - named), keep)


@given(IMAGES, NAMED, KEEP)
def test_nothing_that_stays_is_older_than_what_goes(
    images: Sequence[Pushed], named: set[str], keep: int
) -> None:
    """Except what a definition names."""
    gone = set(prunable(images, named=named, keep=keep))
    latest = {d: max(i.time for i in images if i.digest == d) for d in {i.digest for i in images}}
    stays = [time for digest, time in latest.items() if digest not in gone | named]
    assert all(latest[digest] <= time for digest in gone for time in stays)


@given(IMAGES, NAMED, KEEP)
def test_deciding_again_after_deleting_deletes_nothing(
    images: Sequence[Pushed], named: set[str], keep: int
) -> None:
    """One pruning is enough."""
    gone = prunable(images, named=named, keep=keep)
    assert prunable([i for i in images if i.digest not in gone], named=named, keep=keep) == ()


@given(IMAGES, NAMED, KEEP)
def test_the_order_of_the_listing_does_not_matter(
    images: Sequence[Pushed], named: set[str], keep: int
) -> None:
    """Also with equal times."""
    assert prunable(list(reversed(images)), named=named, keep=keep) == prunable(
        images, named=named, keep=keep
    )


def test_an_example() -> None:
    """Six pushes, the third named, two kept: the two oldest others go, the later of them first."""
    images = [image(n, n, f"t{n}") for n in range(6)]
    assert prunable(images, named={images[2].digest}, keep=2) == (
        images[1].digest,
        images[0].digest,
    )


def test_a_digest_is_as_young_as_its_last_push() -> None:
    """Tagged again, an old image is in use again; a tag that stays keeps its digest."""
    images = [image(1, 0, "old"), image(1, 9, "again"), image(2, 5), image(3, 4)]
    assert prunable(images, named=(), keep=1) == (images[3].digest,)
